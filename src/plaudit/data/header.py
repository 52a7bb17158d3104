"""What a table says about its columns, before any is chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Compared in lower case without punctuation, so that "Review_Text" is "reviewtext".
TEXT_NAMES = frozenset(
    {
        "text",
        "review",
        "sentence",
        "body",
        "content",
        "comment",
        "document",
        "reviewtext",
        "reviewbody",
        "tweet",
        "message",
    }
)
LABEL_NAMES = frozenset(
    {
        "label",
        "sentiment",
        "class",
        "category",
        "target",
        "stars",
        "rating",
        "polarity",
        "score",
        "overall",
    }
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a table says about its columns.

    Attributes
    ----------
    where : str
        The file, for messages.
    names : tuple of str
        Column names in order.
    texts : frozenset of str
        Those that hold strings other than numbers, as far as the first rows tell.
    late : frozenset of str
        Those that the first rows of JSONL do not have: there for whoever names them, and guessed
        only for the label, where no other column is called like one.
    """

    where: str
    names: tuple[str, ...]
    texts: frozenset[str]
    late: frozenset[str] = frozenset()

    @property
    def first(self) -> tuple[str, ...]:
        """The columns that the first rows have."""
        return tuple(name for name in self.names if name not in self.late)


def plain_name(name: str) -> str:
    """Write a column's name as names are compared: lower case, without punctuation.

    Examples
    --------
    >>> plain_name("Review_Text")
    'reviewtext'
    """
    return re.sub(r"[\W_]", "", name.casefold())


def separator_hint(header: Header) -> str:
    """Return a sentence, with a space before it, where one column's name seems to be several."""
    kind = re.search(r"\.(csv|tsv)\b", header.where.casefold())
    if len(header.names) != 1 or kind is None:
        return ""
    # What separates columns in such a file stands in a name because it was quoted.
    own = {"csv": ",", "tsv": "\t"}[kind[1]]
    for sign, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (",", "commas")):
        if sign in header.names[0] and sign != own:
            return f" The file seems to be separated by {name}: .csv means commas, .tsv tabs."
    return ""
