"""Pairs of original and edited texts, from the layouts in which they are published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plaudit.data.pairs import Pairs, read
from plaudit.errors import DataError

LABELS = ("negative", "positive")
# As in counterfactually augmented IMDB: quoted where a text holds quotes, labels with a capital.
LONG = (
    "Sentiment\tText\tbatch_id\n"
    "Negative\tImplausible plot.<br /><br />Don't see this.\t122\n"
    "Positive\tIncredible plot.<br /><br />See this.\t122\n"
    'Positive\t"""Pulp Fiction"" rightfully lost."\t284\n'
    'Negative\t"""Pulp Fiction"" was robbed."\t284\n'
)


def plain(pairs: Pairs) -> list[tuple[str, int, str, int]]:
    return [(a.text, a.target, b.text, b.target) for a, b in pairs.pairs]


EXPECTED = [
    ("Implausible plot.<br /><br />Don't see this.", 0, "Incredible plot.<br /><br />See this.", 1),
    ('"Pulp Fiction" rightfully lost.', 1, '"Pulp Fiction" was robbed.', 0),
]


def test_two_rows_tied_by_an_id_are_a_pair_the_first_being_the_original(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(LONG)
    pairs = read(str(path), LABELS)
    assert plain(pairs) == EXPECTED
    assert [a.origin for a, _ in pairs.pairs] == ["pairs.tsv:2", "pairs.tsv:4"]
    assert "batch_id" in pairs.layout


def test_the_rows_of_a_pair_need_not_be_neighbours(tmp_path: Path) -> None:
    lines = LONG.splitlines()
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join([lines[0], lines[1], lines[3], lines[4], lines[2]]))
    assert plain(read(str(path), LABELS)) == EXPECTED


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_pair_may_stand_in_one_row_of_any_table(tmp_path: Path, kind: str) -> None:
    import pandas

    names = ("original", "label", "edited", "edited_label")
    cells = (("good", "positive", "bad", "negative"), ("dull", "neg", "fun", "POS"))
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    path = tmp_path / f"pairs.{kind}"
    match kind:
        case "csv":
            pandas.DataFrame(rows).to_csv(path, index=False)
        case "jsonl":
            path.write_text("\n".join(map(json.dumps, rows)))
        case "parquet":
            pandas.DataFrame(rows).to_parquet(path)
    assert plain(read(str(path), LABELS)) == [("good", 1, "bad", 0), ("dull", 0, "fun", 1)]


def test_two_files_whose_rows_correspond_are_pairs(tmp_path: Path) -> None:
    """As the contrast sets come."""
    (tmp_path / "original.tsv").write_text("Sentiment\tText\nNegative\tbad\nPositive\tgood\n")
    (tmp_path / "contrast.tsv").write_text("Sentiment\tText\nPositive\tfine\nNegative\tpoor\n")
    both = [str(tmp_path / "original.tsv"), str(tmp_path / "contrast.tsv")]
    assert plain(read(both, LABELS)) == [("bad", 0, "fine", 1), ("good", 1, "poor", 0)]
    (tmp_path / "contrast.tsv").write_text("Sentiment\tText\nPositive\tfine\n")
    with pytest.raises(DataError, match=r"original\.tsv has 2 rows and contrast\.tsv 1"):
        read(both, LABELS)


def test_columns_can_be_named_and_labels_mapped(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("a,b,x,y\ngood,bad,1,0\n")
    columns = {"original": "a", "edited": "b", "label": "x", "edited_label": "y"}
    mapping = {"0": "negative", "1": "positive"}
    assert plain(read(str(path), LABELS, columns=columns, mapping=mapping)) == [
        ("good", 1, "bad", 0)
    ]
    with pytest.raises(DataError, match="did you mean 'edited_label'"):
        read(str(path), LABELS, columns={"edited_labl": "y"})
    with pytest.raises(DataError, match="there is no column 'z' \\(edited\\)"):
        read(str(path), LABELS, columns=columns | {"edited": "z"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text,label\ngood,positive\n", "no column looks like the id"),
        ("text,label,id\n", "there are no pairs"),
        ("text,label,id\ngood,positive,7\nbad,negative,7\nso,negative,8\n", "id '8' has 1 rows"),
        ("text,label,id\ngood,positive,7\nbad,grim,7\n", "p.csv:3: label 'grim' is not one of"),
        ("text,label,id\ngood,positive,7\n ,negative,7\n", "p.csv:3: the text is empty"),
        ("text,edited,label\ngood,bad,positive\n", "no column looks like the edited_label"),
        ("text,original,edited,label,edited_label\n", "which column is the original?"),
    ],
)
def test_a_file_that_is_no_pairs_says_where_and_why(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read(str(path), LABELS)
    assert said in str(caught.value)
