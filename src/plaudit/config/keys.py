"""Every setting by its dotted key: what it takes, its default, and the nearest name to a wrong one.

The schema is the only source: the words of ``--help`` and of error messages are derived from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel

from plaudit.config.schema import Config

JsonSchema = Mapping[str, Any]

WORDS = {
    "array": 'a list of names, such as ["query", "value"]',
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "none",
    "object": 'a table of names, such as {"1-4" = "negative"}',
    "string": "text",
}

LISTS = 'a table of lists of words, such as {"good" = ["great"], "bad" = ["awful"]}'
COSTS = 'a table of costs by truth and answer, such as {"spam" = {"ham" = 5}}'

# What people type who come from elsewhere (transformers.TrainingArguments, Keras, nanoGPT).
ELSEWHERE = {
    "learning_rate": "optim.lr",
    "momentum": "optim.betas",
    "beta1": "optim.betas",
    "beta2": "optim.betas",
    "adam_epsilon": "optim.eps",
    "warmup": "optim.warmup_fraction",
    "warmup_ratio": "optim.warmup_fraction",
    "warmup_steps": "optim.warmup_fraction",
    "lr_scheduler_type": "optim.schedule",
    "max_grad_norm": "optim.clip_norm",
    "grad_clip": "optim.clip_norm",
    "num_train_epochs": "train.epochs",
    "batch_size": "train.batch_examples",
    "per_device_train_batch_size": "train.batch_examples",
    "gradient_accumulation_steps": "train.accumulation",
    "early_stopping": "train.patience",
    "fp16": "train.precision",
    "bf16": "train.precision",
    "max_length": "text.max_tokens",
    "max_len": "text.max_tokens",
    "max_seq_length": "text.max_tokens",
    "truncation": "text.policy",
    "model_name": "model.encoder",
    "model_name_or_path": "model.encoder",
    "output_dir": "out",
    "run_name": "name",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a run.

    Attributes
    ----------
    key : str
        Dotted, such as ``"optim.lr"``.
    allowed : str
        What it takes, in words.
    default : object
        Value when nothing is said.
    help : str
        One sentence or two.
    schema : mapping
        Its JSON schema.
    """

    key: str
    allowed: str
    default: object
    help: str
    schema: JsonSchema

    @property
    def kinds(self) -> frozenset[str]:
        """JSON types that it takes, such as ``{"integer", "null"}``."""
        return frozenset(branch["type"] for branch in self.schema.get("anyOf", [self.schema]))

    @property
    def choices(self) -> tuple[str, ...]:
        """Allowed values, when there is a fixed list of them."""
        branches = self.schema.get("anyOf", [self.schema])
        return tuple(choice for branch in branches for choice in _fixed(branch))


@cache
def sections() -> Mapping[str, type[BaseModel]]:
    """Return the sections of a configuration by name, in order."""
    return {
        name: field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def describe() -> list[Setting]:
    """Return every setting, in the order of the schema.

    Returns
    -------
    list of Setting

    Examples
    --------
    >>> [setting.allowed for setting in describe() if setting.key == "optim.lr"]
    ['a number above 0']
    """
    return list(by_key().values())


@cache
def by_key() -> Mapping[str, Setting]:
    """Return every setting by its dotted key."""
    top = Config.model_json_schema()["properties"]
    found = [_setting(name, schema) for name, schema in top.items() if name not in sections()]
    for section, model in sections().items():
        properties = model.model_json_schema()["properties"]
        found += [_setting(f"{section}.{name}", schema) for name, schema in properties.items()]
    return {setting.key: setting for setting in found}


def _setting(key: str, schema: JsonSchema) -> Setting:
    words = " ".join(schema.get("description", "").split())
    return Setting(key, in_words(schema), schema.get("default"), words, schema)


def _fixed(schema: JsonSchema) -> tuple[str, ...]:
    return tuple(schema.get("enum", ())) or ((schema["const"],) if "const" in schema else ())


def in_words(schema: JsonSchema) -> str:
    """Say what a JSON schema allows, so that it completes "must be …".

    Parameters
    ----------
    schema : mapping
        Schema of one field.

    Returns
    -------
    str

    Examples
    --------
    >>> in_words({"type": "integer", "minimum": 8, "maximum": 8192})
    'a whole number from 8 to 8192'
    """
    if "anyOf" in schema:
        return " or ".join(in_words(branch) for branch in schema["anyOf"])
    if "const" in schema:
        return f"'{schema['const']}'"
    if "enum" in schema:
        return "one of " + ", ".join(f"'{choice}'" for choice in schema["enum"])
    if "prefixItems" in schema:
        items = schema["prefixItems"]
        return f"a list of {len(items)} values, each {in_words(items[0])}"
    if "pattern" in schema:
        most = f"at most {schema['maxLength']} " if "maxLength" in schema else ""
        return f"made of {most}letters, digits, '.', '_' and '-', beginning with a letter or digit"
    inner = str(schema.get("additionalProperties", ""))
    tables = [table for kind, table in (("object", COSTS), ("array", LISTS)) if kind in inner]
    return tables[0] if tables else WORDS[schema["type"]] + _range(schema)


def _range(schema: JsonSchema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    upper = f"{high:.16g}" if high is not None else f"below {below:.16g}" if below else ""
    if low is not None:
        return f" from {low:.16g} to {upper}" if upper else f" of at least {low:.16g}"
    if above is not None:
        return f" above {above:.16g} and {'up to ' * (high is not None)}{upper}".removesuffix(
            " and "
        )
    return f" of at most {upper}" if upper else ""


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the one of ``names`` that is most like ``name``, if any is.

    Parameters
    ----------
    name : str
        As typed.
    names : iterable of str
        What exists.
    cutoff : float, in [0, 1]
        How alike they must be.

    Returns
    -------
    str or None
    """
    known = {candidate.lower(): candidate for candidate in names}
    match = get_close_matches(name.lower(), known, n=1, cutoff=cutoff)
    return known[match[0]] if match else None


def nearest_key(key: str) -> str | None:
    """Return the setting that a wrong key most likely means.

    Parameters
    ----------
    key : str
        Dotted or not.

    Returns
    -------
    str or None

    Examples
    --------
    >>> nearest_key("optim.lrr"), nearest_key("lr"), nearest_key("learning_rate")
    ('optim.lr', 'optim.lr', 'optim.lr')
    """
    word = re.sub(r"[^a-z0-9]+", "_", key.rpartition(".")[2].lower())
    if word in ELSEWHERE:
        return ELSEWHERE[word]
    last: dict[str, str] = {}
    for known in by_key():
        last.setdefault(known.rpartition(".")[2], known)
    if word in last:
        return last[word]
    if similar := nearest(key, by_key()):
        return similar
    similar = nearest(word, last)
    return last[similar] if similar else None


def value_at(config: Config, key: str) -> object:
    """Return what a configuration has at a dotted key.

    Parameters
    ----------
    config : Config
    key : str
        Such as ``optim.lr`` or ``seed``.

    Returns
    -------
    object
    """
    section, _, name = key.rpartition(".")
    return getattr(getattr(config, section) if section else config, name)
