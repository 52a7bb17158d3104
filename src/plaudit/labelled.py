"""Labelled rows to score a saved model on: an official split, what was held out, or all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plaudit.artifact import Spec, read_spec
from plaudit.data import pair_inputs, texts
from plaudit.data.asked import check_columns
from plaudit.data.cleaned import Rows, rows_of
from plaudit.data.prepare import held_out
from plaudit.data.records import Columns, Corpus, carried
from plaudit.data.sources import Say, Source, read, resolve, silent
from plaudit.errors import DataError


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows for scoring.

    Attributes
    ----------
    rows : Rows
        Cleaned as the model wants them.
    split : str
        An official split; "test" for what was held out; "all" for a whole table.
    note : str
        What that is, in words.
    corpus : Corpus
        What the rows were taken from, not cleaned.
    """

    rows: Rows
    split: str
    note: str
    corpus: Corpus

    def raw(self, index: Sequence[int]) -> list[str]:
        """Return the texts of the rows at these positions as they were before cleaning."""
        place = {origin: i for i, origin in enumerate(self.corpus.rows["origin"])}
        return [str(self.corpus.rows[place[self.rows.origins[i]]]["text"]) for i in index]

    def column(self, name: str) -> list[str | None]:
        """Return each row's value in a further column that was asked for."""
        values = self.corpus.rows[carried(name)]
        value = dict(zip(self.corpus.rows["origin"], values, strict=True))
        return [value[origin] for origin in self.rows.origins]


def find(source: Source, split: str | None, columns: Columns, spec: Spec) -> Labelled:
    """Read the rows to score a model on.

    Parameters
    ----------
    source : Source
    split : str or None
        An official split; or, on the very table that the model was trained on, "test" for the part
        that was held out; on any other table "test" or "all" is all of its rows. None: "test"
        where there is one, else all rows.
    columns : Columns
        What it leaves open is as in training, where the data has such columns.
    spec : plaudit.artifact.Spec
        Of the model.

    Returns
    -------
    Labelled

    Raises
    ------
    DataError
        The data has no such part, or cannot be used.
    """
    if source.splits:
        name = split or ("test" if "test" in source.splits else source.splits[0])
        corpus = _read(source, name, columns, spec)
        return Labelled(rows_of(corpus, spec.clean), name, source.note, corpus)
    if split not in (None, "all", "test"):
        raise DataError(
            f"{source.asked} is one table without a split {split!r}. Leave --split out, or use "
            "'all', or 'test'."
        )
    corpus = _read(source, None, columns, spec)
    if split != "all" and dict(corpus.provenance.files) == spec.data_files:
        return _held_out(source, corpus, spec)
    return Labelled(rows_of(corpus, spec.clean), "all", source.note, corpus)


def own(spec: Spec, columns: Columns, hint: str, say: Say = silent) -> tuple[Labelled, Source]:
    """Find the rows that a model's own run held out, for a command whose user names no data.

    Parameters
    ----------
    spec : plaudit.artifact.Spec
        Of the model.
    columns : Columns
    hint : str
        What to do when there are none, a sentence.
    say : callable

    Returns
    -------
    (Labelled, Source)

    Raises
    ------
    DataError
        There are none.
    """
    trained = f"The model was trained on {spec.data!r}"
    try:
        source = resolve(spec.data, say=say)
        found = find(source, None, columns, spec)
    except DataError as error:
        raise DataError(f"{trained}: {error} {hint}") from error
    if found.split != "test":
        raise DataError(
            f"{trained}, in which a part that was held out cannot be found (any more). {hint}"
        )
    return found, source


def given(
    model: Path | str, inputs: Sequence[str], text: str | None, text_pair: str | None
) -> Iterator[Sequence[str | tuple[str, str]]]:
    """Find the texts without labels that a user wants a model to label.

    Parameters
    ----------
    model : Path or str
        Whether it labels single texts or pairs decides how the words are read.
    inputs : sequence of str
        Texts, a file, or ``-``: see :func:`plaudit.data.texts.gather`, and for pairs
        :func:`plaudit.data.pair_inputs.gather`.
    text, text_pair : str or None
        Columns, where the file is a table; by default those of training, where it has them.

    Returns
    -------
    iterator of sequence of str, or of (str, str)
        Blocks, as they come.

    Raises
    ------
    PlauditError
        The model or the file cannot be used.
    """
    spec = read_spec(Path(model))
    names = pair_columns(spec, text, text_pair)
    if names is not None and all(map(texts.names_a_file, inputs)):
        texts.refuse_files(inputs)  # one of two alone may be an answer that is called like a file
    if names is not None and len(inputs) > 1 and (text or text_pair):
        raise DataError(
            f"{f'--text {text}' if text else f'--text-pair {text_pair}'} names a column of a table,"
            " and what was given is two texts. Leave it out, or give a table."
        )
    if names is not None:
        return pair_inputs.gather(inputs, names)
    return texts.gather(inputs, column=text, trained=spec.text_column)


def pair_columns(spec: Spec, text: str | None, text_pair: str | None) -> tuple[str, str] | None:
    """Name the columns in which a table has a model's pairs; None for a model of single texts.

    Raises
    ------
    DataError
        A second column was named for such a model, or both are one.
    """
    _check_second(text_pair, spec)
    if spec.text_pair_column is None:
        return None
    names = text or spec.text_column or "text", text_pair or spec.text_pair_column
    if names[0] == names[1]:
        raise DataError(
            f"both texts of a pair would be read from the column '{names[0]}'; the model was "
            f"trained on '{spec.text_column}' and '{spec.text_pair_column}'. Name two columns: "
            "--text COLUMN --text-pair COLUMN"
        )
    return names


def _held_out(source: Source, corpus: Corpus, spec: Spec) -> Labelled:
    rows = held_out(corpus, spec.clean, spec.split, spec.seed)
    if not len(rows):
        raise DataError(
            f"{source.asked} is what the model was trained on, and nothing of it was held out "
            "(split.test_size was 0, or the run had data.test). Give other labelled data; plaudit "
            "evaluate takes all of this with --split all."
        )
    note = f"The part of {source.asked} that was held out before training. {source.note}"
    return Labelled(rows, "test", note, corpus)


def _mapping(columns: Columns, spec: Spec) -> dict[str, str] | None:
    """Map labels as in training, unless told otherwise; a final name also stands for itself."""
    if columns.mapping is not None:
        return dict(columns.mapping)
    if spec.label_mapping is None:
        return None
    return {label: label for label in spec.labels} | dict(spec.label_mapping)


def _read(source: Source, split: str | None, columns: Columns, spec: Spec) -> Corpus:
    """Read with the columns that were asked for, else with those of training, else guess."""
    _check_second(columns.text_pair, spec)
    check_columns(source, columns)
    wanted = replace(
        columns,
        mapping=_mapping(columns, spec),
        separator=spec.label_separator,
        text_pair=columns.text_pair or spec.text_pair_column,
        trained_text=spec.text_column,
        trained_label=spec.label_column,
    )
    if wanted.text_pair != columns.text_pair:
        # A model of pairs reads no single texts, so that beside its second column none is guessed.
        wanted = replace(
            wanted,
            text=columns.text or spec.text_column,
            label=columns.label or spec.label_column,
        )
    return read(source, split, wanted, labels=spec.labels)


def _check_second(asked: str | None, spec: Spec) -> None:
    if asked is not None and spec.text_pair_column is None:
        raise DataError(
            f"--text-pair {asked}: the model was trained on single texts. Leave "
            "--text-pair out, or train a model with data.text_pair."
        )
