"""Which reviews are scored, and which of them are timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plaudit.artifact import Spec
from plaudit.bench.contenders import Contender
from plaudit.data.clean import clean
from plaudit.data.cleaned import Rows
from plaudit.data.records import Columns
from plaudit.data.sources import Say, resolve
from plaudit.labelled import Labelled, find, own

TIMED = 32
"""Reviews of a throughput measurement at most: some batches, yet seconds and not minutes."""


@dataclass(frozen=True, slots=True)
class Length:
    """Reviews of one length, raw.

    Attributes
    ----------
    texts : list of str
        From the shortest to the longest.
    tokens : list of int
        Of each text, before a model cuts it.
    typical : str
        The review in the middle; of those that every model's encoder answers, if there are such.
    """

    texts: list[str]
    tokens: list[int]
    typical: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What is measured on.

    Attributes
    ----------
    rows : Rows
        For accuracy and agreement; cleaned.
    short, long : Length
        Of those, some of the shortest and some of the longest quarter.
    data : dict
        What the rows are, for the document.
    """

    rows: Rows
    short: Length
    long: Length
    data: dict[str, object]


def labelled(
    spec: Spec, data: str | None, columns: Columns, say: Say
) -> tuple[Labelled, dict[str, object]]:
    """Find labelled rows: DATA, or else what the model's own run held out.

    Returns
    -------
    (Labelled, dict)
        The rows, and what they are in words.

    Raises
    ------
    DataError
        There are none; the message says what to give.
    """
    if data is not None:
        source = resolve(data, say=say)
        found = find(source, None, columns, spec)
    else:
        found, source = own(spec, columns, "Name labelled data with --data.", say)
    described = {"asked": data or spec.data, "served_by": source.served_by, "note": found.note}
    return found, described | {"split": found.split, "rows_there": len(found.rows)}


def draw(
    found: Labelled, described: dict[str, object], contenders: Sequence[Contender], rows: int
) -> Sample:
    """Draw rows at random, the same ones each time, and set short and long ones aside.

    Parameters
    ----------
    found : Labelled
    described : dict
    contenders : sequence of Contender
        The first one's tokens tell short from long.
    rows : int
        At most.

    Returns
    -------
    Sample
    """
    random = np.random.default_rng(0)
    index = np.sort(random.permutation(len(found.rows))[:rows])
    chosen = found.rows.take(index)
    tokens_N = contenders[0].encode(chosen.texts).full_N
    order = np.argsort(tokens_N, kind="stable")
    quarter = max(1, len(order) // 4)

    def length(places: np.ndarray) -> Length:
        some = places[np.linspace(0, len(places) - 1, min(TIMED, len(places))).astype(int)]
        raw = found.raw(index[some].tolist())
        by_words_N = np.any([_by_words(each, raw)[1] for each in contenders], axis=0)
        slow = np.flatnonzero(~by_words_N) if not by_words_N.all() else np.arange(len(some))
        middle = slow[np.abs(slow - len(some) // 2).argmin()]
        return Length(raw, tokens_N[some].tolist(), raw[middle])

    return Sample(chosen, length(order[:quarter]), length(order[-quarter:]), described)


def real_tokens(contender: Contender, texts: list[str]) -> int:
    """Count the tokens that an encoder reads of raw texts, special ones included, padding not."""
    own, by_words_N = _by_words(contender, texts)
    asked = [text for text, quick in zip(own, by_words_N, strict=True) if not quick]
    return len(contender.encode(asked).ids) if asked else 0


def by_words(contender: Contender, texts: list[str]) -> float:
    """Return the share of raw texts that a model of words answers in the encoder's place."""
    return float(_by_words(contender, texts)[1].mean())


def _by_words(contender: Contender, texts: list[str]) -> tuple[list[str], np.ndarray]:
    own = [clean(text, contender.classifier.spec.clean) for text in texts]
    return own, contender.classifier.answered_by_words(own)
