"""What plaudit promises when things go wrong, and what the last test run found.

A test that proves a promise says so:

    @pytest.mark.promise("the last good checkpoint stays", fault="the disk is full")

``make reliability`` runs these tests, ``make soak`` their long forms (marked ``soak`` too). Both
keep the results in docs/reliability.json, and write docs/reliability.md from it.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
RESULTS = PAGE.with_suffix(".json")
WORST_LAST = ("skipped", "passed", "failed")

HEAD = """\
# Reliability

What can go wrong, what plaudit promises then, which test proves it, and what its last run found.
Written by `make reliability` (short forms, also part of `make check`) and `make soak` (long forms,
at most 30 minutes) from their results; not typed.
"""

Results = dict[str, dict[str, Any]]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("promises")
    group.addoption("--soak", action="store_true", help="Run the long forms, and nothing else.")
    group.addoption("--reliability", action="store_true", help="Write docs/reliability.md.")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Promises(config), "promises")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long forms to ``--soak``, whatever else was asked for with ``-m``."""
    soak = config.getoption("--soak")
    left_out = [item for item in items if bool(item.get_closest_marker("soak")) != soak]
    if left_out:
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


class _Promises:
    """Gathers the results of the tests that prove a promise."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.found: Results = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        outcome: Any = yield
        report: pytest.TestReport = outcome.get_result()
        marker = item.get_closest_marker("promise")
        if marker is None or (report.when != "call" and report.passed):
            return
        self.note(item, report, *marker.args, **marker.kwargs)

    def note(
        self, item: pytest.Item, report: pytest.TestReport, promise: str, *, fault: str
    ) -> None:
        name = item.nodeid.partition("[")[0]
        entry = self.found.setdefault(
            name,
            {
                "fault": fault,
                "promise": promise,
                "form": "soak" if item.get_closest_marker("soak") else "short",
                "outcome": "skipped",
                "cases": 0,
                "seconds": 0.0,
                "figures": {},
                "date": datetime.now(UTC).date().isoformat(),
            },
        )
        entry["outcome"] = max(entry["outcome"], report.outcome, key=WORST_LAST.index)
        entry["cases"] += 1
        entry["seconds"] = round(entry["seconds"] + report.duration, 1)
        entry["figures"] |= dict(report.user_properties)

    def pytest_sessionfinish(self) -> None:
        if self.config.getoption("--reliability") and self.found:
            form = "soak" if self.config.getoption("--soak") else "short"
            RESULTS.write_text(
                json.dumps(merged(stored(), self.found, form), indent=1) + "\n", encoding="utf-8"
            )
            PAGE.write_text(page(stored()), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not (self.config.getoption("--reliability") or self.config.getoption("--soak")):
            return
        terminalreporter.section("promises")
        for name, entry in self.found.items():
            terminalreporter.line(f"{result(entry):<40} {entry['fault']}: {entry['promise']}")
            if entry["outcome"] == "failed":
                terminalreporter.line(f"    {name}")


def stored() -> dict[str, Any]:
    """Return what earlier runs found."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"tests": {}}


def merged(before: dict[str, Any], found: Results, form: str) -> dict[str, Any]:
    """Replace the results of the files that were run; those of the other form and files stay."""
    files = {name.partition("::")[0] for name in found}
    kept = {
        name: entry
        for name, entry in before["tests"].items()
        if entry["form"] != form or name.partition("::")[0] not in files
    }
    return {"machine": machine(), "tests": dict(sorted((kept | found).items()))}


def machine() -> str:
    parts = [f"{os.cpu_count()} cores", platform.system(), f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name)}" for name in ("torch", "transformers", "safetensors")]
    return ", ".join(parts)


def result(entry: dict[str, Any]) -> str:
    """Put a result in words: outcome, cases, figures that the test recorded, seconds."""
    cases = [f"{entry['cases']} cases"] if entry["cases"] > 1 else []
    figures = [f"{value:,} {name}" for name, value in entry["figures"].items()]
    return ", ".join([entry["outcome"], *cases, *figures, f"{entry['seconds']:.1f} s"])


def page(results: dict[str, Any]) -> str:
    """Write the table."""
    lines = [HEAD]
    for form, title in (("short", "Short forms"), ("soak", "Long forms")):
        rows = [(name, e) for name, e in results["tests"].items() if e["form"] == form]
        if not rows:
            continue
        lines += [f"## {title}\n", "| fault | promise | test | last result |", "|---|---|---|---|"]
        for name, entry in rows:
            file, _, test = name.partition("::")
            cells = (entry["fault"], entry["promise"], f"[`{test}`](../{file})")
            lines.append("| " + " | ".join([*cells, f"{entry['date']}: {result(entry)}"]) + " |")
        lines.append("")
    return "\n".join([*lines, f"Last run on {results['machine']}.", ""])
