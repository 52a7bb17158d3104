"""What is searched: keys of the schema, each with a range or choices, and when it counts.

The TOML that says so is read by :mod:`plaudit.tune.reading`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plaudit.config.toml import as_toml

if TYPE_CHECKING:
    from optuna import Trial


@dataclass(frozen=True, slots=True)
class Dimension:
    """A setting that is searched.

    Attributes
    ----------
    key : str
        Such as ``"optim.lr"``.
    choices : tuple
        Values, spelled as in TOML; empty for a range.
    low, high : float or int
        Of a range, both included.
    log : bool
        Whether factors count rather than differences.
    step : float, int or None
        None: anything between.
    whole : bool
        Whether only whole numbers are allowed.
    when : mapping of str to tuple of str
        Values of other dimensions, all of which have choices, with which this one counts.
    """

    key: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    whole: bool = False
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def counts(self, values: Mapping[str, str]) -> bool:
        """Say whether this setting is searched, given what was chosen for those before it."""
        return all(values.get(key) in allowed for key, allowed in self.when.items())

    def draw(self, trial: Trial) -> str:
        """Let a trial choose a value.

        Returns
        -------
        str
            As it is written on the command line.
        """
        if self.choices:
            return str(trial.suggest_categorical(self.key, list(self.choices)))
        if self.whole:
            low, high = int(self.low), int(self.high)
            step = 1 if self.step is None else int(self.step)
            return str(trial.suggest_int(self.key, low, high, step=step, log=self.log))
        drawn = trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)
        # Steps add up to 0.30000000000000004; of what is between, four digits are enough to type.
        near = float(f"{drawn:.12g}") if self.step else float(f"{drawn:.4g}")
        return as_toml(min(max(near, float(self.low)), float(self.high)))

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as the document has it."""
        found: dict[str, Any] = {"key": self.key}
        if self.choices:
            found["choices"] = list(self.choices)
        else:
            found |= {"low": self.low, "high": self.high, "log": self.log, "step": self.step}
            found["whole"] = self.whole
        if self.when:
            found["when"] = {key: list(values) for key, values in self.when.items()}
        return found

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Dimension:
        """Return what :meth:`to_dict` wrote."""
        when = {key: tuple(values) for key, values in entry.get("when", {}).items()}
        choices = tuple(entry.get("choices", ()))
        return cls(**{**entry, "choices": choices, "when": when})


def drawn(space: Sequence[Dimension], trial: Trial) -> dict[str, str]:
    """Let a trial choose a value for each setting that counts.

    Parameters
    ----------
    space : sequence of Dimension
        What others depend on comes first.
    trial : optuna.Trial

    Returns
    -------
    dict of str to str
        Key to value, as on the command line.
    """
    values: dict[str, str] = {}
    for dimension in space:
        if dimension.counts(values):
            values[dimension.key] = dimension.draw(trial)
    return values
