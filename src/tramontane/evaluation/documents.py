"""The held-out documents of a packed corpus that a score is taken on."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tramontane.corpus.manifest import Manifest, Shard, open_mask, open_offsets, open_shard
from tramontane.tokenizer.tokenizer import Tokenizer

SEED = 0

Ids = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Document:
    """Token ids (tokens,), and for each whether its bits count."""

    ids: Ids
    scored: Flags


def held_out_groups(manifest: Manifest) -> dict[tuple[str, str], list[Shard]]:
    """(language, kind) → its validation shards, in order."""
    groups: dict[tuple[str, str], list[Shard]] = {}
    for shard in sorted(manifest.shards, key=lambda shard: (shard.language, shard.kind, shard.file)):
        if shard.split == "validation" and shard.documents:
            groups.setdefault((shard.language, shard.kind), []).append(shard)
    return groups


def sample_documents(
    corpus: Path, manifest: Manifest, shards: Sequence[Shard], max_tokens: int, tokenizer: Tokenizer
) -> list[Document]:
    """Documents of `shards` in a shuffled order that is always the same, until they have `max_tokens` tokens.

    The last one goes over the limit by less than its length; none is longer than `max_tokens` itself.
    Special tokens are not scored, nor, in conversations, what the assistant did not say.
    """
    specials = np.array(sorted(tokenizer.special_ids.values()))
    places = [(shard, index) for shard in shards for index in range(shard.documents)]
    random.Random(SEED).shuffle(places)  # noqa: S311 (no secret)
    opened = {shard.file: _Opened(corpus, manifest, shard) for shard in shards}
    documents: list[Document] = []
    taken = 0
    for shard, index in places:
        if taken >= max_tokens:
            break
        ids, said = opened[shard.file].document(index, max_tokens)
        documents.append(Document(ids, said & ~np.isin(ids, specials)))
        taken += len(ids)
    return documents


class _Opened:
    """A shard's files, mapped."""

    def __init__(self, corpus: Path, manifest: Manifest, shard: Shard) -> None:
        self._ids = open_shard(corpus, shard, manifest.dtype)
        self._offsets = open_offsets(corpus, shard)
        self._mask = open_mask(corpus, shard) if shard.kind == "chat" else None

    def document(self, index: int, max_tokens: int) -> tuple[Ids, Flags]:
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        part = slice(start, min(end, start + max_tokens))
        ids = self._ids[part].astype(np.int64)
        said = np.ones(len(ids), bool) if self._mask is None else self._mask[part].astype(bool)
        return ids, said


def scored_bytes(document: Document, tokenizer: Tokenizer) -> int:
    """The UTF-8 bytes of the text that a document's scored tokens spell."""
    edges = np.flatnonzero(np.diff(document.scored, prepend=False, append=False))
    runs = [document.ids[start:end].tolist() for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return sum(len(tokenizer.decode_plain(run).encode()) for run in runs)
