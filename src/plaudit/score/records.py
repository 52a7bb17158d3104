"""What a job is asked, tells on its way, and returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plaudit.predict import CHUNK


@dataclass(frozen=True, slots=True)
class Options:
    """How to score.

    Attributes
    ----------
    probabilities : bool
        Write one for each label.
    excel_safe : bool
        Make cells inert that a spreadsheet would take for formulas.
    shard_rows : int
        Rows that are labelled together, and that a kill can cost.
    """

    probabilities: bool = False
    excel_safe: bool = False
    shard_rows: int = CHUNK


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is.

    Attributes
    ----------
    rows, bad : int
        Done so far, in earlier runs too; those of them in quarantine.
    fraction : float
        Of the input, from 0 to 1.
    rows_per_s, eta_s : float
        Of this run.
    """

    rows: int
    bad: int
    fraction: float
    rows_per_s: float
    eta_s: float


@dataclass(frozen=True, slots=True)
class Scored:
    """What was written.

    Attributes
    ----------
    path : Path
    rows : int
        Of the input.
    scored : int
        Rows in the output.
    quarantined : int
        Rows that could not be scored.
    quarantine : Path or None
        Where they stand, with the reason; None when there are none.
    added : tuple of str
        Columns that the answer added.
    labels : dict of str to int
        How often each was the answer, or in it.
    unsure : int
        Rows on which the model abstains.
    resumed : int
        Rows of this that an earlier, interrupted run had done.
    redone : int
        Shards that had been done and whose files were then changed; done anew.
    seconds : float
        Of this run.
    """

    path: Path
    rows: int
    scored: int
    quarantined: int
    quarantine: Path | None
    added: tuple[str, ...]
    labels: dict[str, int]
    unsure: int
    resumed: int
    redone: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = asdict(self) | {"path": str(self.path), "added": list(self.added)}
        return values | {"quarantine": None if self.quarantine is None else str(self.quarantine)}
