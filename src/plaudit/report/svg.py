"""A matplotlib figure as inline SVG that takes its colours and type from the page.

matplotlib draws with stand-in colours; afterwards each becomes a class that the style sheet
colours for light and dark. Style attributes become plain ones, since the page's content security
policy allows no inline styles.
"""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

# Stand-in colour → class; the values only have to be unlike each other.
_INKS = {"#010101": "ink", "#020202": "grid", "#030303": "first", "#040404": "second"}
INK, GRID, FIRST, SECOND = _INKS
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


def axes_of(x: str, y: str) -> tuple[Any, Any]:
    """Return a figure and its axes, of the size and look of all."""
    # The object interface: pyplot would keep global state and may look for a display.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(colors=INK, length=0)
    axes.grid(visible=True, axis="y", color=GRID, lw=0.8)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
    return figure, axes


def svg(figure: Any, name: str, title: str, description: str) -> str:
    """Write a figure as an element with a title and a description."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    # Text stays text; the salt and the missing date make equal runs give equal bytes.
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": f"plaudit {name}", "text.usetex": False}
    ):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it just now
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("metadata", "style")):
                parent.remove(child)
    for element in root.iter():
        _plain(element)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for tag, text in (("desc", description), ("title", title)):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(0, element)
    return ElementTree.tostring(root, encoding="unicode")


def _plain(element: ElementTree.Element) -> None:
    """Replace style by attributes and colours by classes; drop what the page decides."""
    if element.tag.endswith("}g"):
        element.attrib.pop("id", None)  # the same in every figure, and nothing refers to it
    if _LINK in element.attrib:
        element.set("href", element.attrib.pop(_LINK))
    if "d" in element.attrib:
        element.set("d", re.sub(r"(\.\d\d)\d+", r"\1", " ".join(element.attrib["d"].split())))
    classes = []
    for declaration in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in ("fill", "stroke") and value in _INKS:
            classes.append(f"{key}-{_INKS[value]}")
        elif key and key != "font-family":
            element.set(key, value)
    if element.tag.endswith("}text") and not classes:
        classes.append("fill-ink")
    if classes:
        element.set("class", " ".join(classes))
