import math
from pathlib import Path

import msgspec
import pytest
import torch

from tramontane.common.errors import CorpusError
from tramontane.corpus.manifest import open_mask, open_offsets, open_shard, read_manifest, write_manifest
from tramontane.evaluation import bits_per_byte
from tramontane.evaluation.bits_per_byte import score_corpus
from tramontane.evaluation.documents import Document, held_out_groups, sample_documents, scored_bytes
from tramontane.model.attention import CausalAttention
from tramontane.model.decoder import Decoder
from tramontane.model.folder import load_model, save_model
from tramontane.tokenizer.tokenizer import Tokenizer

ALL = 10**9


def naive_bits(decoder: Decoder, corpus: Path, shard_index: int, specials: set[int]) -> tuple[float, int]:
    """Bits and tokens of a shard, one window and one token at a time, from the definition."""
    manifest = read_manifest(corpus)
    shard = manifest.shards[shard_index]
    ids, offsets = open_shard(corpus, shard, manifest.dtype), open_offsets(corpus, shard)
    mask = open_mask(corpus, shard) if shard.kind == "chat" else [1] * shard.tokens
    bits, tokens, length = 0.0, 0, decoder.config.max_positions
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        document = [manifest.end_of_text_id, *ids[start:end].tolist()]
        for place in range(1, len(document)):
            if document[place] in specials or not mask[start + place - 1]:
                continue
            seen = document[(place - 1) // length * length : place]
            hidden = decoder(torch.tensor(seen), torch.arange(len(seen)), CausalAttention())
            chances = decoder.logits(hidden[-1]).double().softmax(-1)
            bits -= math.log2(chances[document[place]].item())
            tokens += 1
    return bits, tokens


def test_every_group_has_the_bits_of_the_definition(
    short_model: Path, corpus: Path, tiny_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bits_per_byte, "BATCH_TOKENS", 60)  # several batches, some with padding
    monkeypatch.setattr(bits_per_byte, "LOGITS_TOKENS", 17)
    scores = score_corpus(short_model, corpus, ALL)
    assert [(s.language, s.kind) for s in scores] == [("en", "prose"), ("fr", "chat"), ("fr", "prose")]
    decoder, specials = load_model(short_model), set(tiny_tokenizer.special_ids.values())
    manifest = read_manifest(corpus)
    for score in scores:
        (index,) = [
            index
            for index, shard in enumerate(manifest.shards)
            if (shard.language, shard.kind, shard.split) == (score.language, score.kind, "validation")
        ]
        bits, tokens = naive_bits(decoder, corpus, index, specials)
        assert score.tokens == tokens
        assert score.bits == pytest.approx(bits, rel=1e-5)
        assert score.bits_per_byte == score.bits / score.bytes


def test_a_model_that_knows_nothing_needs_log2_of_the_vocabulary(
    short_model: Path, corpus: Path, tiny_tokenizer: Tokenizer, tmp_path: Path
) -> None:
    silent = load_model(short_model)
    silent.model.embed_tokens.weight.zero_()  # tied: the same logit for every token
    save_model(silent, tmp_path, dtype=torch.float32)
    tiny_tokenizer.save(tmp_path)
    for score in score_corpus(tmp_path, corpus, ALL):
        expected = math.log2(tiny_tokenizer.vocab_size) * score.tokens / score.bytes
        assert score.bits_per_byte == pytest.approx(expected, rel=1e-6)


def test_prose_bytes_are_those_of_the_manifest_and_chat_bytes_the_assistants(
    short_model: Path, corpus: Path, answers: list[str]
) -> None:
    held_out = {(s.language, s.kind): s for s in read_manifest(corpus).shards if s.split == "validation"}
    for score in score_corpus(short_model, corpus, ALL):
        shard = held_out[score.language, score.kind]
        assert score.documents == shard.documents
        if score.kind == "prose":
            assert score.bytes == shard.bytes
        else:  # neither questions nor roles nor <|im_end|>
            assert score.bytes == sum(len(f"{answer}été".encode()) for answer in answers)


def test_a_bounded_sample_is_the_same_every_time_and_mixes_documents(
    corpus: Path, tiny_tokenizer: Tokenizer
) -> None:
    manifest = read_manifest(corpus)
    shards = held_out_groups(manifest)["fr", "prose"]

    def sample(max_tokens: int) -> list[list[int]]:
        documents = sample_documents(corpus, manifest, shards, max_tokens, tiny_tokenizer)
        return [document.ids.tolist() for document in documents]

    everything, some = sample(ALL), sample(100)
    assert sum(map(len, everything)) == shards[0].tokens
    assert some == everything[: len(some)] == sample(100)
    assert sum(map(len, some[:-1])) < 100 <= sum(map(len, some))
    in_order = open_shard(corpus, shards[0], manifest.dtype).tolist()
    assert everything[0] != in_order[: len(everything[0])]
    assert [len(ids) for ids in sample(5)] == [5]  # no document is longer than the whole sample


def test_only_the_scored_runs_have_bytes(tiny_tokenizer: Tokenizer) -> None:
    spoken, silent = tiny_tokenizer.encode("où l'été"), tiny_tokenizer.encode("vent")
    ids = torch.tensor([*silent, *spoken, *silent, *spoken]).numpy()
    flags = [False] * len(silent) + [True] * len(spoken)
    document = Document(ids, torch.tensor(flags * 2).numpy())
    assert scored_bytes(document, tiny_tokenizer) == 2 * len("où l'été".encode())


def test_progress_names_each_group_until_it_is_done(short_model: Path, corpus: Path) -> None:
    heard: dict[str, float] = {}
    score_corpus(short_model, corpus, ALL, heard.__setitem__)
    assert heard == {"en prose": 1.0, "fr chat": 1.0, "fr prose": 1.0}


def test_a_corpus_of_another_tokenizer_or_without_held_out_documents_is_refused(
    short_model: Path, corpus: Path, tmp_path: Path
) -> None:
    manifest = read_manifest(corpus)
    write_manifest(tmp_path, msgspec.structs.replace(manifest, tokenizer_sha256="0"))
    with pytest.raises(CorpusError, match="another tokenizer"):
        score_corpus(short_model, tmp_path, ALL)
    training = tuple(shard for shard in manifest.shards if shard.split == "train")
    write_manifest(tmp_path, msgspec.structs.replace(manifest, shards=training))
    with pytest.raises(CorpusError, match="holds nothing out"):
        score_corpus(short_model, tmp_path, ALL)
