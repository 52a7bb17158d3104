"""The report's three forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from plaudit.report import card, html

REPORT = "report.json"


def pages(report: Mapping[str, Any]) -> dict[str, str]:
    """Render the report's three forms, by file name."""
    return {
        REPORT: json.dumps(report, indent=1, allow_nan=False) + "\n",
        "report.html": html.render(dict(report)),
        "README.md": card.render(dict(report)),
    }
