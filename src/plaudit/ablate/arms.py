"""From ``key=a,b,c`` to the runs that are to be compared."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plaudit.config import Config, load
from plaudit.errors import ConfigError

BUDGET_KEYS = frozenset({
    "train.epochs", "train.max_steps", "train.max_seconds", "train.batch_tokens",
    "train.batch_examples", "train.accumulation", "train.evaluations", "split.train_size",
    "split.per_class", "cotrain.texts",
})  # fmt: skip
"""Settings that are themselves about how much is computed, and how often looked at."""
ALIKE = ("name", "out", "text.cache", "train.checkpoint_seconds", "evaluate.", "report.", "decide.")
"""Settings on which what an ablation measures does not depend."""
_COMMA = re.compile(r""",(?![^\[]*\])(?![^{]*\})(?=(?:[^"]*"[^"]*")*[^"]*$)""")


@dataclass(frozen=True, slots=True)
class Arm:
    """One value of what is compared, and the run that tries it.

    Attributes
    ----------
    name : str
        Such as ``"text.policy=tail"``.
    values : mapping of str to str
        Key to value, as they were asked for.
    config : Config
        With the recipe's own seed.
    """

    name: str
    values: Mapping[str, str]
    config: Config


def choices_of(settings: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Divide settings into those that are compared and those that all arms share.

    Parameters
    ----------
    settings : sequence of str
        ``key=a,b,c``, compared; ``key=a``, shared. A comma in brackets or quotes is part of a
        value.

    Returns
    -------
    (dict of str to list of str, list of str)

    Raises
    ------
    ConfigError
        Nothing is to be compared, or a value comes twice.

    Examples
    --------
    >>> choices_of(["text.policy=head,tail", "optim.betas=[0.9, 0.99]"])
    ({'text.policy': ['head', 'tail']}, ['optim.betas=[0.9, 0.99]'])
    """
    choices: dict[str, list[str]] = {}
    shared = []
    for setting in settings:
        key, _, text = setting.partition("=")
        values = [value.strip() for value in _COMMA.split(text)]
        if len(values) == 1:
            shared.append(setting)
            continue
        twice = [value for n, value in enumerate(values) if value in values[:n]]
        if twice or "" in values or key in choices:
            found = f"'{twice[0]}' twice" if twice else "an empty value, or the key twice"
            raise ConfigError(f"{setting}: found {found}; name each value once, as in {key}=a,b.")
        choices[key] = values
    if not choices:
        raise ConfigError(
            "nothing is compared: found no setting with several values; write them with commas, "
            "such as text.policy=head,tail."
        )
    return choices, shared


def arms_of(what: str, choices: Mapping[str, Sequence[str]], shared: Sequence[str]) -> list[Arm]:
    """Build the configuration of every combination, before any of them is trained.

    Parameters
    ----------
    what : str
        A recipe, a TOML file, or DATA.
    choices : mapping of str to sequence of str
    shared : sequence of str

    Returns
    -------
    list of Arm
        The first has the first value of each key.

    Raises
    ------
    ConfigError
        All problems of all arms, each once.
    """
    arms: list[Arm] = []
    problems = [f"{key} cannot be compared: {why}" for key in choices if (why := _why_not(key))]
    for combination in itertools.product(*choices.values()):
        values = dict(zip(choices, combination, strict=True))
        own = [f"{key}={value}" for key, value in values.items()]
        try:
            arms.append(Arm(" ".join(own), values, load(what, [*shared, *own])))
        except ConfigError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if any(arm.config.seeds > 1 for arm in arms) and "seeds" not in choices:
        problems.append(
            "seeds is for single runs; here it is --seeds that says how often to train."
        )
    if problems:
        raise ConfigError(problems)
    return arms


def _why_not(key: str) -> str | None:
    if key in ("seed", "seeds"):
        return "how far chance moves the values is what --seeds N shows, for each of them."
    if key.startswith(ALIKE):
        return "the validation results of its values would be one and the same."
    return None
