"""Compare runs on the same rows. Read :func:`compare` first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.compare.contenders import Asked, Contender, Say, contenders
from plaudit.compare.matching import match
from plaudit.compare.verdict import Outcome, verdict
from plaudit.data.records import Columns
from plaudit.data.sources import silent
from plaudit.errors import ConfigError
from plaudit.evaluate import paired
from plaudit.evaluate.brief import brief
from plaudit.evaluate.predictions import Predictions
from plaudit.evaluate.reliability import log_losses
from plaudit.evaluate.scores import Estimate, plain


def compare(  # noqa: PLR0913 - one parameter an option of the command
    runs: Sequence[Path | str] | Path | str,
    data: str | None = None,
    *,
    split: str | None = None,
    columns: Columns | None = None,
    confidence: float = 0.95,
    bootstrap: int = 1000,
    most: int = 20,
    device: str = "auto",
    say: Say = silent,
) -> dict[str, Any]:
    """Compare runs, models or files of predictions, pair by pair, on the rows they share.

    Parameters
    ----------
    runs : sequence of Path or str, or one
        Run folders, or files that ``plaudit evaluate --rows`` wrote; with ``data`` model folders
        too. One run alone is compared with its TF-IDF baseline.
    data : str, optional
        Any DATA, on which every model is scored now; rows whose text one of them has seen in
        training or selection are left out. By default the predictions that each run kept of its
        own test set are taken, and no model is loaded.
    split : str, optional
        Of ``data``.
    columns : Columns, optional
        Of ``data``.
    confidence : float, in (0, 1)
        Coverage of the intervals; a difference counts when p is below one minus this.
    bootstrap : int
        Resamples behind each interval.
    most : int
        Rows shown on which the answers differ.
    device : {"auto", "cpu", "cuda", "mps"}
    say : callable

    Returns
    -------
    dict
        ``rows`` (matched), ``note`` (a warning where they are few), ``labels``,
        ``contenders``, ``pairs``, ``disagreements``, ``interval``.

    Raises
    ------
    plaudit.errors.PlauditError
        Nothing can be compared: the message says why.

    Examples
    --------
    >>> import plaudit
    >>> found = plaudit.compare(["runs/quickstart"])
    >>> found["rows"], [each["name"] for each in found["contenders"]]
    (24, ['quickstart', 'quickstart (baseline)'])
    >>> found["pairs"][0]["mcnemar"]["method"]
    'exact'
    """
    if not 0.5 < confidence < 1.0:
        raise ConfigError(f"confidence must lie between 0.5 and 1, not {confidence}.")
    if bootstrap < 1:
        raise ConfigError(f"bootstrap must be 1 at least, not {bootstrap}; 1000 suits most.")
    if data is None and (split is not None or columns not in (None, Columns())):
        raise ConfigError(
            "split, text and label are about DATA, and none was given: runs are compared on the "
            "test rows that each has kept. Add --data DATA, or leave them out."
        )
    asked = None if data is None else Asked(str(data), split, columns or Columns(), device)
    given = [runs] if isinstance(runs, str | Path) else runs
    found = contenders([str(run) for run in given], asked, say)
    matched = match([(each.name, each.predictions) for each in found])
    say(_counts(found, len(matched[0])))
    note = _few(found, len(matched[0]))
    intervals = (bootstrap, confidence)
    return {
        "rows": len(matched[0]),
        "note": note,
        "labels": list(matched[0].labels),
        "contenders": [_contender(*each, intervals) for each in zip(found, matched, strict=True)],
        "pairs": _pairs([each.name for each in found], matched, intervals),
        "disagreements": _disagreements([each.name for each in found], matched, most),
        "interval": {
            "method": "bootstrap percentile, rows resampled with all answers to them",
            "confidence": confidence,
            "resamples": bootstrap,
        },
    }


def _counts(found: Sequence[Contender], matched: int) -> str:
    parts = []
    for each in found:
        seen = f" ({each.seen:,} left out, seen in its training)" if each.seen else ""
        parts.append(f"{each.name} has {len(each.predictions):,} rows{seen}")
    return f"{', '.join(parts)}; {matched:,} match and are compared."


def _few(found: Sequence[Contender], matched: int) -> str | None:
    """Warn where most of a contender's rows have no part in the comparison."""
    fewest = min(len(each.predictions) for each in found)
    if matched >= fewest / 2:
        return None
    return (
        f"Only {matched:,} rows are shared and compared, where each has {fewest:,} or more: they "
        "may be unlike the rest. Give --data DATA to score all on the same rows."
    )


def _contender(
    contender: Contender, matched: Predictions, intervals: tuple[int, float]
) -> dict[str, Any]:
    estimates = brief(
        matched.predicted_N, matched.targets_N, len(matched.labels), intervals=intervals
    )
    loss = float(log_losses(matched.probabilities_NC, matched.targets_N).mean())
    return {
        "name": contender.name,
        "path": contender.path,
        "rows": len(contender.predictions),
        "seen_left_out": contender.seen,
        "metrics": {name: plain(each) for name, each in estimates.items()}
        | {"log_loss": plain(Estimate(loss, None, None))},
    }


def _pairs(
    names: Sequence[str], matched: Sequence[Predictions], intervals: tuple[int, float]
) -> list[dict[str, Any]]:
    places = list(combinations(range(len(names)), 2))
    right = [each.predicted_N == each.targets_N for each in matched]
    tests = [
        paired.mcnemar(int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum()))
        for a, b in places
    ]
    adjusted = paired.holm([test.p for test in tests])
    resamples, confidence = intervals
    pairs = []
    for (a, b), test, p_holm in zip(places, tests, adjusted, strict=True):
        differences = paired.differences(
            matched[a], matched[b], resamples=resamples, confidence=confidence
        )
        told = verdict(
            Outcome(
                names=(names[a], names[b]),
                accuracies=(float(right[a].mean()), float(right[b].mean())),
                difference=differences["accuracy"],
                p=p_holm,
                adjusted=len(places) > 1,
                confidence=confidence,
                rows=len(right[a]),
            )
        )
        pairs.append(
            {
                "first": names[a],
                "second": names[b],
                "words": told.words,
                "better": told.better,
                "mcnemar": asdict(test) | {"p_holm": p_holm},
                "differences": {name: plain(each) for name, each in differences.items()},
            }
        )
    return pairs


def _disagreements(
    names: Sequence[str], matched: Sequence[Predictions], most: int
) -> dict[str, Any]:
    """Return the rows with different answers, those with the widest gap in the truth's odds first.

    Of more than two contenders, the gap is that between the surest and the least sure of the truth.
    """
    first, rows = matched[0], np.arange(len(matched[0]))
    answers_KN = np.stack([each.predicted_N for each in matched])
    differ = np.flatnonzero((answers_KN != answers_KN[0]).any(axis=0))
    truth_KN = np.stack([each.probabilities_NC[rows, first.targets_N] for each in matched])
    gaps = np.ptp(truth_KN[:, differ], axis=0)
    order = differ[np.argsort(-gaps, kind="stable")][:most]
    return {
        "rows": len(differ),
        "shown": [
            {
                "origin": first.origins[n],
                "truth": first.labels[first.targets_N[n]],
                "excerpt": first.excerpts[n],
                "answers": [
                    _answer(name, each, int(n)) for name, each in zip(names, matched, strict=True)
                ],
            }
            for n in order
        ],
    }


def _answer(name: str, predictions: Predictions, n: int) -> dict[str, Any]:
    predicted, truth = int(predictions.predicted_N[n]), int(predictions.targets_N[n])
    return {
        "name": name,
        "predicted": predictions.labels[predicted],
        "probability": float(predictions.probabilities_NC[n, predicted]),
        "probability_of_truth": float(predictions.probabilities_NC[n, truth]),
        "right": predicted == truth,
    }
