import json
from pathlib import Path

import pytest

from tramontane.common.errors import TokenizerError
from tramontane.tokenizer.specials import SPECIALS
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import MIN_VOCAB_SIZE, QWEN2_SPLIT, train_tokenizer


def test_the_vocabulary_has_exactly_the_size_asked_for(texts: list[str]) -> None:
    for size in (MIN_VOCAB_SIZE, 300, 5000):
        assert train_tokenizer(texts, size).vocab_size == size


def test_specials_come_first_in_their_order(tokenizer: Tokenizer) -> None:
    assert [tokenizer.special_ids[token] for token in SPECIALS] == list(range(len(SPECIALS)))
    assert tokenizer.eos_ids == (2, 0)


def test_training_twice_gives_the_same_file(texts: list[str], tmp_path: Path) -> None:
    for name in ("first", "second"):
        train_tokenizer(iter(texts), 400).save(tmp_path / name)
    assert (tmp_path / "first/tokenizer.json").read_bytes() == (
        tmp_path / "second/tokenizer.json"
    ).read_bytes()


def test_too_small_a_vocabulary_says_how_large_it_must_be(texts: list[str]) -> None:
    with pytest.raises(TokenizerError, match="at least 267"):
        train_tokenizer(texts, 200)


def test_merges_were_learnt(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert len(tokenizer.encode(texts[0])) < len(texts[0].encode()) / 2


def test_the_split_pattern_is_that_of_transformers_qwen2(tokenizer: Tokenizer, tmp_path: Path) -> None:
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    assert QWEN2_SPLIT == PRETOKENIZE_REGEX
    tokenizer.save(tmp_path)
    split, _ = json.loads((tmp_path / "tokenizer.json").read_text())["pre_tokenizer"]["pretokenizers"]
    assert split["pattern"] == {"Regex": PRETOKENIZE_REGEX}
