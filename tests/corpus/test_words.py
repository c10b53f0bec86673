import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from tramontane.corpus import words
from tramontane.corpus.words import _PIECE, WordEncoder
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import train_tokenizer

# what decides where words end, more often than chance would write it
TRICKY = st.text(
    alphabet=st.sampled_from(" \n\t\r\u00a0\u202f'’-.,;!?«»()_/0²½ⅧaéÉßœzs'tllſ日ا\u0301€😀"), max_size=40
)


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
@given(text=st.one_of(TRICKY, st.text(max_size=40)))
@example(text="l'été, aujourd'hui\n\n  It's  3.5 m²")
def test_ids_are_the_tokenizer_s_own(tokenizer: Tokenizer, dtype: str, text: str) -> None:
    encoder = WordEncoder(tokenizer, dtype)
    assert encoder._by_words
    assert np.frombuffer(encoder.encode([text])[0], dtype).tolist() == tokenizer.encode(text)


@given(st.one_of(TRICKY, st.text(max_size=40)))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(_PIECE.findall(text)) == text


def test_forgets_rather_than_grows(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_REMEMBERED", 40)
    encoder = WordEncoder(tokenizer, "uint16")
    for i in range(20):
        text = f"un deux trois{'x' * i} quatre"
        assert np.frombuffer(encoder.encode([text])[0], np.uint16).tolist() == tokenizer.encode(text)
        assert len(encoder._ids) < 12


def test_a_tokenizer_that_splits_otherwise_is_asked_for_whole_texts(tmp_path: object) -> None:
    other = train_tokenizer(["la mer et la terre"] * 9, 300)
    other._plain.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("e", "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False),
        ]
    )
    encoder = WordEncoder(other, "uint16")
    assert not encoder._by_words
    text = "la mer et la terre"
    assert np.frombuffer(encoder.encode([text])[0], np.uint16).tolist() == other.encode(text)
