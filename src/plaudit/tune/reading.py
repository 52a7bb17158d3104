"""A search space read from TOML and held against the schema; all mistakes at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from plaudit.ablate.arms import ALIKE, BUDGET_KEYS
from plaudit.config.keys import Setting, by_key, nearest
from plaudit.config.resolve import Layers, read_file
from plaudit.config.toml import as_toml
from plaudit.config.values import canonical, mistake, unknown
from plaudit.errors import ConfigError
from plaudit.tune.space import Dimension

Budget = Literal["steps", "own"]
DEFAULT = Path(__file__).with_name("default.toml")
_RANGE, _FIELDS = ("low", "high", "log", "step"), ("low", "high", "log", "step", "choices", "when")
_EXAMPLE = "write {low = …, high = …} or {choices = […]}"


def read_space(
    path: Path | None, budget: Budget = "steps", given: Mapping[str, str] | None = None
) -> tuple[Dimension, ...]:
    """Read what is to be searched.

    Parameters
    ----------
    path : Path or None
        None: the space that plaudit ships.
    budget : {"steps", "own"}
        With steps, settings that are themselves about the budget are left out of the shipped
        space, and are a mistake in another.
    given : mapping of str to str, optional
        Keys that have a value by the command line, and are not searched.

    Returns
    -------
    tuple of Dimension
        What others depend on comes first.

    Raises
    ------
    ConfigError
        All mistakes, with file and line.

    Examples
    --------
    >>> [dimension.key for dimension in read_space(None)][:3]
    ['optim.lr', 'optim.head_lr', 'optim.layer_decay']
    """
    layers = Layers()
    read_file(path or DEFAULT, layers)
    found, given = [], given or {}
    for key, entry in layers.values.items():
        if key in given or (path is None and budget == "steps" and key in BUDGET_KEYS):
            continue
        problems = _problems(key, entry, budget)
        for problem in problems:
            layers.report(key, problem)
        if not problems:
            found.append(_dimension(by_key()[key], entry))
    if not layers.problems:
        found = _ordered(_narrowed(found, given), layers)
    if not found and not layers.problems:
        layers.problems.append(f"{path or 'the shipped space'}: nothing is left to be searched.")
    if layers.problems:
        raise ConfigError(layers.problems)
    return tuple(found)


def _problems(key: str, entry: object, budget: Budget) -> list[str]:
    if key not in by_key():
        return [unknown(key)]
    if why := _why_not(key, budget):
        return [f"{key} cannot be tuned: {why}"]
    if not isinstance(entry, Mapping):
        return [f"{key} = {as_toml(entry)} is no search; {_EXAMPLE}."]
    problems = []
    for field in entry:
        if field not in _FIELDS:
            match = nearest(field, _FIELDS)
            hint = f"did you mean {match}?" if match else f"allowed: {', '.join(_FIELDS)}."
            problems.append(f"{key}: '{field}' is not part of a search; {hint}")
    problems += _when_problems(key, entry.get("when", {}))
    if problems:
        return problems
    setting = by_key()[key]
    if "choices" in entry:
        return _choice_problems(setting, entry)
    return _range_problems(setting, entry)


_UNTUNABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("seed", "seeds"),
        "a lucky seed is no setting; plaudit train … seeds=5 shows how far chance goes.",
    ),
    (ALIKE, "the validation results of its values would be one and the same."),
    (("data.", "split."), "trials are compared on the same validation rows."),
    (
        ("train.select", "train.evaluations"),
        "it decides how trials are compared; set it for all of them, as an override.",
    ),
    (
        ("ngrams.",),
        "trials are compared by what the encoder answers by itself; plaudit ablate tells.",
    ),
)
"""How keys begin, and why they cannot be searched."""


def _why_not(key: str, budget: Budget) -> str | None:
    for starts, why in _UNTUNABLE:
        if key.startswith(starts):
            return why
    if key in BUDGET_KEYS and budget == "steps":
        return "all trials have the same budget; with --budget own each has its own."
    return None


def _when_problems(key: str, when: object) -> list[str]:
    """Say what is wrong with the form of a condition."""
    right = isinstance(when, Mapping) and not any(isinstance(v, Mapping) for v in when.values())
    if right and key not in when:  # type: ignore[operator]
        return []
    what = "on itself" if right else f"{as_toml(when)} names no setting"
    return [f'{key}: when {what}; write when = {{"other.key" = value}}, the key in quotes.']


def _choice_problems(setting: Setting, entry: Mapping[str, Any]) -> list[str]:
    key, choices = setting.key, entry["choices"]
    if extra := [name for name in _RANGE if name in entry]:
        return [f"{key}: choices and {' and '.join(extra)} do not go together; {_EXAMPLE}."]
    if not isinstance(choices, list) or len(choices) < 2:
        return [f"{key}: choices must be a list of two values at least, not {as_toml(choices)}."]
    spelled = [_spelled(setting, value) for value in choices]
    problems = [
        problem
        for value in choices
        if (problem := _endless(setting, value) or mistake(setting, _meant(setting, value)))
    ]
    if len(set(spelled)) < len(spelled):
        problems.append(f"{key}: choices names a value twice: {as_toml(choices)}.")
    return problems


def _range_problems(setting: Setting, entry: Mapping[str, Any]) -> list[str]:
    key = setting.key
    if not {"integer", "number"} & setting.kinds:
        return [f"{key} is not a number; write choices = […]: it must be {setting.allowed}."]
    if missing := [name for name in ("low", "high") if name not in entry]:
        verb = "is" if len(missing) == 1 else "are"
        return [f"{key}: {' and '.join(missing)} {verb} missing; {_EXAMPLE}."]
    problems = [
        f"{name}: {problem}"
        for name in ("low", "high")
        if (problem := _bound(setting, entry[name]))
    ]
    log, step = entry.get("log", False), entry.get("step")
    if not isinstance(log, bool):
        problems.append(f"{key}: log must be true or false, not {as_toml(log)}.")
    if problems:
        return problems
    if entry["low"] >= entry["high"]:
        return [f"{key}: low must be below high, not {entry['low']} to {entry['high']}."]
    if log and entry["low"] <= 0:
        return [f"{key}: with log = true, low must be above 0, not {entry['low']}."]
    return _step_problems(setting, entry, step) if step is not None else []


def _endless(setting: Setting, value: object) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{setting.key} must be a finite number, not {value}."
    return None


def _bound(setting: Setting, value: object) -> str | None:
    if problem := _endless(setting, value):
        return problem
    if isinstance(value, str):  # of packed = "auto" and the like there are no ranges
        return f"{setting.key} must be a number here, not {as_toml(value)}."
    return mistake(setting, value)


def _step_problems(setting: Setting, entry: Mapping[str, Any], step: object) -> list[str]:
    key, width = setting.key, entry["high"] - entry["low"]
    if entry.get("log", False):
        return [f"{key}: log and step do not go together; leave one of them out."]
    kinds = int if _is_whole(setting) else int | float
    if isinstance(step, bool) or not isinstance(step, kinds) or not 0 < step <= width:
        kind = "a whole number" if _is_whole(setting) else "a number"
        return [f"{key}: step must be {kind} above 0 and up to {width:.12g}, not {as_toml(step)}."]
    if not math.isfinite(width / step) or abs(width / step - round(width / step)) > 1e-6:
        return [f"{key}: from {entry['low']} to {entry['high']} are not whole steps of {step}."]
    return []


def _is_whole(setting: Setting) -> bool:
    return "integer" in setting.kinds and "number" not in setting.kinds


def _meant(setting: Setting, value: object) -> object:
    """Return None for ``"none"`` where a setting may be without a value: TOML has no null."""
    named = "string" in setting.kinds and not setting.choices
    return None if value == "none" and "null" in setting.kinds and not named else value


def _spelled(setting: Setting, value: object) -> str:
    """Write a value as the command line takes it."""
    return value if isinstance(value, str) else as_toml(_meant(setting, value))


def _dimension(setting: Setting, entry: Mapping[str, Any]) -> Dimension:
    when = entry.get("when", {})
    conditions = {
        key: tuple(
            value if isinstance(value, str) else as_toml(value)
            for value in (values if isinstance(values, list) else [values])
        )
        for key, values in when.items()
    }
    if "choices" in entry:
        spelled = tuple(_spelled(setting, value) for value in entry["choices"])
        return Dimension(setting.key, choices=spelled, when=conditions)
    return Dimension(
        setting.key,
        low=entry["low"],
        high=entry["high"],
        log=entry.get("log", False),
        step=entry.get("step"),
        whole=_is_whole(setting),
        when=conditions,
    )


def _narrowed(space: Sequence[Dimension], given: Mapping[str, str]) -> list[Dimension]:
    """Decide conditions on settings that have a value already."""
    kept = []
    for dimension in space:
        settled = {
            key: canonical(key, given[key]) in {canonical(key, value) for value in values}
            for key, values in dimension.when.items()
            if key in given and key in by_key()
        }
        if all(settled.values()):
            left = {key: values for key, values in dimension.when.items() if key not in settled}
            kept.append(replace(dimension, when=left))
    return kept


def _ordered(space: Sequence[Dimension], layers: Layers) -> list[Dimension]:
    """Put what others depend on first; report conditions that can never hold."""
    known = {dimension.key: dimension for dimension in space}
    for dimension in space:
        for key, values in dimension.when.items():
            if problem := _condition_problem(key, values, known):
                layers.report(dimension.key, f"{dimension.key}: when {problem}")
    ordered: list[Dimension] = []
    waiting = list(space)
    while waiting and not layers.problems:
        done = {dimension.key for dimension in ordered}
        ready = [dimension for dimension in waiting if done.issuperset(dimension.when)]
        if not ready:
            names = " and ".join(dimension.key for dimension in waiting)
            layers.report(waiting[0].key, f"{names} depend on each other; one must come first.")
        ordered += ready
        waiting = [dimension for dimension in waiting if dimension not in ready]
    return ordered


def _condition_problem(
    key: str, values: Sequence[str], known: Mapping[str, Dimension]
) -> str | None:
    if key not in known:
        match = nearest(key, known)
        hint = f"did you mean {match}?" if match else 'write when = {"other.key" = value}.'
        return f"names {key}, which is not searched; {hint}"
    allowed = known[key].choices
    if not allowed:
        return f"names {key}, which has a range; only choices can be a condition."
    wrong = [value for value in values if value not in allowed]
    if wrong or not values:
        match = nearest(wrong[0], allowed) if wrong else None
        return (
            f"asks for {key} = {', '.join(wrong) or 'nothing'}, which is not among its choices "
            f"({', '.join(allowed)})" + (f"; did you mean {match}?" if match else ".")
        )
    return None
