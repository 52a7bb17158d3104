"""The report as one web page that needs nothing but itself.

Nothing in it runs and nothing is loaded: the content security policy admits the page's own style
sheet, by its digest, and nothing else. Every value is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.config import dump_toml
from plaudit.report import (
    audit,
    explained,
    figures,
    label_sets,
    reliability,
    reproduce,
    robustness,
    seeds,
    slices,
    view,
    words,
)
from plaudit.report.story import cautions, story
from plaudit.report.summary import headline
from plaudit.report.template import style, template


def render(document: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    document : mapping
        The report, as in ``report.json``.

    Returns
    -------
    str
        A whole HTML document.
    """
    shown = words.tidy(document)
    return template("report.html.j2", autoescape=True).render(_context(shown))


def _context(document: Mapping[str, Any]) -> dict[str, Any]:
    files, more_files = view.files(document)
    test = document["test"]
    one = None if document["data"].get("multilabel") else test
    diagram = reliability.diagram(document)
    parts: dict[str, Any] = {
        "learning": figures.training(document),
        "calibration_rows": reliability.rows(document),
        "calibration_sentences": reliability.sentences(document),
        "reliability_diagram": diagram and figures.ready(diagram),
        "ranking": figures.ranking(document),
        "by_length": figures.by_length(document),
        "story": story(document),
        "cautions": cautions(document),
        "audit_view": audit.section(document.get("audit")),
        "headline": headline(document),
        "tiles": view.tiles(document),
        "metric_rows": view.metric_rows(document),
        "class_rows": view.class_rows(test),
        "matrix": view.matrix(one),
        "confused_pairs": view.confused_pairs(one),
        "label_sets": label_sets.section(document),
        "robustness_view": robustness.view(document.get("robustness")),
        "wrong": _wrong(one),
        "seed_rows": seeds.seed_rows(document),
        "seed_sentences": seeds.sentences(document),
        "slice_tables": slices.slice_tables(document),
        "deduplicated_words": slices.deduplicated(document),
        "shown_mistakes": explained.highlighted(view.mistakes(document), document),
        "explained": explained.section(document),
        "firewall": view.firewall(document),
        "of_pairs": reproduce.of_pairs(document),
        "shown_files": files,
        "more_files": more_files,
        "recipe": dump_toml(document["config"]).strip(),
        **reproduce.commands(document),
    }
    return {**document, **style(), **parts, "contents": _contents(document, parts)}


def _contents(document: Mapping[str, Any], parts: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return id and title of each section, and whether it is there."""
    return [
        ("results", "Results", document["test"]),
        ("calibration", "Calibration and decisions", parts["calibration_rows"]),
        ("seeds", "Several seeds", parts["seed_rows"]),
        ("learning", "How it learned", parts["learning"]),
        ("ranking", "ROC and precision-recall", parts["ranking"]),
        ("slices", "Parts of the test set", parts["slice_tables"] or parts["deduplicated_words"]),
        ("mistakes", "Mistakes", parts["shown_mistakes"]),
        ("explanation", "What answers depend on", parts["explained"]),
        ("robustness", "Robustness", parts["robustness_view"]),
        ("data", "Data", True),
        ("audit", "Audit of the training data", parts["audit_view"]),
        ("training", "Model and training", True),
        ("use", "How to use it", True),
        ("reproduce", "How to reproduce it", True),
    ]


def _wrong(scores: Mapping[str, Any] | None) -> int:
    if scores is None:
        return 0
    right = sum(row[index] for index, row in enumerate(scores["confusion"]))
    return int(scores["rows"] - right)
