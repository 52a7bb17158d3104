"""Labels that are probably wrong, by confident learning.

Axes: N rows, C labels.

Notes
-----
Source: Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels"; the implementation is its authors', cleanlab.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plaudit.audit import fast_model
from plaudit.audit.records import EXAMPLES, Change, Finding, Found, Ints, Table, share
from plaudit.audit.words import Features
from plaudit.errors import ConfigError, MissingExtra

LEAST_ROWS = 100
"""With fewer, the folds' models know too little for their doubt to mean anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Probabilities from a model that had not seen the rows.

    Attributes
    ----------
    rows_N : ndarray of int64
        Positions in the table.
    targets_N : ndarray of int64
        Their labels; each of the C stands for at least one row.
    probabilities_NC : ndarray of float64
    names : tuple of str
        Of the C labels.
    by : str
        Which model, in words.
    """

    rows_N: Ints
    targets_N: Ints
    probabilities_NC: NDArray[np.float64]
    names: tuple[str, ...]
    by: str

    def accuracy(self) -> float:
        """Return the share of rows whose label is the likeliest one."""
        return float((self.probabilities_NC.argmax(axis=1) == self.targets_N).mean())


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Rows ranked by how much their labels are in doubt.

    Attributes
    ----------
    ranked : ndarray of int64
        Positions within the judged rows, the most doubtful first.
    count : int
        How many of these are probably wrong.
    noise : float
        Estimated share of wrong labels.
    """

    ranked: Ints
    count: int
    noise: float


def check_installed() -> None:
    """Fail before minutes of work rather than after them.

    Raises
    ------
    MissingExtra
    """
    if importlib.util.find_spec("cleanlab") is None:
        raise MissingExtra("the search for label errors (--no-label-errors leaves it out)", "audit")


def suspects(probabilities_NC: NDArray[np.float64], targets_N: Ints) -> Suspects:
    """Rank labels by doubt and estimate how many are wrong.

    Parameters
    ----------
    probabilities_NC : ndarray of float64
        From a model that has not seen the rows.
    targets_N : ndarray of int64
        Given labels; each of the C stands for at least one row.

    Returns
    -------
    Suspects
    """
    from cleanlab.count import estimate_joint, num_label_issues
    from cleanlab.rank import get_label_quality_scores

    joint_CC = estimate_joint(targets_N, probabilities_NC)
    count = int(num_label_issues(targets_N, probabilities_NC))
    quality_N = get_label_quality_scores(targets_N, probabilities_NC, method="normalized_margin")
    ranked = np.argsort(quality_N, kind="stable")
    return Suspects(ranked, count, float(1 - np.trace(joint_CC)))


def judge_fast(table: Table, features: Features, *, seed: int) -> Judged | None:
    """Judge all rows by the fast model, out of fold; None where there are too few.

    Parameters
    ----------
    table : Table
    features : Features
        Of the table's texts.
    seed : int
        Of the folds.
    """
    present, targets_N = np.unique(table.rows.targets_N, return_inverse=True)
    sizes = np.bincount(targets_N)
    if not features.has_NF.shape[1]:
        return None
    if len(table) < LEAST_ROWS or len(present) < 2 or sizes.min() < fast_model.FOLDS:
        return None
    # Texts of the test teach here too: nothing is selected or scored by this model.
    fold_N = fast_model.folds(table.rows.prints_N, targets_N, table.order, seed=seed)
    found = fast_model.out_of_fold(features.has_NF, targets_N, table.rows.prints_N, fold_N)
    names = tuple(table.labels[label] for label in present)
    by = f"TF-IDF and naive Bayes features, linear models, {fast_model.FOLDS} folds"
    return Judged(np.arange(len(table)), targets_N, found, names, by)


def judge_by_model(
    table: Table, model: Path | str, *, device: str, say: Callable[[str], None]
) -> Judged:
    """Judge the rows that a saved model has not seen.

    Parameters
    ----------
    table : Table
    model : Path or str
    device : str
    say : callable

    Returns
    -------
    Judged

    Raises
    ------
    ConfigError
        The model's labels are others, or it has seen (nearly) all rows.
    plaudit.errors.ArtifactError
        The model cannot be loaded.
    """
    from plaudit.artifact import refuse_pairs
    from plaudit.data.clean import clean
    from plaudit.data.fingerprint import fingerprints
    from plaudit.predict import Classifier

    classifier = Classifier.load(model, device=device)
    refuse_pairs(classifier.spec, "audit")
    if unknown := sorted(set(table.labels) - set(classifier.labels)):
        raise ConfigError(
            f"{model} does not know the label {unknown[0]!r}; its labels are "
            f"{', '.join(map(repr, classifier.labels))}. Map the data's with --labels."
        )
    # Its own cleaning: fingerprints and answers are of what the model reads.
    texts = [clean(text, classifier.spec.clean) for text in table.rows.texts]
    rows_N = np.flatnonzero(~np.isin(fingerprints(texts), classifier.seen_prints_N))
    if len(rows_N) < LEAST_ROWS:
        raise ConfigError(
            f"{model} has not seen {len(rows_N):,} of {len(table):,} rows; at least {LEAST_ROWS} "
            "are needed. Leave --model out, or give one that was trained on other rows."
        )
    say(f"{model} judges the {len(rows_N):,} of {len(table):,} rows that it has not seen.")
    probabilities = classifier.probabilities([texts[row] for row in rows_N.tolist()])
    present, targets_N = np.unique(table.rows.targets_N[rows_N], return_inverse=True)
    names = tuple(table.labels[label] for label in present)
    columns = probabilities[:, [classifier.labels.index(name) for name in names]]
    columns = columns / np.maximum(columns.sum(axis=1, keepdims=True), 1e-12)
    return Judged(rows_N, targets_N, columns, names, str(model))


def label_errors(
    table: Table, judged: Judged | None
) -> tuple[dict[str, float | int | str] | None, list[Found]]:
    """Find labels that are probably wrong.

    Parameters
    ----------
    table : Table
    judged : Judged or None
        None where nothing could judge them.

    Returns
    -------
    tuple of (dict or None, list of Found)
        What was estimated; and ``label_errors``, where there are any.
    """
    if judged is None:
        return None, []
    found = suspects(judged.probabilities_NC, judged.targets_N)
    estimate: dict[str, float | int | str] = {
        "judged_by": judged.by,
        "rows": len(judged.rows_N),
        "accuracy": judged.accuracy(),
        "noise": found.noise,
        "suspects": found.count,
    }
    if not found.count:
        return estimate, []
    chosen = found.ranked[: found.count]
    details = [_doubt(judged, int(place)) for place in chosen]
    finding = Finding(
        "label_errors",
        "warning",
        f"labels that are probably wrong, or hard: {found.count:,} "
        f"({share(found.count, len(judged.rows_N))}), by a model that had not seen the rows and is "
        f"right on {share(judged.accuracy(), 1)}",
        found.count,
        "Read them from the top; correct what is wrong. The fix drops them, hard ones included.",
        tuple(
            table.example(int(judged.rows_N[place]), detail)
            for place, detail in zip(chosen[:EXAMPLES].tolist(), details, strict=False)
        ),
        {"noise": found.noise, "accuracy": judged.accuracy()},
    )
    changes = (
        Change(int(judged.rows_N[place]), f"probably a wrong label: {detail}")
        for place, detail in zip(chosen.tolist(), details, strict=True)
    )
    return estimate, [Found(finding, tuple(changes))]


def _doubt(judged: Judged, place: int) -> str:
    likely = int(judged.probabilities_NC[place].argmax())
    probability = float(judged.probabilities_NC[place, likely])
    return f"likelier {judged.names[likely]} ({probability:.2f})"
