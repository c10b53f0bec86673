from pathlib import Path

import numpy as np
import pytest
import torch

from tramontane.common.errors import SettingsError
from tramontane.corpus.manifest import open_mask, open_offsets, open_shard, read_manifest
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.training.config import Schedule, Stage
from tramontane.training.data import _pack, open_rows
from tramontane.training.loss import IGNORED


def stage(kind: str, mix: dict[str, float], steps: int | None = 5, rows: int = 4, length: int = 32) -> Stage:
    return Stage("stage", kind, mix, steps, rows, length, Schedule())  # type: ignore[arg-type]


def test_targets_are_the_ids_one_later(corpus: Path) -> None:
    batch = open_rows(corpus, stage("pretrain", {"prose": 1.0}), seed=0).batch(0, 4)
    assert batch.ids.shape == batch.targets.shape == (4, 32)
    assert torch.equal(batch.ids[:, 1:], batch.targets[:, :-1])


def test_one_epoch_reads_every_window_once(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    shard = next(s for s in manifest.shards if s.source == "prose" and s.split == "train")
    tokens = open_shard(corpus, shard, manifest.dtype)
    windows = (len(tokens) - 1) // 32
    rows = open_rows(corpus, stage("pretrain", {"prose": 1.0}, steps=windows, rows=1), seed=3)
    assert len(rows) == windows
    seen = sorted(tuple(row) for row in rows.batch(0, windows).ids.tolist())
    assert seen == sorted(tuple(map(int, tokens[at : at + 32])) for at in range(0, windows * 32, 32))
    assert rows.epochs() == {"prose": 1.0}


def test_the_same_seed_gives_the_same_rows_at_any_position(corpus: Path) -> None:
    declared = stage("pretrain", {"prose": 0.5, "chat": 0.5}, steps=30)
    first, second = (open_rows(corpus, declared, seed=7) for _ in range(2))
    assert torch.equal(first.batch(0, 120).ids[60:64], second.batch(60, 4).ids)
    assert not torch.equal(first.batch(0, 8).ids, open_rows(corpus, declared, seed=8).batch(0, 8).ids)


def test_sources_are_read_by_their_share(corpus: Path) -> None:
    rows = open_rows(corpus, stage("pretrain", {"prose": 3.0, "chat": 1.0}, steps=400), seed=0)
    manifest = read_manifest(corpus)
    sizes = {s.source: s.tokens for s in manifest.shards if s.split == "train"}
    read = {source: epochs * sizes[source] for source, epochs in rows.epochs().items()}
    assert read["prose"] / read["chat"] == pytest.approx(3.0, rel=0.2)


def test_instruct_counts_the_assistants_tokens_only(corpus: Path, tiny_tokenizer: Tokenizer) -> None:
    rows = open_rows(corpus, stage("instruct", {"chat": 1.0}, steps=None, length=200), seed=0)
    batch = rows.batch(0, len(rows))
    counted = tiny_tokenizer.decode([int(i) for i in batch.targets.flatten() if i != IGNORED])
    manifest = read_manifest(corpus)
    shard = next(s for s in manifest.shards if s.source == "chat" and s.split == "train")
    masked = open_shard(corpus, shard, manifest.dtype)[open_mask(corpus, shard) == 1]
    assert len(masked) == (batch.targets != IGNORED).sum()
    assert "attend" in counted
    assert "Dis-moi" not in counted


def test_packing_keeps_every_conversation_whole_and_once(corpus: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, size=300)
    ends = np.cumsum(lengths)
    spans = np.stack((np.zeros(300, dtype=np.int64), ends - lengths, ends), axis=1)
    rows = _pack(spans, room=64, window=100)
    assert sorted(span for row in rows for span in row) == sorted(map(tuple, spans.tolist()))
    assert all(sum(end - start for _, start, end in row) <= 64 for row in rows)
    assert len(rows) < 1.1 * lengths.sum() / 64 + 3
    shortest_first = sum(
        row[0] == min(row, key=lambda span: span[2] - span[1]) for row in rows if len(row) > 1
    )
    assert shortest_first > 20


def test_a_conversation_longer_than_a_row_is_cut(corpus: Path) -> None:
    manifest = read_manifest(corpus)
    shard = next(s for s in manifest.shards if s.source == "chat" and s.split == "train")
    longest = int(np.diff(open_offsets(corpus, shard).astype(np.int64)).max())
    rows = open_rows(corpus, stage("instruct", {"chat": 1.0}, steps=None, length=longest // 2), seed=0)
    assert rows.batch(0, len(rows)).ids.shape == (len(rows), longest // 2)


@pytest.mark.parametrize(
    ("kind", "mix", "length", "words"),
    [
        ("pretrain", {"novels": 1.0}, 32, "'novels'"),
        ("instruct", {"prose": 1.0}, 32, "'prose'"),
        ("pretrain", {"prose": 1.0}, 10**6, "shorter than one row"),
    ],
)
def test_a_mix_that_cannot_be_read_is_refused(
    corpus: Path, kind: str, mix: dict[str, float], length: int, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        open_rows(corpus, stage(kind, mix, length=length), seed=0)
