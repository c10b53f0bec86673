import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tramontane.corpus.fingerprint import BANDS, ROWS, fingerprint


def share_a_band(first: str, second: str) -> bool:
    keys = fingerprint([first, second])
    return bool((keys[0, 1:] == keys[1, 1:]).any())


@settings(max_examples=50)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=8))
def test_a_text_s_keys_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = fingerprint(texts)
    for text, keys in zip(texts, together, strict=True):
        np.testing.assert_array_equal(fingerprint([text])[0], keys)


def test_only_the_exact_key_sees_case_and_punctuation() -> None:
    first, second = fingerprint(
        ["The wind is cold, and the sea is grey.", "the Wind is cold and the sea is grey"]
    )
    assert first[0] != second[0]
    np.testing.assert_array_equal(first[1:], second[1:])


def test_accents_and_word_order_make_a_difference() -> None:
    base = "les pêcheurs réparent leurs filets"
    for other in ("les pecheurs reparent leurs filets", "leurs filets réparent les pêcheurs"):
        assert not share_a_band(base, other)


def test_texts_under_five_words_are_compared_exactly() -> None:
    keys = fingerprint(["Bonjour à tous", "bonjour à tous", "", "…"])
    assert all((row == row[0]).all() for row in keys)
    assert len(set(keys[:, 0].tolist())) == 4


def test_pairs_meet_as_often_as_minhash_says() -> None:
    """Probability 1 - (1 - s^rows)^bands for Jaccard similarity s."""
    rng = random.Random(0)
    for shared, own in ((190, 10), (150, 30), (100, 100)):
        similarity = shared / (shared + 2 * own)
        texts = []
        for _ in range(100):
            # the four words more are those with which the last shared shingle ends
            common = [f"w{rng.random()}" for _ in range(shared + 4)]
            texts += [" ".join([*common, *(f"w{rng.random()}" for _ in range(own))]) for _ in range(2)]
        keys = fingerprint(texts)[:, 1:]
        met = float((keys[::2] == keys[1::2]).any(axis=1).mean())
        expected = 1 - (1 - similarity**ROWS) ** BANDS
        assert abs(met - expected) < 0.15, (similarity, met, expected)
