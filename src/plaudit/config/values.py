"""The value of one setting: read, checked and written in one way."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from plaudit.config.keys import Setting, by_key, nearest, nearest_key, sections
from plaudit.config.schema import Config
from plaudit.config.toml import as_toml


def value_of(text: str, setting: Setting) -> object:
    """Read a setting's value as the command line has it.

    Parameters
    ----------
    text : str
    setting : Setting

    Returns
    -------
    object
        What cannot be read as TOML stays text.
    """
    if "null" in setting.kinds and text.strip().lower() == "none":
        return None
    if "string" in setting.kinds and not setting.choices:
        return text  # data.label=1 names a column; it is not a number
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def canonical(key: str, text: str) -> str:
    """Write a setting's value so that all spellings of one value are the same.

    Parameters
    ----------
    key : str
    text : str
        As the command line has it.

    Returns
    -------
    str
        The text itself where it is no value of the setting.

    Examples
    --------
    >>> canonical("optim.lr", "0.001") == canonical("optim.lr", "1e-3")
    True
    """
    setting = by_key()[key]
    try:
        found: Any = Config.model_validate(nest({key: value_of(text, setting)}))
    except ValidationError:
        return text
    for name in key.split("."):
        found = getattr(found, name)
    return found if isinstance(found, str) else as_toml(found)


def unknown(key: str) -> str:
    """Say that there is no such setting, and which is meant."""
    if key in sections():
        first = next(known for known in by_key() if known.startswith(f"{key}."))
        return f"{key} is a section; name one of its settings, such as {first}."
    match = nearest_key(key)
    hint = f"did you mean {match}?" if match else "'plaudit recipes --keys' lists them all."
    return f"{key} is not a setting; {hint}"


def mistake(setting: Setting, value: object) -> str | None:
    """Say what is wrong with a value of a setting; None: nothing."""
    try:
        Config.model_validate(nest({setting.key: value}))
    except ValidationError:
        pass
    else:
        # Python counts true as 1; a person who wrote it meant something else.
        if not isinstance(value, bool) or "boolean" in setting.kinds:
            return None
    shown = as_toml(value) if value != "" else "nothing"
    message = f"{setting.key} must be {setting.allowed}, not {shown}"
    if "string" in setting.kinds and not setting.choices and isinstance(value, int | float):
        return f'{message}; put it in quotes: "{as_toml(value)}".'
    match = nearest(str(value), setting.choices, cutoff=0.5)
    return f"{message}; did you mean '{match}'?" if match else f"{message}."


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put values by dotted key into their sections, as the schema has them."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        if section:
            nested.setdefault(section, {})[name] = value
        else:
            nested[name] = value
    return nested
