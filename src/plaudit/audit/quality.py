"""Rows that hold no proper review: empty, tiny, huge, not English, or wrongly decoded."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

import numpy as np

from plaudit.audit.records import (
    EXAMPLES,
    Change,
    Example,
    Finding,
    Found,
    Ints,
    Severity,
    Table,
    share,
    shown,
)
from plaudit.audit.words import Words

TINY_WORDS = 3
"""Fewer words than that can hardly hold an opinion."""
HUGE_TIMES, HUGE_TOKENS = 20, 2000
"""Longer than so many times the median, and than so many tokens."""
LEAST_WORDS = 10
"""Words of a text from which the share of stop words says something."""
ENGLISH_SHARE = 0.12
"""English prose has 40 to 50% of stop words; other languages share a few with it by chance."""
LATIN_SHARE = 0.5
"""Fewer letters than that from the Latin script: not English, however short the text."""
# The function words of English that other languages of the Latin script have not (so no "a",
# "in", "me", "so", "no", "was" or "die").
STOP_WORDS = frozenset(
    """
    about after again all although always and any are as at be because been before being both but
    by can could did do does doing don't each even every few for from get had has have having he
    her here him his how i if i'm into is isn't it it's its just like made make many more most much
    my never not of off on one only or other our out over own really see seen she should since some
    such than that that's the their them then there these they this those through to too under
    until up very want we well were what when where which while who why will with would you your
    """.split()  # noqa: SIM905 - a list would be a hundred lines
)
_CONTINUED = "".join(
    bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(128, 192)
)
# The two to four characters as which Windows-1252 shows one character of UTF-8.
_MOJIBAKE = re.compile(
    f"[\u00c2-\u00df][{_CONTINUED}]"
    f"|[\u00e0-\u00ef][{_CONTINUED}]{{2}}"
    f"|[\u00f0-\u00f4][{_CONTINUED}]{{3}}"
)
_LOST = "\ufffd"
_WHY = {
    "tiny": f"fewer than {TINY_WORDS} words",
    "huge": "far longer than the other texts",
    "not_english": "does not look English",
}


def odd_rows(table: Table, words: Words, tokens_N: Ints | None) -> list[Found]:
    """Find rows that hold no proper review.

    Parameters
    ----------
    table : Table
    words : Words
        Of the table's texts.
    tokens_N : ndarray of int64, or None
        Their lengths; without them no row counts as huge.

    Returns
    -------
    list of Found
        ``empty``, ``tiny``, ``huge``, ``not_english``, ``mojibake``, those that there are.
    """
    plain = words.alphanumeric()
    found = (
        _empty(table),
        _tiny(table, plain),
        _huge(table, tokens_N),
        _not_english(table, plain),
        _mojibake(table),
    )
    return [each for each in found if each is not None]


def _empty(table: Table) -> Found | None:
    if not table.blank:
        return None
    examples = tuple(Example(row.origin, row.label, "", "") for row in table.blank[:EXAMPLES])
    title = f"rows with no text, or none that survives cleaning: {len(table.blank):,}"
    finding = Finding(
        "empty", "error", title, len(table.blank), "Drop them; training refuses them.", examples
    )
    return Found(finding)  # they are not in the table, so that no change is needed


def _tiny(table: Table, words: Words) -> Found | None:
    rows = np.flatnonzero(np.diff(words.starts_N) < TINY_WORDS)
    title = f"rows of fewer than {TINY_WORDS} words: {len(rows):,}"
    return _found(table, "tiny", title, rows, "Read them; drop those that say nothing.")


def _huge(table: Table, tokens_N: Ints | None) -> Found | None:
    if tokens_N is None or not len(tokens_N):
        return None
    limit = max(HUGE_TIMES * float(np.median(tokens_N)), HUGE_TOKENS)
    rows = np.flatnonzero(tokens_N > limit)
    longest = int(tokens_N.max())
    title = f"rows longer than {limit:,.0f} tokens: {len(rows):,}, the longest {longest:,} tokens"
    fix = "Check that no file was pasted into a cell, by a quotation mark that never ends."
    return _found(table, "huge", title, rows[np.argsort(-tokens_N[rows])], fix)


def _not_english(table: Table, words: Words) -> Found | None:
    is_stop = np.array([word in STOP_WORDS for word in words.vocabulary], dtype=bool)
    length_N = np.diff(words.starts_N)
    stops_N = np.bincount(words.rows()[is_stop[words.ids]], minlength=len(words))
    foreign_N = (length_N >= LEAST_WORDS) & (stops_N < ENGLISH_SHARE * length_N)
    for row, text in enumerate(table.rows.texts):
        if not text.isascii() and _latin_share(text) < LATIN_SHARE:
            foreign_N[row] = True
    rows = np.flatnonzero(foreign_N)
    title = (
        f"rows that do not look English, by script and share of stop words: {len(rows):,} "
        f"({share(len(rows), len(table))})"
    )
    fix = "For another language choose an encoder that knows it; else read these and drop them."
    severity_is_note = len(rows) < 0.01 * len(table)
    return _found(table, "not_english", title, rows, fix, note=severity_is_note)


def _latin_share(text: str) -> float:
    """Return the share of the letters that are Latin; 1 where there is none."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return 1.0
    latin = sum(c.isascii() or unicodedata.name(c, "").startswith("LATIN") for c in letters)
    return latin / len(letters)


def _mojibake(table: Table) -> Found | None:
    rows: list[int] = []
    mended: list[str | None] = []
    for row, text in enumerate(table.rows.texts):
        if text.isascii():
            continue
        better = repaired(text)
        if better != text or _LOST in text:
            rows.append(row)
            mended.append(better if better != text else None)
    if not rows:
        return None
    finding = Finding(
        "mojibake",
        "warning",
        f"rows with characters that a wrong decoding left, such as Ã© for é: {len(rows):,}",
        len(rows),
        "Read the source anew as UTF-8; the fix mends what can be told, which is not U+FFFD.",
        tuple(
            table.example(row, "", _first_difference(table.rows.texts[row], better))
            for row, better in islice(zip(rows, mended, strict=True), EXAMPLES)
        ),
        {"repairable": sum(better is not None for better in mended)},
    )
    changes = (
        Change(row, "mended a wrong decoding", repaired)
        for row, better in zip(rows, mended, strict=True)
        if better is not None
    )
    return Found(finding, tuple(changes))


def repaired(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252, where that is what stands there.

    Examples
    --------
    >>> repaired("CafÃ© – “itâ€™s” fine")
    'Café – “it’s” fine'
    """
    return _MOJIBAKE.sub(lambda found: _decoded(found[0]), text)


def _decoded(run: str) -> str:
    try:
        character = b"".join(map(_byte, run)).decode("utf-8")
    except UnicodeError:
        return run
    # Phonetic signs: an accented capital before a closing quotation mark is likelier.
    return run if "\u0200" <= character <= "\u02ff" else character


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:  # five bytes have no character in Windows-1252
        return character.encode("latin-1")


def _first_difference(text: str, better: str | None) -> int:
    if better is None:
        return text.find(_LOST)
    return next((n for n, (a, b) in enumerate(zip(text, better, strict=False)) if a != b), 0)


def _found(
    table: Table, code: str, title: str, rows: Ints, fix: str, *, note: bool = False
) -> Found | None:
    if not len(rows):
        return None
    severity: Severity = "note" if note else "warning"
    finding = Finding(code, severity, title, len(rows), fix, shown(table, rows))
    return Found(finding, tuple(Change(row, _WHY[code]) for row in rows.tolist()))
