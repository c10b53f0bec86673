import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models
from tokenizers import Tokenizer as Backend

from tramontane.tokenizer.detokenizer import Detokenizer
from tramontane.tokenizer.folder import TokenizerFiles
from tramontane.tokenizer.tokenizer import Tokenizer


def pieces_of(tokenizer: Tokenizer, ids: list[int], sizes: list[int]) -> list[str]:
    detokenizer, pieces, start = Detokenizer(tokenizer), [], 0
    for size in [*sizes, len(ids)]:
        pieces.append(detokenizer.push(ids[start : start + size]))
        start += size
    return [*pieces, detokenizer.finish()]


@given(st.lists(st.integers(0, 511)), st.lists(st.integers(0, 3)))
def test_any_ids_give_the_text_of_all_of_them(tokenizer: Tokenizer, ids: list[int], sizes: list[int]) -> None:
    assert "".join(pieces_of(tokenizer, ids, sizes)) == tokenizer.decode_plain(ids)


@given(st.text())
def test_no_piece_holds_half_a_character(tokenizer: Tokenizer, text: str) -> None:
    text = text.replace("\ufffd", "")
    ids = tokenizer.encode(text)
    pieces = pieces_of(tokenizer, ids, [1] * len(ids))
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_comes_whole_with_its_last_byte(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("🌬")
    assert len(ids) == 4
    assert pieces_of(tokenizer, ids, [1] * 4) == ["", "", "", "🌬", "", ""]


def test_an_unfinished_character_shows_at_the_end(tokenizer: Tokenizer) -> None:
    ids = [*tokenizer.encode("vent"), *tokenizer.encode("🌬")[:2]]
    assert pieces_of(tokenizer, ids, [1] * len(ids))[-1] == "\ufffd"


def test_special_tokens_are_skipped(tokenizer: Tokenizer) -> None:
    ids = [1, *tokenizer.encode("oui"), 2, *tokenizer.encode(" non"), 0]
    assert "".join(pieces_of(tokenizer, ids, [1] * len(ids))) == "oui non"


@pytest.fixture(scope="module")
def sentencepiece() -> Tokenizer:
    """A tokenizer with Llama 2's decoder: byte fallback, and a space dropped in front."""
    words = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁le", "▁vent", "s", "▁"]
    backend = Backend(models.BPE({word: index for index, word in enumerate(words)}, [], byte_fallback=True))
    backend.add_special_tokens([AddedToken("<s>", special=True)])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return Tokenizer(TokenizerFiles(backend))


def test_sentencepiece_keeps_spaces_between_words_alone(sentencepiece: Tokenizer) -> None:
    chooser = random.Random(0)
    words = [[258], [259], [260], [261], [1], [2 + byte for byte in "é".encode()]]
    for _ in range(200):
        ids = [token for word in chooser.choices(words, k=12) for token in word]
        sizes = chooser.choices((0, 1, 2), k=12)
        assert "".join(pieces_of(sentencepiece, ids, sizes)) == sentencepiece.decode_plain(ids)
    assert pieces_of(sentencepiece, [1, 258, 259, 260], [1] * 4)[:4] == ["", "le", " vent", "s"]
