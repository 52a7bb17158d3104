"""What was planted is found, in the numbers in which it was planted, and nothing else."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

import plaudit
from plaudit.audit import near, words
from plaudit.audit.quality import repaired
from plaudit.audit.shortcuts import without_ratings
from plaudit.errors import ConfigError
from tests.audit.conftest import sentence


def finding(audit, code):
    return next(each for each in audit.findings if each.code == code)


@pytest.mark.parametrize(
    ("code", "count", "severity"),
    [
        ("duplicates", 3, "warning"),
        ("leaks", 4, "error"),
        ("conflicts", 4, "error"),
        ("near_duplicates", 2, "warning"),
        ("near_leaks", 1, "error"),
        ("empty", 2, "error"),
        ("tiny", 1, "warning"),
        ("mojibake", 1, "warning"),
        ("ratings", 1, "note"),
    ],
)
def test_each_planted_flaw_is_counted(audited, code, count, severity):
    found = finding(audited, code)
    assert (found.count, found.severity) == (count, severity)
    assert found.examples and all(len(each.excerpt) < 170 for each in found.examples)


def test_the_gravest_findings_come_first(audited):
    ranks = [("error", "warning", "note").index(each.severity) for each in audited.findings]
    assert ranks == sorted(ranks)


def test_a_leak_names_both_rows(audited):
    example = finding(audited, "leaks").examples[0]
    assert "train/" in example.origin
    assert "test/" in example.detail


def test_a_conflict_names_both_labels(audited):
    detail = finding(audited, "conflicts").examples[0].detail
    assert "negative" in detail and "positive" in detail


def test_the_document_is_plain_and_bounded(audited):
    document = json.loads(json.dumps(audited.to_dict(), allow_nan=False))
    assert [part["name"] for part in document["parts"]] == ["train", "test"]
    assert sum(part["rows"] for part in document["parts"]) == document["rows"] == 194
    assert sum(document["labels"].values()) == 194
    assert document["official_split"] is True
    assert all(len(each["examples"]) <= 5 for each in document["findings"])


def test_lengths_are_the_tokenizers_and_policies_say_what_they_lose(audited, tiny_tokenizer):
    lengths = audited.lengths
    texts = audited.table.rows.texts
    own = [len(tiny_tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    assert lengths.tokens_N.tolist() == own
    by_policy = {cut.policy: cut for cut in lengths.cuts}
    kept = sum(min(length, 14) for length in own)
    assert by_policy["head"].lost == pytest.approx(1 - kept / sum(own))
    assert by_policy["head"].texts == sum(length > 14 for length in own)
    assert by_policy["windows"].lost < by_policy["head_tail"].lost
    assert by_policy["windows"].pieces > by_policy["head"].pieces == 1


def shingles(text):
    found = text.split()
    return {tuple(found[n : n + near.SHINGLE]) for n in range(len(found) - near.SHINGLE + 1)}


def test_nearly_all_pairs_from_the_threshold_on_are_found_and_none_below_it():
    random_ = random.Random(11)
    texts = []
    for _ in range(300):
        text = sentence(random_, "pos", 60).split()
        texts.append(" ".join(text))
        for _ in range(random_.randint(1, 8)):
            text[random_.randrange(60)] = "changed"
        texts.append(" ".join(text))
    wanted = set()
    for first in range(0, 600, 2):
        one, other = shingles(texts[first]), shingles(texts[first + 1])
        if len(one & other) / len(one | other) >= near.THRESHOLD:
            wanted.add((first, first + 1))
    pairs = near.near_pairs(words.split(texts), np.arange(600))
    found = set(zip(pairs.first_P.tolist(), pairs.second_P.tolist(), strict=True))
    assert 40 < len(wanted) < 260
    assert len(found & wanted) >= 0.95 * len(wanted)
    assert found <= wanted
    assert pairs.jaccard_P.min() >= near.THRESHOLD


def test_marks_and_case_do_not_make_a_text_new():
    pairs = near.near_pairs(words.split(["A b, c d!", "a B c; d", "a b c e"]), np.arange(3))
    assert (pairs.first_P.tolist(), pairs.second_P.tolist()) == ([0], [1])


def test_short_and_wordless_texts_are_compared_too():
    pairs = near.near_pairs(words.split(["good", "!!", "Good!", "?", ""]), np.arange(5))
    assert (pairs.first_P.tolist(), pairs.second_P.tolist()) == ([0], [2])


def test_thousands_of_texts_in_one_bucket_are_not_compared_each_with_each():
    texts = [f"{'.' * n} same words here again" for n in range(600)]
    found = near.near_pairs(words.split(texts), np.arange(600))
    assert len(found) < 600 * 41
    assert set(found.second_P.tolist()) == set(range(1, 600))


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("CafÃ©", "Café"),
        ("itâ€™s", "it’s"),
        ("â€œyesâ€\x9d", "“yes”"),
        ("ðŸ˜€", "😀"),
        ("Café, “naïve” – it’s ÀÉ", "Café, “naïve” – it’s ÀÉ"),
        ("LE FINALÉ”", "LE FINALÉ”"),
        ("Ã alone", "Ã alone"),
    ],
)
def test_only_what_was_decoded_wrongly_is_repaired(broken, mended):
    assert repaired(broken) == mended


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Dull. 8/10 from me", "Dull.  from me"),
        ("I give it 3 out of 10!", "I give it !"),
        ("seven out of ten", ""),
        ("10 stars", ""),
        ("a five-star hotel, and the two stars", "a five-star hotel, and the two stars"),
        ("on 9/11, 24/7 and 1/100th", "on 9/11, 24/7 and 1/100th"),
        ("30/10", "30/10"),
    ],
)
def test_written_ratings_are_told_from_other_numbers(text, without):
    assert without_ratings(text) == without


def audit_of(write_table, tmp_path, tiny_encoder, rows):
    path = write_table(tmp_path / "reviews.csv", rows)
    return plaudit.audit(str(path), encoder=str(tiny_encoder), label_errors=False)


def test_ratings_that_tell_the_label_are_a_warning(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(2)
    rows = []
    for n in range(80):
        label = ("neg", "pos")[n % 2]
        rating = random_.choice("789" if label == "pos" else "234")
        rows.append((f"{sentence(random_, label)} {rating}/10", label))
    found = finding(audit_of(write_table, tmp_path, tiny_encoder, rows), "ratings")
    assert found.severity == "warning"
    assert found.count == 80
    assert found.numbers["accuracy"] == 1.0


def test_ratings_that_tell_nothing_are_a_note(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(2)
    labels = ["neg", "pos"] * 40
    rows = [(f"{sentence(random_, x)} {random_.randint(1, 9)}/10", x) for x in labels]
    found = finding(audit_of(write_table, tmp_path, tiny_encoder, rows), "ratings")
    assert found.severity == "note"
    assert found.numbers["accuracy"] < 0.7


def test_a_template_of_one_label_is_a_shortcut(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(4)
    rows = [(sentence(random_, x), x) for x in ["neg", "pos"] * 100]
    rows = [(f"{t} via shop4you" if x == "pos" and n < 80 else t, x)
            for n, (t, x) in enumerate(rows)]  # fmt: skip
    audit = audit_of(write_table, tmp_path, tiny_encoder, rows)
    found = finding(audit, "shortcut_words")
    assert "shop4you" in found.title and "shop4you" in found.examples[0].excerpt
    assert found.severity == "warning"
    telling = {(word.word, word.label) for word in audit.telling}
    assert ("shop4you", "pos") in telling
    assert {("great", "pos"), ("awful", "neg")} & telling
    assert ("the", "pos") not in telling


def test_other_languages_and_scripts_are_named(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(6)
    rows = [(sentence(random_, x), x) for x in ["neg", "pos"] * 20]
    rows += [
        ("Una película muy aburrida, no entiendo cómo alguien puede disfrutar de algo así.", "neg"),
        (
            "Der Film war leider sehr langweilig und ich konnte ihm nichts abgewinnen, schade.",
            "neg",
        ),
        ("Очень хороший фильм", "pos"),
    ]
    found = finding(audit_of(write_table, tmp_path, tiny_encoder, rows), "not_english")
    assert found.count == 3
    assert {each.origin for each in found.examples} == {f"reviews.csv:{n}" for n in (42, 43, 44)}


def test_a_pasted_file_is_huge(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(7)
    rows = [(sentence(random_, x), x) for x in ["neg", "pos"] * 20]
    rows[7] = (" ".join(sentence(random_, "pos") for _ in range(90)), "pos")
    found = finding(audit_of(write_table, tmp_path, tiny_encoder, rows), "huge")
    assert [each.origin for each in found.examples] == ["reviews.csv:9"]


def test_uneven_labels_are_a_finding_and_even_ones_none(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(8)
    rows = [(sentence(random_, x), x) for x in ["neg"] * 60 + ["pos"] * 5]
    audit = audit_of(write_table, tmp_path, tiny_encoder, rows)
    found = finding(audit, "imbalance")
    assert (found.severity, found.numbers["ratio"]) == ("warning", 12.0)


def test_sound_data_has_no_finding(write_table, tmp_path, tiny_encoder):
    random_ = random.Random(9)
    rows = [(sentence(random_, x), x) for x in ["neg", "pos"] * 30]
    audit = audit_of(write_table, tmp_path, tiny_encoder, rows)
    assert [each.code for each in audit.findings if each.severity != "note"] == []
    assert audit.to_dict()["official_split"] is False


def test_a_table_that_is_too_small_to_divide_is_one_part(write_table, tmp_path, tiny_encoder):
    audit = audit_of(write_table, tmp_path, tiny_encoder, [("Good film", "a"), ("Bad film", "b")])
    assert audit.table.parts == ("all",)


def test_a_model_without_a_search_is_refused_before_anything_is_read():
    with pytest.raises(ConfigError, match="switched off"):
        plaudit.audit("absent.csv", model="m", label_errors=False)
