"""The one way in which the templates of page and card are loaded."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from plaudit.report import words

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

FILTERS = {
    "count": words.count,
    "duration": words.duration,
    "epochs": words.epochs,
    "moment": words.moment,
    "percent": words.percent,
}


@cache
def template(name: str, **escaping: Any) -> Template:
    """Load a template once; a value that it names and nobody gave is an error.

    Parameters
    ----------
    name : str
        A file in ``report/templates``.
    **escaping
        How inserted values are made harmless: jinja2's ``autoescape`` or ``finalize``.

    Returns
    -------
    jinja2.Template
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - how to escape is for the caller to say
        loader=PackageLoader("plaudit.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **escaping,
    )
    environment.filters |= FILTERS
    return environment.get_template(name)


def style() -> dict[str, str | Markup]:
    """Return the style sheet of every page, and the digest by which a page's policy admits it.

    Returns
    -------
    dict
        ``style`` and ``style_digest``.
    """
    from markupsafe import Markup

    sheet = resources.files("plaudit.report").joinpath("templates/report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return {"style": Markup(sheet), "style_digest": digest}  # noqa: S704 - our own file
