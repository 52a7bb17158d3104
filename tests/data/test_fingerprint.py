from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plaudit.data.fingerprint import fingerprint, fingerprints


def test_a_fingerprint_never_changes() -> None:
    # Fixed by hand: splits drawn by an earlier version must be drawn again by a later one.
    assert fingerprint("A triumph.") == 1241207248107536081
    assert fingerprint("") == 13020603013274838756


@given(st.lists(st.text(st.characters(), max_size=5), max_size=20))
def test_texts_share_a_fingerprint_exactly_when_they_are_equal(texts: list[str]) -> None:
    prints = fingerprints(iter(texts))
    assert prints.dtype == np.uint64
    assert prints.tolist() == [fingerprint(text) for text in texts]
    assert len(set(prints.tolist())) == len(set(texts))


def test_lone_surrogates_have_fingerprints_of_their_own() -> None:
    assert len({fingerprint(text) for text in ("\ud800", "\ud801", "\ufffd", "?", "")}) == 5
