"""Corpus shards → rows of tokens. Every row is a function of (corpus, stage, seed, row number), so the data position
of a run is one integer and a resumed run sees what an uninterrupted one would have.

Shapes: B rows, T sequence length.
"""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tramontane.common.errors import SettingsError
from tramontane.corpus.manifest import Manifest, Shard, open_mask, open_offsets, open_shard, read_manifest
from tramontane.training.config import Stage
from tramontane.training.loss import IGNORED


@dataclass(frozen=True)
class Batch:
    """ids and targets, both (B, T) int64; a target of -100 is not counted."""

    ids: Tensor
    targets: Tensor


class Rows(Protocol):
    """All rows of a stage, in the order in which they are read."""

    def __len__(self) -> int: ...

    def batch(self, first: int, count: int) -> Batch:
        """Rows first … first + count - 1."""
        ...

    def epochs(self) -> dict[str, float]:
        """How often each source's text is seen."""
        ...


def open_rows(corpus: Path, stage: Stage, seed: int) -> Rows:
    """The rows of `stage` from a corpus folder."""
    manifest = read_manifest(corpus)
    rng = np.random.default_rng(seed)
    if stage.kind == "pretrain":
        return PretrainRows(corpus, manifest, stage, rng)
    return InstructRows(corpus, manifest, stage, rng)


def shards_by_source(manifest: Manifest, mix: dict[str, float], chat_only: bool) -> dict[str, list[Shard]]:
    """Training shards of each source that some pattern of the mix names."""
    shards: dict[str, list[Shard]] = {}
    for pattern in mix:
        matching = [
            shard
            for shard in manifest.shards
            if shard.split == "train" and fnmatch.fnmatchcase(shard.source, pattern)
        ]
        if chat_only:
            matching = [shard for shard in matching if shard.kind == "chat"]
        if not matching:
            raise SettingsError(f"The mix names {pattern!r}, but the corpus has no such training source.")
        for shard in matching:
            shards.setdefault(shard.source, [])
            if shard not in shards[shard.source]:
                shards[shard.source].append(shard)
    return shards


def weight_of(mix: dict[str, float], source: str) -> float:
    """The weight of the mix's first pattern that names `source`."""
    return next(weight for pattern, weight in mix.items() if fnmatch.fnmatchcase(source, pattern))


class PretrainRows:
    """Windows of T + 1 tokens cut from the shards, sources interleaved by share of tokens, no padding.

    A pattern's share is split over the sources that it names by their size.
    """

    def __init__(self, corpus: Path, manifest: Manifest, stage: Stage, rng: np.random.Generator) -> None:
        assert stage.steps is not None
        self._length = stage.sequence_length
        shards = shards_by_source(manifest, stage.mix, chat_only=False)
        self._names = list(shards)
        self._tokens = [
            [open_shard(corpus, shard, manifest.dtype) for shard in shards[name]] for name in self._names
        ]
        self._windows = [self._cut(tokens) for tokens in self._tokens]
        for name, windows in zip(self._names, self._windows, strict=True):
            if not len(windows):
                raise SettingsError(f"Source {name!r} is shorter than one row of {self._length} tokens.")
        total = stage.steps * stage.batch_rows
        shares = self._shares(stage.mix)
        self._source = rng.choice(len(self._names), size=total, p=shares).astype(np.int32)
        self._window = np.empty(total, dtype=np.int64)
        for index, windows in enumerate(self._windows):
            mine = self._source == index
            self._window[mine] = _endless_shuffle(len(windows), int(mine.sum()), rng)

    def _cut(self, shards: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
        """(windows, 2): shard number and first token of every whole window."""
        starts = [
            np.stack(np.broadcast_arrays(number, np.arange(0, len(tokens) - self._length, self._length)), 1)
            for number, tokens in enumerate(shards)
        ]
        return np.concatenate(starts).astype(np.int64)

    def _shares(self, mix: dict[str, float]) -> NDArray[np.float64]:
        sizes = np.array([len(windows) for windows in self._windows], dtype=np.float64)
        pattern = [next(i for i, p in enumerate(mix) if fnmatch.fnmatchcase(name, p)) for name in self._names]
        siblings = np.array([sizes[[p == mine for p in pattern]].sum() for mine in pattern])
        shares = np.array([weight_of(mix, name) for name in self._names]) * sizes / siblings
        normalised: NDArray[np.float64] = shares / shares.sum()
        return normalised

    def __len__(self) -> int:
        return len(self._source)

    def batch(self, first: int, count: int) -> Batch:
        rows = np.stack([self._row(row) for row in range(first, first + count)])
        tokens = torch.from_numpy(rows)
        return Batch(tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous())

    def _row(self, row: int) -> NDArray[np.int64]:
        source = self._source[row]
        shard, start = self._windows[source][self._window[row]]
        tokens: NDArray[np.int64] = self._tokens[source][shard][start : start + self._length + 1].astype(
            np.int64
        )
        return tokens

    def epochs(self) -> dict[str, float]:
        counts = np.bincount(self._source, minlength=len(self._names))
        return {
            name: float(count / len(windows))
            for name, count, windows in zip(self._names, counts, self._windows, strict=True)
        }


class InstructRows:
    """Whole conversations packed into rows (best fit) and padded; only the assistant's tokens are counted.

    A conversation longer than a row is cut at the row's end.
    """

    def __init__(self, corpus: Path, manifest: Manifest, stage: Stage, rng: np.random.Generator) -> None:
        self._length = stage.sequence_length
        self._padding = manifest.end_of_text_id
        shards = shards_by_source(manifest, stage.mix, chat_only=True)
        self._tokens: list[NDArray[np.generic]] = []
        self._masks: list[NDArray[np.generic]] = []
        chosen: list[NDArray[np.int64]] = []
        for source, mine in shards.items():
            mine_spans = []
            for shard in mine:
                offsets = open_offsets(corpus, shard).astype(np.int64)
                number = np.full(len(offsets) - 1, len(self._tokens))
                mine_spans.append(np.stack((number, offsets[:-1], offsets[1:]), 1))
                self._tokens.append(open_shard(corpus, shard, manifest.dtype))
                self._masks.append(open_mask(corpus, shard))
            spans = np.concatenate(mine_spans)
            count = round(weight_of(stage.mix, source) * len(spans))
            chosen.append(spans[_endless_shuffle(len(spans), count, rng)])
        everything = np.concatenate(chosen)
        self._rows = _pack(everything[rng.permutation(len(everything))], self._length + 1)
        rng.shuffle(self._rows)
        if stage.steps is not None:
            repeats = -(-stage.steps * stage.batch_rows // len(self._rows))
            self._rows = (self._rows * repeats)[: stage.steps * stage.batch_rows]
        self._epochs = {source: weight_of(stage.mix, source) for source in shards}

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, first: int, count: int) -> Batch:
        ids = np.full((count, self._length + 1), self._padding, dtype=np.int64)
        counted = np.zeros((count, self._length + 1), dtype=bool)
        for row, spans in enumerate(self._rows[first : first + count]):
            at = 0
            for shard, start, end in spans:
                size = min(int(end - start), self._length + 1)
                ids[row, at : at + size] = self._tokens[shard][start : start + size]
                counted[row, at : at + size] = self._masks[shard][start : start + size]
                at += size
        tokens, mask = torch.from_numpy(ids), torch.from_numpy(counted)
        targets = tokens.where(mask, IGNORED)
        return Batch(tokens[:, :-1].contiguous(), targets[:, 1:].contiguous())

    def epochs(self) -> dict[str, float]:
        return self._epochs


def _endless_shuffle(size: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` numbers below `size`: one whole shuffled pass after another."""
    passes = -(-count // size)
    order = [rng.permutation(size) for _ in range(passes)]
    return np.concatenate(order)[:count] if order else np.empty(0, dtype=np.int64)


Spans = list[tuple[int, int, int]]


def _pack(spans: NDArray[np.int64], room: int, window: int = 2048) -> list[Spans]:
    """Best-fit decreasing within windows of conversations: rows of spans whose lengths sum to at most `room`."""
    return [
        row
        for start in range(0, len(spans), window)
        for row in _pack_window(spans[start : start + window], room)
    ]


def _pack_window(spans: NDArray[np.int64], room: int) -> Iterator[Spans]:
    rows: list[list[int]] = []  # conversations by number
    by_room: list[list[int]] = [[] for _ in range(room + 1)]  # space left → rows that have it
    lengths = np.minimum(spans[:, 2] - spans[:, 1], room)
    for index in np.argsort(-lengths, kind="stable"):
        length = int(lengths[index])
        space = next((left for left in range(length, room + 1) if by_room[left]), None)
        if space is None:
            rows.append([])
            row, space = len(rows) - 1, room
        else:
            row = by_room[space].pop()
        rows[row].append(int(index))
        by_room[space - length].append(row)
    for row_of_numbers in rows:
        # in their first, shuffled order: longest first, a short greeting would never open a row
        yield [(int(shard), int(start), int(end)) for shard, start, end in spans[sorted(row_of_numbers)]]
