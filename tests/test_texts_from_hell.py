"""Any text at all: the same answer each time or an error for it, and neither takes for ever."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import plaudit
from plaudit.data.clean import clean
from plaudit.data.rows import LONGEST_TEXT, checked_text
from plaudit.errors import DataError

HELL = [
    "",
    " \t\n\x0b\x85\u2028",
    "\0",
    "a\0b",
    "\ud800",
    "half \udfff of it",
    "\ud83c\udfac",  # two halves that belong together
    "🎬👩‍👩‍👧‍👦🏳️‍🌈" * 50,
    "\u202efilm doog\u202c שלום مرحبا",
    "e" + "\u0301" * 5000,
    "<script>alert(1)</script>" * 100,
    "<b" * 5000 + ">" * 5000,
    "<!--" * 5000,
    "&amp;" * 5000,
    "&am&#112;;" * 2000,
    "=cmd()|' /C calc'!A0",
    "[CLS] [SEP] [PAD] [MASK] [UNK]",
    "{{7*7}} ${7*7} %s %n \\x00 '; DROP TABLE films; --",
    "\x1b[2J\x9b2J",
    "\ufffe\uffff\U0010ffff",
]


@pytest.fixture(scope="module")
def classifier(workshop):
    return plaudit.Classifier.load(workshop / "runs" / "quickstart" / "model")


def check(classifier, text):
    """The same answer twice, alone and beside others, with probabilities that are some."""
    first = classifier.predict([text])[0]
    again = classifier.predict(["A triumph.", text])[1]
    assert first.label == max(first.probabilities, key=first.probabilities.get)
    assert sum(first.probabilities.values()) == pytest.approx(1)
    assert again.probability == pytest.approx(first.probability, abs=1e-5)


@pytest.mark.promise("an answer, the same each time", fault="a text from hell")
@pytest.mark.parametrize("text", HELL, ids=range(len(HELL)))
def test_a_text_from_hell_has_an_answer_and_it_is_the_same_each_time(classifier, text):
    began_s = time.monotonic()
    check(classifier, text)
    assert time.monotonic() - began_s < 20


@pytest.mark.promise("an answer, the same each time", fault="any text that can be thought of")
@settings(max_examples=80)
@given(st.text(st.characters(), max_size=200))  # lone surrogates and NUL included
@example("\ud800\0<b>")
def test_any_text_has_an_answer_and_it_is_the_same_each_time(classifier, text):
    check(classifier, text)


LONG = {
    "words": "a great film, indeed! ",
    "no space": "x",
    "punctuation": "!",
    "marks": "<b",
    "references": "&amp;",
    "accents": "\u0301\u0323",
}


@pytest.mark.promise("an answer in seconds", fault="1 MB of text, without a space too")
@pytest.mark.parametrize("kind", LONG)
def test_a_megabyte_has_an_answer_in_seconds(classifier, kind):
    text = (LONG[kind] * LONGEST_TEXT)[:LONGEST_TEXT]
    began_s = time.monotonic()
    (answer,) = classifier.predict([text])
    assert time.monotonic() - began_s < 60
    assert answer.label in classifier.labels


@pytest.mark.promise("is refused at once, with the reason", fault="10 MB of text")
def test_ten_megabytes_are_refused_at_once(classifier):
    text = "good " * 2 * 2**20
    began_s = time.monotonic()
    with pytest.raises(DataError, match=r"text 1 has 10,485,760 characters; at most 1,048,576"):
        classifier.predict(["fine", text])
    assert checked_text(text).found.startswith("the text has 10,485,760 characters")
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("value", [None, 7, b"bytes", ["a"], float("nan")])
def test_what_is_no_text_is_an_error_that_says_which(classifier, value):
    with pytest.raises(DataError, match=f"text 1 is {type(value).__name__}, not a string"):
        classifier.predict(["fine", value])


@settings(max_examples=100)
@given(st.text(st.sampled_from("<>&;#x!-/b \u0301\ud800\0"), max_size=60))
def test_cleaning_settles_whatever_it_is_given(text):
    assert clean(clean(text)) == clean(text)
