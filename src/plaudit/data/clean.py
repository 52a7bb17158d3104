"""Clean text: what a browser, a form or a wrong decoder left in a review, and nothing else.

Cleaning twice is cleaning once, for every combination of switches: a served text may have been
cleaned already. That decides the order of the steps. Each one only makes characters that the
steps before it leave alone, and those that could uncover new work for themselves (``&amp;lt;``,
``<b<br>>``) go on until nothing is left, in one pass over a stack, so that no input costs more
than linear time.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from functools import cache
from html.entities import html5

from plaudit.config import CleanConfig

_DEFAULT = CleanConfig()

# Invisible characters. Those that count as white space (\t \n \r \x85 ...) are left to the step
# that folds it, or words would run together; the joiners U+200C and U+200D stay, since emoji,
# Persian and Indic words need them.
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # C0 and C1
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, zero-width space, direction marks
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # embeddings, word joiner, BOM, annotations
    "\U000e0001\U000e0020-\U000e007f]"  # tags
)
# IMDB holds 2,500 of these: Windows-1252 dashes, dots and quotes that were read as Latin-1.
_WINDOWS_1252 = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes([code]).decode("cp1252", "ignore"))
}
_REFERENCE = re.compile("&[#0-9A-Za-z]+;")
_NUMERIC = re.compile("&#(?:[0-9]+|[xX][0-9A-Fa-f]+);")
_LONGEST_REFERENCE = 1 + max(map(len, html5))
_ELEMENTS = frozenset(
    """
    a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big
    blink blockquote body br button canvas caption center cite code col colgroup data datalist dd
    del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form
    frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label
    legend li link main map mark marquee math menu meta meter nav nobr noframes noscript object ol
    optgroup option output p param picture pre progress q rp rt ruby s samp script search section
    select slot small source span strike strong style sub summary sup svg table tbody td template
    textarea tfoot th thead time title tr track tt u ul var video wbr
    """.split()  # noqa: SIM905 - a list would be a hundred lines
)
# A bare word is an attribute only if HTML has it, so that "x <b and c> y" is left alone.
# Possessive quantifiers: a near miss fails at once, without backtracking.
_TAG = re.compile(
    r"""
    / (?P<closed>[a-z][a-z0-9]*+) \s*+
    | (?P<opened>[a-z][a-z0-9]*+)
      (?: \s++ (?:
          [a-z_:@][\w:.-]*+ \s*+ = \s*+ (?: "[^"]*+" | '[^']*+' | [^\s"'=`]++ )
        | (?: async | autofocus | autoplay | checked | compact | controls | default | defer
            | disabled | hidden | loop | multiple | muted | nohref | noshade | nowrap | open
            | readonly | required | reversed | selected )
      ) )*+
      \s*+ (?: / \s*+ )?
    | !doctype \b .*
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def clean(text: str, config: CleanConfig = _DEFAULT) -> str:
    r"""Clean one text.

    Parameters
    ----------
    text : str
        Any string, lone surrogates included.
    config : CleanConfig
        Which steps to take:

        - ``unicode``: normal form C; surrogate pairs are joined and lone halves become U+FFFD;
          C1 characters, which no text means, become the Windows-1252 characters that were meant.
        - ``control``: control and invisible format characters go, except white space and the
          two joiners (U+200C, U+200D).
        - ``entities``: HTML character references that end in a semicolon become their
          characters, however often they were escaped.
        - ``html``: comments and tags of HTML elements become spaces. What only looks like a tag
          stays: ``a < b``, ``<3``, ``<sigh>``, ``<-- look``.
        - ``remove_punctuation``: every character of a Unicode category P becomes a space;
          letters, digits and symbols (``+ < $``, emoji) stay.
        - ``whitespace``: runs of white space become one space; none at the ends.

    Returns
    -------
    str
        The clean text; ``clean(clean(text)) == clean(text)``.

    Examples
    --------
    >>> clean("I <3 it!<br /><br />Tom &amp; Jerry at\xa0their <i>best</i>.")
    'I <3 it! Tom & Jerry at their best .'
    """
    text = _settle(text, config)
    if config.entities and _REFERENCE.search(text):
        text = _settle(_decode(text, config), config)
    if config.html:
        text = _without_tags(_without_comments(text))
    if config.remove_punctuation:
        text = text.translate(_punctuation_to_spaces())
        # "<b.>" has just become "<b >", which the next cleaning would take for a tag.
        text = _without_tags(text) if config.html else text
    return " ".join(text.split()) if config.whitespace else text


def _settle(text: str, config: CleanConfig) -> str:
    """Repair, remove and compose characters; what comes out is a fixed point."""
    if config.unicode and not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = text.translate(_WINDOWS_1252)
    if config.control:
        text = _CONTROL.sub("", text)
    return _composed(text) if config.unicode else text


def _composed(text: str) -> str:
    """Return normal form C.

    CPython puts the marks on one letter in order by insertion, in quadratic time: 11 s for 80,000.
    Marks that are in order already cost nothing, and are the same text.
    """
    if not text.isascii():
        text = _many_marks().sub(_in_order, text)
    return unicodedata.normalize("NFC", text)


def _in_order(found: re.Match[str]) -> str:
    marks = "".join(unicodedata.normalize("NFD", mark) for mark in found[0])
    return "".join(sorted(marks, key=unicodedata.combining))


@cache
def _many_marks() -> re.Pattern[str]:
    """Match a run of what normal form D turns into combining marks alone."""
    marks = [
        character
        for character in map(chr, range(0x300, 0x20000))
        if unicodedata.combining(unicodedata.normalize("NFD", character)[0])
    ]
    return re.compile(f"[{''.join(marks)}]{{31,}}")  # languages use fewer (UAX 15, section 13)


def _decode(text: str, config: CleanConfig) -> str:
    """Decode character references until none is left.

    A reference can be spelt with references (``&am&#112;;``), so each semicolon, read or decoded,
    looks back for the reference that it ends. Decoded characters are settled at once: U+037E is
    a semicolon in normal form C.
    """
    kept: list[str] = []
    for character in text:
        kept.append(character)
        while kept and kept[-1] == ";":
            tail = "".join(kept[-_LONGEST_REFERENCE:])
            reference = tail[max(tail.rfind("&"), 0) :]
            if (decoded := _character(reference)) is None:
                break
            del kept[-len(reference) :]
            kept.extend(_settle(decoded, config))
    return "".join(kept)


def _character(reference: str) -> str | None:
    if _NUMERIC.fullmatch(reference):
        return html.unescape(reference)
    return html5.get(reference[1:]) if reference.startswith("&") else None


def _without_comments(text: str) -> str:
    # Not a regular expression: "<!--.*?-->" is quadratic in comments that never end. The marks
    # may share their dashes: browsers take "<!-->" for an empty comment.
    kept: list[str] = []
    done = 0
    while (start := text.find("<!--", done)) >= 0 and (end := text.find("-->", start + 2)) >= 0:
        kept += text[done:start], " "
        done = end + 3
    return "".join([*kept, text[done:]])


def _without_tags(text: str) -> str:
    """Turn tags into spaces, innermost first, until none is left.

    A tag holds no angle bracket, so a ``>`` ends the tag of the last ``<``, or no tag at all; in
    the second case no ``<`` before it can open one any more.
    """
    if "<" not in text or ">" not in text:
        return text
    kept: list[str] = []
    opens: list[int] = []
    for piece in re.split("([<>])", text):
        if piece == "<":
            opens.append(len(kept))
        elif piece == ">" and opens:
            start = opens.pop()
            if _is_tag("".join(kept[start + 1 :])):
                del kept[start:]
                piece = " "  # noqa: PLW2901 - the tag's place
            else:
                opens.clear()
        kept.append(piece)
    return "".join(kept)


def _is_tag(inside: str) -> bool:
    if (match := _TAG.fullmatch(inside)) is None:
        return False
    name = match["closed"] or match["opened"]
    return name is None or name.lower() in _ELEMENTS


@cache
def _punctuation_to_spaces() -> dict[int, str]:
    codes = range(sys.maxunicode + 1)
    return {code: " " for code in codes if unicodedata.category(chr(code)).startswith("P")}
