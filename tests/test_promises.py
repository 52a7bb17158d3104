"""docs/reliability.md is what test runs found, of tests that exist."""

from __future__ import annotations

import re
from typing import Any

from tests import promises

ENTRY: dict[str, Any] = {
    "fault": "SIGKILL", "promise": "nothing is lost", "form": "short", "outcome": "passed",
    "cases": 3, "seconds": 1.25, "figures": {"kills": 1200}, "date": "2026-01-31",
}  # fmt: skip


def test_the_page_is_written_from_the_stored_results() -> None:
    assert promises.PAGE.read_text(encoding="utf-8") == promises.page(promises.stored())


def test_every_test_on_the_page_exists_and_is_marked() -> None:
    for name in promises.stored()["tests"]:
        file, test = re.fullmatch(r"(.+)::(\w+)", name).groups()  # type: ignore[union-attr]
        source = (promises.ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"mark\.promise\([^@]*(@[^@]*)*\ndef {test}\(", source), name


def test_a_result_tells_outcome_cases_figures_and_time() -> None:
    assert promises.result(ENTRY) == "passed, 3 cases, 1,200 kills, 1.2 s"


def test_a_run_leaves_the_results_of_other_files_and_of_the_other_form() -> None:
    before = {
        "tests": {"t.py::old": ENTRY, "t.py::long": ENTRY | {"form": "soak"}, "u.py::other": ENTRY}
    }
    after = promises.merged(before, {"t.py::new": ENTRY}, "short")
    assert list(after["tests"]) == ["t.py::long", "t.py::new", "u.py::other"]
    page = promises.page(after)
    assert "| SIGKILL | nothing is lost | [`new`](../t.py) | 2026-01-31: passed" in page
