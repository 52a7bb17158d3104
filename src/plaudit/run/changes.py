"""What differs between a run as it was started and as it is to go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from plaudit.config import Config, as_toml
from plaudit.errors import ConfigError

GROWS = ("train.epochs", "train.max_steps", "train.max_seconds")
"""What may be raised when a run is resumed: more of the same."""
PLACE = ("name", "out")
FREE = (*PLACE, "text.cache", "train.checkpoint_seconds", "evaluate.")
"""What may differ: the weights do not depend on it."""


def of_settings(
    stored: Config, config: Config, *, all_of_them: bool = False, grows: bool = True
) -> list[str]:
    """List settings that differ: those that may not, or all but the run's name and place.

    Parameters
    ----------
    stored, config : Config
        As the run was started, and as it is to go on.
    all_of_them : bool
    grows : bool
        Whether the settings of ``GROWS`` may be raised.

    Returns
    -------
    list of str
        ``key: was → is``.
    """
    before, after = _flat(stored), _flat(config)
    free = PLACE if all_of_them else FREE
    return of(
        {
            key: (as_toml(before[key]), as_toml(after[key]))
            for key in before
            if not key.startswith(free)
            and (all_of_them or not (grows and key in GROWS and _grew(before[key], after[key])))
        }
    )


def _grew(before: object, after: object) -> bool:
    """Say whether there is more to do: a number became larger, or a limit of seconds went."""
    if before is None:
        return False
    return after is None or float(str(after)) >= float(str(before))


def _flat(config: Config) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in config.model_dump(mode="json").items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            flat[name] = value
    return flat


def of(pairs: Mapping[str, tuple[str, str]]) -> list[str]:
    """List what differs, of what was and is by name."""
    return [f"{name}: {was} → {now}" for name, (was, now) in pairs.items() if was != now]


def refuse(what: str, changes: list[str], folder: Path) -> None:
    """Refuse to go on in a run's folder if anything differs.

    Raises
    ------
    ConfigError
        With all of it.
    """
    if changes:
        raise ConfigError(
            [
                f"{folder} was started with {what}:",
                *changes,
                f"Resume it as it was started (it may be given more: {', '.join(GROWS)}), or start "
                "a new run.",
            ]
        )
