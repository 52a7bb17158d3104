"""The model of words: what it learns, keeps and reads back, by value where there is one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from plaudit import ngrams
from plaudit.data.text_pairs import joined
from plaudit.ngrams import counting

GOOD = ["a wonderful warm film", "warm and wonderful acting", "wonderful", "a warm delight"]
BAD = ["a dreadful dull film", "dull and dreadful acting", "dreadful", "a dull bore"]
TARGETS = np.repeat([0, 1], 4)


def column(model: ngrams.NgramModel, word: str) -> int:
    [counts] = ngrams.count([word], np.arange(1), ngrams.PAIRS_OF_TOKENS)
    return int(np.searchsorted(model.columns_F, counts.indices[0]))


def test_words_and_pairs_of_words_decide() -> None:
    model = ngrams.fit(BAD + GOOD, TARGETS, 2)
    logits_NC = model.logits(["warm", "dull", "nothing of this"])
    assert logits_NC.shape == (3, 2)
    assert logits_NC[:2].argmax(axis=1).tolist() == [1, 0]
    assert logits_NC.sum(axis=1) == pytest.approx([0, 0, 0])
    assert logits_NC[2] == pytest.approx([-model.bias_K[0] / 2, model.bias_K[0] / 2])
    texts = ["not good", "very bad", "good", "bad"] * 10
    pairs = ngrams.fit(texts, np.array([0, 0, 1, 1] * 10), 2).logits(["not good", "good not"])
    assert pairs[0, 0] > pairs[1, 0]


def test_the_ratio_of_a_word_is_that_of_naive_bayes() -> None:
    """With one more text for each feature in either class, by texts and not by occurrences."""
    texts = ["good good film", "good film", "bad film", "bad"]
    model = ngrams.fit(texts, np.array([1, 1, 0, 0]), 2)
    # good, film, "good good", "good film"; bad, film, "bad film": 6 features.
    with_it, without = 2 + 2 + 1 + 2, 2 + 1 + 1
    ratio = math.log((3 / (with_it + 6)) / (1 / (without + 6)))
    assert model.ratios_KF[0, column(model, "good")] == pytest.approx(ratio)
    film = math.log((3 / (with_it + 6)) / (2 / (without + 6)))
    assert model.ratios_KF[0, column(model, "film")] == pytest.approx(film)


def test_a_text_s_length_and_its_repeated_words_count_for_nothing() -> None:
    model = ngrams.fit(BAD + GOOD, TARGETS, 2)
    # Neither the marks nor "warm warm" were seen in training.
    once, often = model.logits(["warm", "warm ! warm ? warm"])
    assert once == pytest.approx(often)


def test_the_logits_are_the_margins_of_the_regression() -> None:
    model = ngrams.fit(BAD + GOOD, TARGETS, 2)
    values = {word: column(model, word) for word in ("warm", "film")}
    ratios = np.array([model.ratios_KF[0, c] for c in values.values()])
    weights = np.array([model.weights_KF[0, c] for c in values.values()])
    margin = ratios @ weights / np.linalg.norm(ratios) + model.bias_K[0]
    [[_, positive]] = model.logits(["film, warm"])  # in this order they are no pair that was seen
    assert 2 * positive == pytest.approx(margin, abs=1e-5)


def test_marks_are_read_too() -> None:
    texts = ["so so!", "so so?"] * 5
    model = ngrams.fit(texts, np.array([1, 0] * 5), 2)
    assert model.logits(["well!", "well?"]).argmax(axis=1).tolist() == [1, 0]


def test_several_classes_stand_each_against_the_rest_and_an_absent_one_stays_unlikely() -> None:
    texts = GOOD + BAD + ["goals and a match", "a match", "goals", "match of goals"]
    model = ngrams.fit(texts, np.repeat([0, 1, 3], 4), 4)
    logits_NC = model.logits(["warm wonderful", "dull", "goals"])
    assert logits_NC.argmax(axis=1).tolist() == [0, 1, 3]
    assert logits_NC[:, 2] == pytest.approx(np.full(3, math.log(1 / 13)))


def test_texts_without_words_get_the_shares_of_the_classes() -> None:
    model = ngrams.fit([" ", "  ", "   ", ""], np.array([0, 1, 1, 1]), 2)
    [[first, second]] = model.logits(["\n"])
    assert second - first == pytest.approx(math.log(3), abs=0.05)
    assert model.logits([]).shape == (0, 2)


def test_the_words_of_either_text_of_a_pair_are_apart() -> None:
    texts = [joined(a, b) for a, b in (("warm", "dull"), ("dull", "warm"))] * 4
    model = ngrams.fit(texts, np.array([1, 0] * 4), 2)
    asked = [joined("warm", "film"), joined("film", "warm")]
    assert model.logits(asked).argmax(axis=1).tolist() == [1, 0]


def test_blocks_are_put_back_in_order_and_rows_beyond_the_cap_are_left_out_evenly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = ngrams.fit(BAD + GOOD, TARGETS, 2)
    whole = every.logits(BAD + GOOD)
    monkeypatch.setattr(counting, "ROWS_AT_ONCE", 3)
    assert ngrams.fit(BAD + GOOD, TARGETS, 2).logits(BAD + GOOD) == pytest.approx(whole)
    monkeypatch.setattr(counting, "MAX_ROWS", 4)
    assert ngrams.learnt(BAD + GOOD, TARGETS).tolist() == [0, 2, 4, 7]
    few = ngrams.fit(BAD + GOOD, TARGETS, 2)
    assert len(few.columns_F) < len(every.columns_F)
    assert few.logits(["warm", "dull"]).argmax(axis=1).tolist() == [1, 0]


def test_it_is_read_back_as_it_was(tmp_path: Path) -> None:
    model = ngrams.fit(BAD + GOOD, TARGETS, 2)
    model.save(tmp_path / "words.safetensors")
    again = ngrams.NgramModel.load(tmp_path / "words.safetensors", 2)
    assert (again.logits(GOOD) == model.logits(GOOD)).all()
    for n in range(8):  # the header too, byte by byte
        model.save(tmp_path / str(n))
    assert len({(tmp_path / str(n)).read_bytes() for n in range(8)}) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.pop("bias"), r"holds \['columns', 'ratios', 'weights'\]"),
        (lambda w: w.update(weights=w["weights"][:, :-1]), "where .* was expected"),
        (lambda w: w.update(ratios=np.repeat(w["ratios"], 3, 0)), "was expected|not those"),
        (lambda w: w.update(bias=np.zeros(2, np.float32)), "bias or the columns"),
        (lambda w: w.update(columns=w["columns"].astype(np.int64)), "bias or the columns"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, change: object, said: str) -> None:
    path = tmp_path / "words.safetensors"
    ngrams.fit(BAD + GOOD, TARGETS, 2).save(path)
    weights = load_file(path)
    change(weights)  # type: ignore[operator]
    save_file(weights, path, metadata=ngrams.PAIRS_OF_TOKENS.described())
    with pytest.raises(ValueError, match=said):
        ngrams.NgramModel.load(path, 2)


def test_a_file_of_other_counts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.safetensors"
    ngrams.fit(BAD + GOOD, TARGETS, 2).save(path)
    save_file(load_file(path), path, metadata=ngrams.PAIRS_OF_WORDS.described())
    with pytest.raises(ValueError, match="this version of plaudit counts"):
        ngrams.NgramModel.load(path, 2)


def test_a_text_has_only_the_features_that_are_kept() -> None:
    model = ngrams.fit(BAD + GOOD, TARGETS, 2)
    [counts] = ngrams.count([*GOOD, "zebra zygote", ""], np.arange(6), ngrams.PAIRS_OF_TOKENS)
    assert (model._kept(counts) != counts[:, model.columns_F]).nnz == 0


def test_targets_must_fit_the_texts() -> None:
    with pytest.raises(ValueError, match="4 texts and 1 targets"):
        ngrams.fit(GOOD, np.zeros(1, dtype=int), 2)


@given(text=st.text(st.sampled_from("warmdulİΣ' !9"), max_size=40), classes=st.sampled_from([2, 3]))
@settings(max_examples=60)
def test_what_words_add_is_the_difference_to_an_empty_text(text: str, classes: int) -> None:
    targets = TARGETS if classes == 2 else np.array([0, 1, 2, 0, 1, 2, 0, 1])
    model = ngrams.fit(["warm dull", "dul w a r m", *BAD[2:], *GOOD], targets, classes)
    [whole, empty] = model.logits([text, ""])
    spans_T2, adds_TC = model.pushes(text)
    assert empty + adds_TC.sum(axis=0) == pytest.approx(whole, abs=1e-5)
    held = {at for start, end in spans_T2.tolist() for at in range(start, end)}
    assert held == {at for at, character in enumerate(text) if not character.isspace()}


def test_a_run_s_words_share_what_it_adds_and_so_do_its_places() -> None:
    model = ngrams.fit(["not good", "very bad", "good", "bad"] * 10, np.array([0, 0, 1, 1] * 10), 2)

    def adds(text: str, run: str) -> float:
        """What a run adds to the second class, by hand."""
        kept = [column(model, each) for each in dict.fromkeys([*text.split(), *PAIRS[text]])]
        length = math.sqrt(sum(float(model.ratios_KF[0, c]) ** 2 for c in kept))
        place = column(model, run)
        return float(model.ratios_KF[0, place] * model.weights_KF[0, place]) / length / 2

    PAIRS = {"not good": ["not good"], "good bad good": []}
    _, pushes_TC = model.pushes("not good")
    both = adds("not good", "not good") / 2
    assert pushes_TC[:, 1] == pytest.approx(
        [adds("not good", "not") + both, adds("not good", "good") + both]
    )
    _, pushes_TC = model.pushes("good bad good")
    good = adds("good bad good", "good") / 2
    assert pushes_TC[:, 1] == pytest.approx([good, adds("good bad good", "bad"), good])
    assert pushes_TC[:, 0] == pytest.approx(-pushes_TC[:, 1])


def test_what_is_known_of_a_text_is_what_reading_it_finds():
    model = ngrams.fit(BAD + GOOD, TARGETS, 2)
    for text in ["a dull film and dull again", "zebra zygote", ""]:
        hidden = np.zeros(len(text), dtype=bool)
        assert model.known(text, hidden) == model.read([text])[1][0]
        assert model.known(text, ~hidden) == 0
    hidden = np.zeros(9, dtype=bool)
    hidden[:4] = True
    assert model.known("dull film", hidden) == model.read(["film"])[1][0]
