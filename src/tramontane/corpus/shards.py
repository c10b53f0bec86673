"""Documents' ids → shard files, written as they come."""

import hashlib
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tramontane.corpus.manifest import Dtype, Shard, Split, stem
from tramontane.corpus.sources import MIXED, Source

MAX_SHARD_TOKENS = 2**26


@dataclass(frozen=True)
class Packed:
    """A document as stored: ids in the shard's dtype, a conversation's mask, and the size of its text."""

    ids: bytes
    mask: bytes | None
    characters: int
    bytes: int


@dataclass(frozen=True)
class ShardKind:
    """What all documents of a shard have in common."""

    source: Source
    language: str
    split: Split
    dtype: Dtype

    @property
    def name(self) -> str:
        language = f"-{self.language}" if self.source.language == MIXED else ""
        return f"{self.source.name}{language}-{self.split}"


class ShardWriter:
    """Writes documents of one kind of shard into `folder`; starts a new shard after `max_tokens`."""

    def __init__(self, folder: Path, kind: ShardKind, max_tokens: int = MAX_SHARD_TOKENS) -> None:
        self._folder, self._kind, self._max_tokens = folder, kind, max_tokens
        self._id_bytes = np.dtype(kind.dtype).itemsize
        self._shards: list[Shard] = []
        self._open()

    def _open(self) -> None:
        name = f"{self._kind.name}-{len(self._shards):05d}"
        self._ids_file = (self._folder / f"{name}.bin").open("xb")
        chat = self._kind.source.kind == "chat"
        self._mask_file = (self._folder / f"{name}.mask").open("xb") if chat else None
        self._digest = hashlib.sha256()
        self._offsets = array("Q", [0])
        self._characters = self._bytes = 0

    def add(self, document: Packed) -> None:
        if self._offsets[-1] >= self._max_tokens:
            self._finish_shard()
            self._open()
        tokens = len(document.ids) // self._id_bytes
        self._ids_file.write(document.ids)
        self._digest.update(document.ids)
        if self._mask_file is not None:
            assert document.mask is not None and len(document.mask) == tokens
            self._mask_file.write(document.mask)
        self._offsets.append(self._offsets[-1] + tokens)
        self._characters += document.characters
        self._bytes += document.bytes

    def finish(self) -> list[Shard]:
        """The shards written, in order; nothing can be added any more."""
        self._finish_shard()
        return self._shards

    def close(self) -> None:
        """Let go of the files, finished or not."""
        self._ids_file.close()
        if self._mask_file is not None:
            self._mask_file.close()

    def _finish_shard(self) -> None:
        self.close()
        file = Path(self._ids_file.name)
        np.asarray(self._offsets, dtype="<u8").tofile(self._folder / f"{stem(file.name)}.offsets")
        shard = Shard(
            file=file.name,
            source=self._kind.source.name,
            kind=self._kind.source.kind,
            language=self._kind.language,
            licence=self._kind.source.licence,
            split=self._kind.split,
            documents=len(self._offsets) - 1,
            tokens=self._offsets[-1],
            characters=self._characters,
            bytes=self._bytes,
            sha256=self._digest.hexdigest(),
        )
        self._shards.append(shard)
