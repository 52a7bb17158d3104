"""The audit of a data set, from reading to findings. Read :func:`audit` first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.audit import noise, words
from plaudit.audit.lengths import Lengths, long_texts, measure
from plaudit.audit.quality import odd_rows
from plaudit.audit.reading import read_table
from plaudit.audit.records import Finding, Found, Table
from plaudit.audit.repeats import near_texts, same_texts
from plaudit.audit.shortcuts import TellingWord, telling_words, written_ratings
from plaudit.audit.writing import DEFAULT_FIXES, Written, write
from plaudit.config.limits import check_tokens, is_whole
from plaudit.data.records import Columns
from plaudit.data.sources import silent
from plaudit.errors import ConfigError

_SEVERITIES = ("error", "warning", "note")
_UNEVEN, _VERY_UNEVEN = 3.0, 10.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an audit found.

    Attributes
    ----------
    data : Path or str
        DATA as it was asked for.
    table : Table
    lengths : Lengths
    telling : tuple of TellingWord
        The words that go with each label most surely.
    label_noise : dict or None
        What was estimated of wrong labels; None when that was not asked for or too little to do.
    found : tuple of Found
        The findings with what each fix would change, the gravest first.
    seconds : float
    """

    data: str
    table: Table
    lengths: Lengths
    telling: tuple[TellingWord, ...]
    label_noise: dict[str, float | int | str] | None
    found: tuple[Found, ...]
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, the gravest first."""
        return tuple(each.finding for each in self.found)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON.

        Returns
        -------
        dict
            ``data``, ``note``, ``rows``, ``official_split``, ``labels`` (name to rows),
            ``parts`` (name, rows, labels), ``lengths`` (quantiles in tokens; ``policies``: texts
            cut, share of tokens lost, pieces a text), ``telling_words``, ``label_noise``,
            ``findings`` (code, severity, title, count, fix, at most five short examples,
            numbers) and ``seconds``. Rows without text are in ``findings`` only.
        """
        table = self.table
        return {
            "data": self.data,
            "note": table.note,
            "rows": len(table),
            "official_split": table.official,
            "labels": _label_counts(table, np.arange(len(table))),
            "parts": [
                {"name": part, "rows": len(rows), "labels": _label_counts(table, rows)}
                for number, part in enumerate(table.parts)
                for rows in [np.flatnonzero(table.parts_N == number)]
            ],
            "lengths": self.lengths.to_dict(),
            "telling_words": [word.to_dict() for word in self.telling],
            "label_noise": self.label_noise,
            "findings": [finding.to_dict() for finding in self.findings],
            "seconds": self.seconds,
        }

    def write(self, out: Path | str, fixes: Sequence[str] = DEFAULT_FIXES) -> Written:
        """Write the data with fixes made, and a ledger of every row dropped or changed.

        Parameters
        ----------
        out : Path or str
            A new ``.parquet`` file. Of data whose parts must stay apart, one file a part:
            ``clean.train.parquet`` and so on for ``clean.parquet``. The ledger is
            ``clean.ledger.csv``.
        fixes : sequence of str
            Codes of findings. Rows without text are always left out.

        Returns
        -------
        Written

        Raises
        ------
        plaudit.errors.ConfigError
            A fix is unknown or a file exists.
        """
        return write(self.table, self.found, Path(out), fixes)


def _check(max_tokens: int, seed: int) -> None:
    check_tokens(max_tokens)
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed is {seed}; it must be a whole number from 0 to {2**32 - 1}.")


def audit(  # noqa: PLR0913 - one parameter an option of the command
    data: Path | str,
    *,
    columns: Columns | None = None,
    encoder: str = "bundled",
    max_tokens: int = 256,
    model: Path | str | None = None,
    label_errors: bool = True,
    seed: int = 0,
    device: str = "auto",
    say: Say = silent,
) -> Audit:
    """Look at labelled data before training on it.

    Parameters
    ----------
    data : str
        Any DATA; all its official splits. An undivided table is looked at in the parts that a run
        with the default sizes would make.
    columns : Columns, optional
    encoder : str
        Whose tokens to count: ``bundled``, a model folder, or ``hub:owner/name``.
    max_tokens : int
        For which to say what each long-text policy would cut.
    model : Path or str, optional
        A saved model that judges the labels of the rows that it has not seen, in place of the
        fast model.
    label_errors : bool
        Look for wrong labels.
    seed : int
        Of the split and of the folds.
    device : {"auto", "cpu", "cuda", "mps"}
        For ``model``.
    say : callable

    Returns
    -------
    Audit

    Raises
    ------
    plaudit.errors.PlauditError
        The data, the encoder or the model cannot be used, or cleanlab is missing.

    Examples
    --------
    >>> import plaudit
    >>> found = plaudit.audit("reviews.csv", encoder="runs/quickstart/model")
    >>> [part["rows"] for part in found.to_dict()["parts"]]
    [204, 12, 24]
    >>> any(finding.code == "leaks" for finding in found.findings)
    False
    >>> found.write("clean.parquet").kept
    240
    """
    started = time.perf_counter()
    if label_errors:
        noise.check_installed()
    elif model is not None:
        raise ConfigError("a model judges labels, and the search for label errors is switched off")
    _check(max_tokens, seed)
    data = str(data)
    table = read_table(data, columns or Columns(), seed=seed, say=say)
    say(f"Counting the tokens of {len(table):,} texts.")
    lengths = measure(table.rows.texts, encoder, max_tokens)
    split = words.split(table.rows.texts)
    say("Comparing texts.")
    found = about_rows(table, split, lengths)
    features = words.features(split)
    telling, shortcuts = telling_words(table, features)
    judged = None
    if label_errors:
        say("Looking for wrong labels.")
        judged = (
            noise.judge_by_model(table, model, device=device, say=say)
            if model is not None
            else noise.judge_fast(table, features, seed=seed)
        )
    estimate, wrong = noise.label_errors(table, judged)
    found = sorted([*found, *shortcuts, *wrong], key=by_gravity)
    seconds = time.perf_counter() - started
    return Audit(data, table, lengths, tuple(telling), estimate, tuple(found), seconds)


def about_rows(table: Table, split: words.Words, lengths: Lengths) -> list[Found]:
    """Find what there is to say of rows without a model of their words."""
    return [
        *odd_rows(table, split, lengths.tokens_N),
        *same_texts(table),
        *near_texts(table, split),
        *_imbalance(table),
        *long_texts(lengths),
        *written_ratings(table),
    ]


def by_gravity(found: Found) -> int:
    """Return the place of a finding's severity, the gravest first."""
    return _SEVERITIES.index(found.finding.severity)


def _label_counts(table: Table, rows: np.ndarray) -> dict[str, int]:
    counts = np.bincount(table.rows.targets_N[rows], minlength=len(table.labels))
    return dict(zip(table.labels, counts.tolist(), strict=True))


def _imbalance(table: Table) -> list[Found]:
    counts = _label_counts(table, np.arange(len(table)))
    rarest, commonest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    times = counts[commonest] / max(counts[rarest], 1)
    if times < _UNEVEN:
        return []
    finding = Finding(
        "imbalance",
        "warning" if times >= _VERY_UNEVEN else "note",
        f"label {commonest!r} has {times:,.1f} times as many rows as {rarest!r} "
        f"({counts[commonest]:,} and {counts[rarest]:,})",
        counts[rarest],
        "Judge by macro F1 (train.select=macro_f1) rather than accuracy; collect more of the rare.",
        (),
        {"ratio": times},
    )
    return [Found(finding)]
