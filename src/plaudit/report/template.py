"""The one way in which the templates of page and card are loaded."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from plaudit.report import words

if TYPE_CHECKING:
    from jinja2 import Template

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
