from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plaudit.config import CleanConfig
from plaudit.data.clean import _composed, clean

OFF = CleanConfig(html=False, entities=False, unicode=False, control=False, whitespace=False)
SWITCHES = st.builds(CleanConfig, **{name: st.booleans() for name in CleanConfig.model_fields})
# Pieces that make work for each other: references that spell references, tags within tags,
# characters that normalise to a semicolon or that compose with an angle bracket.
PIECES = (  # noqa: SIM905 - for the eye
    "< > <b> </b> <br /> <br <a a b i href =x ='y' \"y\" / /> <!-- --> - ! nowrap open <!doctype"
    " & &amp; &am amp; p; #59; &#59; &#x26; &lt; &gt; lt; gt; &semi; &period; &#38 ; # 3 8 x"
    " &nbsp; &#x200b; &#x301; &#x338; &#x37e; &#150; &#xd800; &Tab; e ="
    " \u037e \u0338 \u0301 \u0315 \u212b \u1100 \u1161 \u200b \u200d \ufeff \xa0 \x85 \x96 \x00"
    " \ud83d \ude00 \U0001f600 \x1f . ' _ \u2026 \u226e"
).split(" ")
ANY = st.text(st.characters())
NASTY = st.lists(st.sampled_from([*PIECES, " ", "\n", "\t"]), max_size=24).map("".join)


@given(st.one_of(NASTY, ANY), SWITCHES)
@example("<b<br>>", CleanConfig())
@example("<b.>", CleanConfig(remove_punctuation=True))
@example("&a&a&#109;p;#109;p;lt;br&gt;", CleanConfig())
@example("&amp&#x37e;lt\u037e", CleanConfig())
@example("&am\x00p;", CleanConfig())
@example("<<!-- -->br>", CleanConfig())
@example("<b<!-- -->>", CleanConfig())
@example("e\u200b\u0301 \ud83d\u200b\ude00", CleanConfig())
def test_cleaning_twice_is_cleaning_once_whatever_is_switched_off(
    text: str, config: CleanConfig
) -> None:
    once = clean(text, config)
    assert clean(once, config) == once


@given(st.one_of(NASTY, ANY))
def test_with_everything_off_nothing_changes(text: str) -> None:
    assert clean(text, OFF) == text


@given(st.one_of(NASTY, ANY))
def test_what_comes_out_is_composed_folded_and_encodable(text: str) -> None:
    cleaned = clean(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in cleaned)


@given(st.text(st.characters(categories=["L", "N"], max_codepoint=0x24F)))
def test_plain_words_are_never_touched(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a < b",
        "1<2 and 3>2",
        "x<y and y>z",
        "I <3 it </3",
        "<-- look -->",
        "an <unfinished tag",
        "ends in <br",
        "<spoiler alert> <sigh> </SPOILER>",
        "<a great film>",
        "<i think so>",
        "<b\u00e9>",
        "<http://example.org/a?b=c>",
        "< br>",
        "<!-- never closed",
        "<<<>>>",
        "<a href=y<3>z>",
        "<td openly>",
        "PG > R",
    ],
)
def test_what_only_looks_like_a_tag_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "tag",
    [
        "<br>",
        "<br />",
        "<BR/>",
        "<br / >",
        "<br\n/>",
        "</p >",
        "<a href='x' target=_blank>",
        '<img alt="a b" src=x.png hidden>',
        "<td nowrap>",
        "<h1\u00a0class=x>",
        "<!-- a <b> c -->",
        "<!-- two\nlines -->",
        "<!-->",
        "<!DOCTYPE html>",
        "&lt;br&gt;",
        "&amp;lt;br /&amp;gt;",
    ],
)
def test_a_tag_becomes_one_space(tag: str) -> None:
    assert clean(f"one{tag}two") == "one two"
    kept = f"one{tag}two"
    assert clean(kept, OFF.model_copy(update={"whitespace": True})) == " ".join(kept.split())


def test_a_comment_ends_at_its_first_end() -> None:
    assert clean("a<!-- x <!-- y -->b-->c") == "a b-->c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("Tom &amp;amp;amp; Jerry", "Tom & Jerry"),
        ("don&#39;t &quot;caf&eacute;&QUOT;", 'don\'t "caf\u00e9"'),
        ("&#x1F600; &#305;", "\U0001f600 \u0131"),
        ("e&#x301;", "\u00e9"),
        ("&am&#112;;", "&"),
        ("&CounterClockwiseContourIntegral;", "\u2233"),
        ("a&nbsp;&nbsp;b", "a b"),
        ("dash&#150;dash", "dash\u2013dash"),
        ("&#xd800;&#0;", "\ufffd\ufffd"),
        ("zero&#x200b;width", "zerowidth"),
        ("AT&T; R&D &ampersand &amp &nosuch; &;", "AT&T; R&D &ampersand &amp &nosuch; &;"),
    ],
)
def test_character_references_become_characters(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e\u0301", "\u00e9"),
        ("half \ud83d", "half \ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("time \x96 \x91very\x92 annoying\x85", "time \u2013 \u2018very\u2019 annoying\u2026"),
    ],
)
def test_unicode_is_composed_and_repaired(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert clean(text, CleanConfig(unicode=False, control=False, whitespace=False)) == text


def test_control_and_invisible_characters_go_but_words_stay_apart() -> None:
    assert clean("a\x00b\x08c\u200bd\ufeff\u202e\u00ad e\x0bf\tg\r\nh") == "abcd e f g h"
    config = CleanConfig(control=False)
    assert clean("a\x00b\u200bc", config) == "a\x00b\u200bc"


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    ],
    ids=["emoji family", "Persian"],
)
def test_joiners_stay(text: str) -> None:
    assert clean(text) == text


def test_white_space_of_every_kind_is_folded_and_stripped() -> None:
    assert clean("\u3000 a\u2003\u00a0\nb\t") == "a b"
    assert clean(" a  b ", CleanConfig(whitespace=False)) == " a  b "


def test_punctuation_becomes_space_and_symbols_stay() -> None:
    config = CleanConfig(remove_punctuation=True)
    text = "Don't \u2014 10/10!!! <3 $5+5\u20ac \u00bfqu\u00e9? caf\u00e9_bar \U0001f600"
    assert clean(text, config) == "Don t 10 10 <3 $5+5\u20ac qu\u00e9 caf\u00e9 bar \U0001f600"


@pytest.mark.parametrize(
    "text",
    [
        "&amp;" + "amp;" * 200_000,
        "&a" * 100_000 + "&#109;" + "p;#109;" * 100_000,
        "&" * 1_000_000 + ";",
        "<b " * 300_000 + ">" * 300_000,
        "<" * 500_000 + ">" * 500_000,
        "<!--" * 250_000,
        "<a " + "b=c " * 200_000 + "d>",
        "<br" + " " * 1_000_000 + "x>",
        "<a b='" * 150_000 + ">",
    ],
    ids=range(9),
)
def test_input_made_to_be_slow_is_not(text: str) -> None:
    # Quadratic work here would run into the time limit of the test suite.
    once = clean(text)
    assert clean(once) == once


@pytest.mark.promise("is cleaned in seconds", fault="a megabyte of accents on one letter")
@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0f73", "\u0344\u0323"])
def test_many_marks_on_one_letter_take_linear_time(marks):
    began_s = time.process_time()
    clean("e" + marks * (2**20 // len(marks)))
    assert time.process_time() - began_s < 20


@given(st.text(st.sampled_from("ae\u00e9\u0301\u0323\u0344\u0f73\u0327\u1e69"), max_size=90))
def test_marks_that_are_put_in_order_first_are_the_same_text(text):
    assert _composed(text) == unicodedata.normalize("NFC", text)


def test_a_long_run_of_marks_is_the_same_text():
    text = "\u00e9" + "\u0301\u0323\u0f73\u0344\u0327" * 40 + "a\u0301"
    assert _composed(text) == unicodedata.normalize("NFC", text)
