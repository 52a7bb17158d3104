"""The page in a real browser: accessible, silent, and asking for nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plaudit.evaluate.calibrate import quality
from plaudit.evaluate.curves import curves
from plaudit.evaluate.predictions import Predictions
from plaudit.report.html import render

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PLANTED = (
    "</script><script>document.title='ran'</script><img src='http://localhost:9/x.png' "
    "onerror=\"document.title='ran'\"><a href='javascript:document.title=1'>x</a>"
)


def whole(document: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    """Add the sections that a run adds, with hostile text wherever a user's text goes."""
    rng = np.random.default_rng(0)
    targets_N = rng.integers(0, len(labels), size=300)
    logits_NC = rng.normal(size=(300, len(labels)))
    logits_NC[np.arange(300), targets_N] += 2
    odds_NC = np.exp(logits_NC)
    probabilities_NC = odds_NC / odds_NC.sum(axis=1, keepdims=True)
    rows = Predictions(
        tuple(labels),
        np.arange(300, dtype=np.uint64),
        [PLANTED] * 300,
        targets_N,
        probabilities_NC.argmax(axis=1),
        probabilities_NC,
        [PLANTED] * 300,
    )
    measured = quality(probabilities_NC, targets_N, diagram=True)
    share = {"value": 0.9, "low": 0.8, "high": 0.95}
    groups = [
        {"value": value, "rows": 150, "accuracy": share, "macro_f1": share}
        for value in ("up to 120", "over 120")
    ]
    cut = {"kind": "column", "by": PLANTED, "groups": [{**groups[0], "value": PLANTED}]}
    example = {"origin": PLANTED, "label": labels[0], "excerpt": PLANTED, "detail": PLANTED}
    finding = {
        "code": "conflicts", "severity": "warning", "title": f"texts with two labels: {PLANTED}",
        "count": 2, "fix": "Look at them.", "examples": [example], "numbers": {},
    }  # fmt: skip
    policy = {"policy": "head_tail", "texts": 3, "lost": 0.2, "pieces": 1.0}
    lengths = {"mean": 200.0, "median": 180.0, "p95": 500.0, "max": 900.0, "max_tokens": 256}
    word = {"word": PLANTED, "label": labels[0], "z": 4.0, "texts": 20, "purity": 0.9}
    return document | {
        "curves": curves(rows),
        "calibration": {
            "temperature": 1.2,
            "rows": 300,
            "note": "",
            "validation": None,
            "test": {"before": measured, "after": measured},
        },
        "slices": [{"kind": "length", "by": "words", "groups": groups}, cut],
        "audit": {
            "rows": 300,
            "labels": dict.fromkeys(labels, 150),
            "lengths": {**lengths, "policies": [policy]},
            "telling_words": [word],
            "findings": [finding],
        },
        "mistakes": [{**mistake, "text": PLANTED} for mistake in document["mistakes"]],
        "name": PLANTED,
    }


@pytest.fixture(scope="module")
def page(build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = build([f"good{PLANTED}", f"bad{PLANTED}"])
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(whole(document, document["data"]["labels"])), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs plaudit[dev]")
    with playwright.sync_playwright() as started:
        # A new and empty profile, which is removed at the end.
        launched = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


def opened(browser, page: Path, **settings):
    """Open the page; return it with what it asked for and what it complained of."""
    tab = browser.new_context(**settings).new_page()
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(page.as_uri())
    return tab, asked, said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, page: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs plaudit[dev]")
    # axe is a script, which the page's own policy would not let run.
    tab, _, _ = opened(browser, page, color_scheme=scheme, bypass_csp=True)
    # What is folded is read too once it is opened.
    tab.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    found = axe.Axe().run(tab).response

    assert len(found["passes"]) > 20
    grave = [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not grave, json.dumps(grave, indent=1)


@pytest.mark.parametrize("policy", [True, False], ids=["with its policy", "without its policy"])
def test_nothing_planted_runs_and_nothing_is_asked_for(browser, page: Path, policy: bool) -> None:
    tab, asked, said = opened(browser, page, bypass_csp=not policy)
    tab.wait_for_timeout(200)

    assert asked == [page.as_uri()]
    assert said == []
    assert tab.title() != "ran"
    assert tab.locator("script, img, iframe").count() == 0
    assert PLANTED in tab.locator("#audit").locator("xpath=..").inner_text()


def test_a_narrow_screen_does_not_scroll_sideways(browser, page: Path) -> None:
    tab, _, _ = opened(browser, page, viewport={"width": 400, "height": 900})

    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_page_keeps_its_order(browser, page: Path) -> None:
    tab, _, _ = opened(browser, page)
    ids = tab.eval_on_selector_all("main h2", "all => all.map(one => one.id)")

    assert ids == [
        "results", "calibration", "learning", "ranking", "slices", "mistakes", "data", "audit",
        "training", "use", "reproduce",
    ]  # fmt: skip
    links = tab.eval_on_selector_all("nav a", "all => all.map(one => one.hash.slice(1))")
    assert links == ids
    assert tab.locator("main figure svg").count() == 6
