"""Changes to a text that should not change its label; each is a pure function of text and random.

They take cleaned text. A text that has nothing for a change to work on comes back as it was.
"""

from __future__ import annotations

import html as entities
import re
import unicodedata
from random import Random

from plaudit.robustness.lexicon import EMOJI, IRRELEVANT, NAMES

WORDS_A_TYPO = 20
"""A typo in one word of so many, and one at least."""
KEPT = 0.8
"""Share of the words that a shortened text keeps."""
_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE_END = re.compile(r"([.!?]) ")
_APOSTROPHES = "'’"


def typos(text: str, random: Random) -> str:
    """Swap two neighbouring letters inside some words, never the first or the last.

    Parameters
    ----------
    text : str
    random : random.Random

    Returns
    -------
    str

    Examples
    --------
    >>> typos("A wonderful film.", Random(1))
    'A wondefrul film.'
    """
    words = [word for word in _WORD.finditer(text) if len(set(word[0][1:-1])) > 1]
    letters = list(text)
    for word in random.sample(words, min(len(words), max(1, len(words) // WORDS_A_TYPO))):
        inner = range(word.start() + 1, word.end() - 2)
        place = random.choice([i for i in inner if letters[i] != letters[i + 1]])
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)


def upper_case(text: str, random: Random) -> str:
    """Write it in capitals."""
    return text.upper()


def lower_case(text: str, random: Random) -> str:
    """Write it without capitals."""
    return text.lower()


def without_punctuation(text: str, random: Random) -> str:
    """Take punctuation away, but for apostrophes, which belong to words.

    Parameters
    ----------
    text : str
    random : random.Random

    Returns
    -------
    str
        As it was when nothing would be left.

    Examples
    --------
    >>> without_punctuation("Well-made, and I don't say that often!", Random(0))
    "Well made and I don't say that often"
    """
    kept = (
        " " if unicodedata.category(sign).startswith("P") and sign not in _APOSTROPHES else sign
        for sign in text
    )
    return " ".join("".join(kept).split()) or text


def with_html(text: str, random: Random) -> str:
    """Write it as a web page has it: escaped, in a paragraph, sentences on lines of their own.

    Parameters
    ----------
    text : str
    random : random.Random

    Returns
    -------
    str

    Examples
    --------
    >>> with_html("Dull & long. It's a waste.", Random(0))
    '<p>Dull &amp; long.<br /><br />It&#x27;s a waste.</p>'
    """
    lines = _SENTENCE_END.sub(r"\1<br /><br />", entities.escape(text))
    return f"<p>{lines}</p>"


def with_emoji(text: str, random: Random) -> str:
    """Add an emoji that says nothing of the film's worth."""
    return f"{text} {random.choice(EMOJI)}"


def with_irrelevant_sentence(text: str, random: Random) -> str:
    """Add a sentence that says nothing of the film's worth, in front or at the end."""
    sentence = random.choice(IRRELEVANT)
    return f"{sentence} {text}" if random.random() < 0.5 else f"{text} {sentence}"


def with_other_names(text: str, random: Random) -> str:
    """Give people other first names of the same kind, each the same one throughout.

    Parameters
    ----------
    text : str
    random : random.Random

    Returns
    -------
    str

    Examples
    --------
    >>> with_other_names("Kevin and Susan. Poor Kevin!", Random(0))
    'Brian and Nicole. Poor Brian!'
    """
    found = {name: kind for kind in NAMES for name in kind if re.search(rf"\b{name}\b", text)}
    if not found:
        return text
    new = {
        name: random.choice([other for other in kind if other not in found])
        for name, kind in sorted(found.items())
    }
    return re.sub(rf"\b({'|'.join(new)})\b", lambda name: new[name[0]], text)


def repeated(text: str, random: Random) -> str:
    """Say everything twice."""
    return f"{text} {text}"


def shortened(text: str, random: Random) -> str:
    """Keep the first four fifths of the words.

    Parameters
    ----------
    text : str
    random : random.Random

    Returns
    -------
    str
        As it was when it has fewer than five words.

    Examples
    --------
    >>> shortened("one two three four five", Random(0))
    'one two three four'
    """
    words = text.split()
    return " ".join(words[: int(len(words) * KEPT)]) if len(words) >= 5 else text
