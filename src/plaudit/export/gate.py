"""Whether an exported model answers as the original does, on real texts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plaudit.artifact import Gate, Spec
from plaudit.data.cleaned import Rows, rows_of
from plaudit.data.records import Columns
from plaudit.data.sources import Say, read, resolve
from plaudit.data.text_pairs import SEPARATOR
from plaudit.errors import DataError, ExportError, MissingExtra
from plaudit.labelled import find
from plaudit.multilabel import MultiLabelClassifier
from plaudit.predict import Classifier

Either = Classifier | MultiLabelClassifier
TEXTS = 256
SHORT_WORDS = 8
"""Data of long texts only would leave short ones untried, so some are cut to this."""
ALONE_EVERY, MIXED_EVERY, MIXED = 16, 4, 8
"""Every 16th text is asked again alone, every 4th in batches of 8 that mix short and long."""
SAME = 0.01
"""Between probabilities of two engines that both compute in fp32; measured: below 0.00001."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Cleaned texts to compare on.

    Attributes
    ----------
    texts : list of str
    note : str
        What they are, in words.
    """

    texts: list[str]
    note: str


def texts(spec: Spec, data: str | None, say: Say) -> Texts:
    """Find real texts, without the network.

    Parameters
    ----------
    spec : Spec
        Of the model.
    data : str or None
        Any DATA; by default what the model's own run held out, else all of its data, else the
        bundled reviews.
    say : callable

    Returns
    -------
    Texts
        Some of each length, in an order that mixes them.

    Raises
    ------
    DataError
        There are none; the message says what to give.
    """
    with _offline():
        rows, note = _given(spec, data) if data is not None else _own(spec, say)
    order = np.argsort([len(text) for text in rows.texts], kind="stable")
    spread = order[np.unique(np.linspace(0, len(order) - 1, TEXTS).astype(int))]
    chosen = [rows.texts[i] for i in spread]
    chosen += [_shortened(text) for text in chosen[:: TEXTS // 32]]
    mixed = np.random.default_rng(0).permutation(len(chosen))
    return Texts([chosen[i] for i in mixed], note)


def _shortened(text: str) -> str:
    """Keep the first words, of both halves of a pair."""
    parts = (half.split()[:SHORT_WORDS] for half in text.split(SEPARATOR))
    return SEPARATOR.join(map(" ".join, parts))


def compare(original: Either, exported: Either, chosen: Texts, limit: float) -> Gate:
    """Ask both models, the exported one in several ways.

    Parameters
    ----------
    original, exported : Classifier or MultiLabelClassifier
    chosen : Texts
    limit : float
        The largest share of labels that may differ.

    Returns
    -------
    Gate
    """
    # In full: where words answer in the graph's place, both sides are equal without it.
    original, exported = _in_full(original), _in_full(exported)
    every = np.arange(len(chosen.texts))
    ways = [(every, None), (every[::ALONE_EVERY], 1), (every[::MIXED_EVERY], MIXED)]
    asked = np.concatenate([index for index, _ in ways])
    wanted_NC = original.probabilities(chosen.texts)[asked]
    parts = [_ask(exported, [chosen.texts[i] for i in index], size) for index, size in ways]
    given_NC = np.concatenate(parts)
    apart_NC = np.abs(given_NC - wanted_NC)
    if not np.isfinite(given_NC).all():
        raise ExportError("The exported model's probabilities are no numbers. Nothing was kept.")
    answers = _answers(exported, given_NC), _answers(original, wanted_NC)
    differ_N = (answers[0] != answers[1]).any(axis=1)
    return Gate(
        data=chosen.note,
        texts=len(chosen.texts),
        answers=len(asked),
        differ=float(differ_N.mean()),
        limit=limit,
        max_difference=float(apart_NC.max()),
        mean_difference=float(apart_NC.mean()),
    )


def _in_full(classifier: Either) -> Either:
    return classifier.in_full() if isinstance(classifier, Classifier) else classifier


def _answers(classifier: Either, probabilities_NC: np.ndarray) -> np.ndarray:
    """Return what a user sees of each answer: the labels, and whether it is sure."""
    if isinstance(classifier, MultiLabelClassifier):
        return classifier.given(probabilities_NC)
    found = classifier.answers(probabilities_NC)
    return np.stack([found.chosen_N, found.unsure_N], axis=1)


def check(gate: Gate, folder: Path, weights: str) -> None:
    """Raise ExportError when the answers are too far from the original's."""
    count = round(gate.differ * gate.answers)
    found = (
        f"{folder} as {weights}: in {count} of {gate.answers} answers labels differ "
        f"({gate.differ:.2%}, allowed {gate.limit:.2%}), probabilities by up to "
        f"{gate.max_difference:.4f}. Asked were {gate.texts} texts, some of them alone and in "
        f"small batches too: {gate.data} Nothing was kept."
    )
    if gate.differ > gate.limit:
        raise ExportError(f"{found} Try another --format, or allow more with --max-differ.")
    if weights == "onnx" and gate.max_difference > SAME:
        raise ExportError(f"{found} In fp32 they should be the same: use the model as it is.")


def _ask(classifier: Either, some: Sequence[str], size: int | None) -> np.ndarray:
    return classifier.probabilities(some, chunk=size or len(some))


def _given(spec: Spec, data: str) -> tuple[Rows, str]:
    try:
        found = find(resolve(data), None, Columns(), spec)
    except DataError as error:
        raise DataError(f"{error} (plaudit export uses no network.)") from error
    return found.rows, f"{data}: {found.note}."


def _own(spec: Spec, say: Say) -> tuple[Rows, str]:
    reasons = []
    for split in (None, "all"):
        try:
            found = find(resolve(spec.data), split, Columns(), spec)
        except (DataError, MissingExtra) as error:
            reasons.append(str(error))
        else:
            return found.rows, f"{found.note.rstrip('.')}."
    say(f"The data of the model's run cannot be used: {reasons[0]}")
    try:
        corpus = read(resolve("bundled"), None)
    except (DataError, MissingExtra) as error:
        raise DataError(
            "There are no texts to compare the exported model with the original on: the data of "
            f"its run cannot be used ({reasons[0]}), nor the bundled reviews ({error}). Name some "
            "with --data."
        ) from error
    return rows_of(corpus, spec.clean), "the bundled reviews."


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Forbid the network while data is sought."""
    before = os.environ.get("PLAUDIT_OFFLINE")
    os.environ["PLAUDIT_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PLAUDIT_OFFLINE"]
        else:
            os.environ["PLAUDIT_OFFLINE"] = before
