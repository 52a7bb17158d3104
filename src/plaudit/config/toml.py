"""Settings as TOML, for messages, for a run's folder and for its report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from plaudit.config.schema import Config

# TOML forbids DEL in the raw; the others end a line, or hide, for one reader or another.
_ESCAPED_TOO = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def as_toml(value: object) -> str:
    """Write a value the way TOML does; None, which TOML lacks, as ``none``.

    Parameters
    ----------
    value : object
        A string, number, boolean, None, or a list or dictionary of these.

    Returns
    -------
    str
    """
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            text = json.dumps(value, ensure_ascii=False)
            return _ESCAPED_TOO.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        case dict():
            pairs = (f"{as_toml(str(key))} = {as_toml(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(map(as_toml, value))}]"
        case _:
            return str(value)


def dump_toml(config: Config | Mapping[str, Any]) -> str:
    """Write a configuration as TOML, every setting named; ``plaudit.config.load`` reads it back.

    Parameters
    ----------
    config : Config or mapping
        A mapping is what ``Config.model_dump`` returned, of this or another version of plaudit.

    Returns
    -------
    str
        Settings that are None stand in comments: TOML has no word for it.

    Examples
    --------
    >>> print(dump_toml({"seed": 1, "optim": {"lr": 1e-05}, "train": {"max_steps": None}}), end="")
    seed = 1
    <BLANKLINE>
    [optim]
    lr = 1e-05
    <BLANKLINE>
    [train]
    # max_steps: none
    """
    values = config.model_dump(mode="json") if isinstance(config, Config) else config
    # What stands below a header belongs to that section: the settings without one come first.
    lines = [_line(key, value) for key, value in values.items() if not isinstance(value, Mapping)]
    for section, settings in values.items():
        if isinstance(settings, Mapping):
            lines += ["", f"[{_bare(section)}]"]
            lines += [_line(key, value) for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    name = _bare(key)
    return f"# {name}: none" if value is None else f"{name} = {as_toml(value)}"


def _bare(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else as_toml(key)
