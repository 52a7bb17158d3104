"""The report as one web page that needs nothing but itself.

Nothing in it runs and nothing is loaded: the content security policy admits the page's own style
sheet, by its digest, and nothing else. Every value is escaped by the template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.config import dump_toml
from plaudit.report import explained, plots, reliability, robustness, seeds, slices, view, words
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
    from markupsafe import Markup

    history, best = document["training"]["history"], document["training"]["best_step"]
    curves = {
        "loss": plots.loss_curve(history, best),
        "accuracy": plots.accuracy_curve(history, best),
    }
    files, more_files = view.files(document)
    test = document["test"]
    diagram = reliability.diagram(document)
    return {
        **document,
        **style(),
        # matplotlib's output, which holds numbers only.
        "curves": {name: Markup(svg) for name, svg in curves.items() if svg is not None},  # noqa: S704
        "calibration_rows": reliability.rows(document),
        "calibration_sentences": reliability.sentences(document),
        "reliability_diagram": diagram and Markup(diagram),  # noqa: S704
        "headline": headline(document),
        "tiles": view.tiles(document),
        "metric_rows": view.metric_rows(document),
        "class_rows": view.class_rows(test),
        "matrix": view.matrix(test),
        "confused_pairs": view.confused_pairs(test),
        "robustness_view": robustness.view(document.get("robustness")),
        "wrong": _wrong(test),
        "seed_rows": seeds.seed_rows(document),
        "seed_sentences": seeds.sentences(document),
        "slice_tables": slices.slice_tables(document),
        "deduplicated_words": slices.deduplicated(document),
        "shown_mistakes": explained.highlighted(view.mistakes(document), document),
        "explained": explained.section(document),
        "firewall": view.firewall(document),
        "shown_files": files,
        "more_files": more_files,
        "recipe": dump_toml(document["config"]).strip(),
    }


def _wrong(scores: Mapping[str, Any] | None) -> int:
    if scores is None:
        return 0
    right = sum(row[index] for index, row in enumerate(scores["confusion"]))
    return int(scores["rows"] - right)
