from __future__ import annotations

import numpy as np
import pytest

from plaudit.explain.reading import read
from plaudit.explain.words import spans


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It isn't good.", ["It", "isn't", "good", "."]),
        ("'quoted' end-", ["'", "quoted", "'", "end", "-"]),
        ("a must-see, 8/10 or 7.5!!!", ["a", "must-see", ",", "8/10", "or", "7.5", "!!!"]),
        ("很好看 film", ["很", "好", "看", "film"]),
        ("हिन्दी café", ["हिन्दी", "café"]),
        ("so 😀😀 👍🏽", ["so", "😀😀", "👍", "🏽"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_words_are_those_that_a_reader_sees(text, expected):
    assert words(text) == expected


def test_pieces_of_a_word_are_added_up(random_classifier):
    reading = read(random_classifier().encoder, ["unwatchable films, good"])
    shown = [reading.texts[0][start:end] for start, end in reading.spans_W2]
    assert shown == ["unwatchable", "films", ",", "good"]
    # [CLS] un ##watch ##able film ##s , good [SEP]
    scores = np.array([100, 1, 2, 3, 10, 20, 40, 50, 1000.0])
    assert reading.by_word(scores).tolist() == [6.0, 30.0, 40.0, 50.0]


def test_a_token_over_two_words_is_shared_by_their_characters(monkeypatch, random_classifier):
    from plaudit.text.encode import Encoded, Trace

    class Joining:
        """Has one token "ab cde", and one of white space before "f"."""

        tokenizer = random_classifier().encoder.tokenizer

        def trace(self, text):
            return Trace(np.array([[0, 6], [6, 7]]), np.array([-1, 0, 1, -1]))

        def encode(self, texts):
            one = np.array([0, 4])
            return Encoded(np.arange(4), one, np.array([0, 1]), one, one)

    reading = read(Joining(), ["ab cde f"])
    assert reading.by_word(np.array([7.0, 10.0, 3.0, 7.0])).tolist() == [4.0, 6.0, 3.0]


@pytest.mark.parametrize("policy", ["head", "tail", "head_tail", "windows"])
def test_each_id_is_traced_to_the_word_that_it_spells(policy, random_classifier):
    """Against the encoding itself: the ids of a word are those of the word alone."""
    encoder = random_classifier(policy=policy, max_tokens=8, stride=2).encoder
    text = "good plot and a great film with the best actor but it was dull to saw"
    reading = read(encoder, [text])
    alone = {word: encoder.encode([word]).ids[1:-1].tolist() for word in words(text)}
    for place, word in zip(reading.ids_K, reading.words_K, strict=True):
        start, end = reading.spans_W2[word]
        assert reading.encoded.ids[place] in alone[text[start:end]]
    special = {encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id}
    assert set(reading.encoded.ids[reading.special_S].tolist()) == special
    kept = int(reading.read_W().sum())
    assert kept == {"head": 6, "tail": 6, "head_tail": 6, "windows": 16}[policy]
