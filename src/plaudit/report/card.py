"""The model card: README.md of the model folder, as the Hugging Face hub reads it.

Every value that the template inserts is escaped as Markdown unless it was marked as ready; a label
or a file name therefore cannot become a heading, a link, or HTML. Values in the front matter are
double-quoted strings, which no text can leave.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from plaudit.config import dump_toml
from plaudit.report import label_sets, reliability, reproduce, view, words
from plaudit.report.names import names_of
from plaudit.report.summary import headline
from plaudit.report.template import template

if TYPE_CHECKING:
    from markupsafe import Markup

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!$])")
# Only at the beginning of a line do these start a list, a heading or a rule.
_LEADING = re.compile(r"^(\d*)([-+=:.)])(?!\d)")
_LINKS = re.compile(r"(?i)(https?|ftp|mailto|xmpp)(:)|\b(www)(\.)")


def render(document: Mapping[str, Any]) -> str:
    """Write the card.

    Parameters
    ----------
    document : mapping
        The report, as in ``report.json``.

    Returns
    -------
    str
        Markdown with a YAML front matter.
    """
    shown = words.tidy(document)
    context = {
        **shown,
        "front": _ready(_front_matter(shown)),
        "headline": headline(shown),
        "metric_rows": view.metric_rows(shown),
        "class_rows": view.class_rows(shown["test"]),
        "label_sets": label_sets.section(shown),
        "fitted": reliability.fitted(shown),
        "firewall": view.firewall(shown),
        "of_pairs": reproduce.of_pairs(shown),
        "code": _code,
        "recipe": _ready(dump_toml(shown["config"]).strip()),
    }
    return template("card.md.j2", finalize=_escaped).render(context)


def _code(text: str) -> Markup:
    """Put text into a code span, in which nothing is markup and nothing can be escaped."""
    line = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return _ready(f"{fence}{edge}{line}{edge}{fence}")


def _ready(text: str) -> Markup:
    """Mark text that needs no escaping: quoted by the front matter, or fenced and on own lines."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


def _escaped(value: Any) -> Any:
    """Make a value inert in Markdown: one line, no markup, no HTML, no link."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    line = " ".join(value.split()).replace("&", "&amp;")
    line = _MARKDOWN.sub(r"\\\1", line)
    line = _LEADING.sub(r"\1\\\2", line)
    return _LINKS.sub(lambda f: f"{f[1]}\\{f[2]}" if f[1] else f"{f[3]}\\{f[4]}", line)


def _front_matter(document: Mapping[str, Any]) -> str:
    """Write the metadata that the hub reads, block style for the keys and quoted values."""
    data, model = document["data"], document["model"]
    tags = ["plaudit", "text-classification"]
    if set(data["labels"]) == {"negative", "positive"}:
        tags.append("sentiment-analysis")
    if data.get("multilabel"):
        tags.append("multi-label-classification")
    library = "transformers" if model.get("transformers", True) else "plaudit"
    lines = ["pipeline_tag: text-classification", f"library_name: {library}", "tags:"]
    lines += [f"- {words.quoted(tag)}" for tag in tags]
    if model["encoder"].startswith("hub:"):
        lines.append(f"base_model: {words.quoted(model['encoder'].removeprefix('hub:'))}")
    metrics = document["test"]["metrics"] if document["test"] is not None else {}
    names = names_of(document)
    known = [(key, metrics[key]["value"]) for key in names if key in metrics]
    known = [(key, value) for key, value in known if value is not None]
    if known:
        source = _dataset(data["asked"])
        served = f"{source}, served by {data['served_by']}"
        # No "split": a held-out block must not pass for the official test on the hub.
        lines += [
            "model-index:",
            f"- name: {words.quoted(document['name'])}",
            "  results:",
            "  - task:",
            "      type: text-classification",
            "    dataset:",
            f"      name: {words.quoted(served)}",
            f"      type: {words.quoted(source)}",
            "    metrics:",
        ]
        for key, value in known:
            lines += [
                f"    - type: {key}",
                f"      name: {words.quoted(names[key])}",
                f"      value: {value:.6f}",
            ]
    return "\n".join(lines)


def _dataset(asked: str) -> str:
    """Name the data without the folders of whoever trained the model."""
    hub = asked.removeprefix("hub:")
    return hub if hub != asked else PurePath(asked.replace("\\", "/")).name or asked
