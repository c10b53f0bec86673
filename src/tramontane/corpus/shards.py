"""Documents' ids → shard files, written as they come."""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tramontane.corpus.manifest import Shard, Split
from tramontane.corpus.sources import MIXED, Source

MAX_SHARD_TOKENS = 2**26


@dataclass(frozen=True)
class Packed:
    """A document's ids with <|endoftext|> at the end, a conversation's mask, and the size of its text."""

    ids: Sequence[int]
    mask: Sequence[bool] | None
    characters: int
    bytes: int


class ShardWriter:
    """Writes one source's documents of one language and split; starts a new shard after `max_tokens`."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        language: str,
        split: Split,
        dtype: str,
        max_tokens: int = MAX_SHARD_TOKENS,
    ) -> None:
        middle = f"-{language}" if source.language == MIXED else ""
        self._name = f"{source.name}{middle}-{split}"
        self._folder, self._source, self._language, self._split = folder, source, language, split
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._max_tokens = max_tokens
        self._shards: list[Shard] = []
        self._open()

    def _open(self) -> None:
        stem = self._folder / f"{self._name}-{len(self._shards):05d}"
        self._ids_file = stem.with_name(f"{stem.name}.bin").open("xb")
        self._mask_file = (
            stem.with_name(f"{stem.name}.mask").open("xb") if self._source.kind == "chat" else None
        )
        self._digest = hashlib.sha256()
        self._offsets = array("Q", [0])
        self._characters = self._bytes = 0

    def add(self, document: Packed) -> None:
        if self._offsets[-1] >= self._max_tokens:
            self._close()
            self._open()
        data = np.asarray(document.ids, dtype=self._dtype).tobytes()
        self._ids_file.write(data)
        self._digest.update(data)
        if self._mask_file is not None:
            assert document.mask is not None and len(document.mask) == len(document.ids)
            self._mask_file.write(bytes(document.mask))
        self._offsets.append(self._offsets[-1] + len(document.ids))
        self._characters += document.characters
        self._bytes += document.bytes

    def finish(self) -> list[Shard]:
        """Close the files; the shards written, in order."""
        self._close()
        return self._shards

    def _close(self) -> None:
        file = Path(self._ids_file.name)
        self._ids_file.close()
        if self._mask_file is not None:
            self._mask_file.close()
        np.asarray(self._offsets, dtype="<u8").tofile(file.with_suffix(".offsets"))
        self._shards.append(
            Shard(
                file=file.name,
                source=self._source.name,
                kind=self._source.kind,
                language=self._language,
                licence=self._source.licence,
                split=self._split,
                documents=len(self._offsets) - 1,
                tokens=self._offsets[-1],
                characters=self._characters,
                bytes=self._bytes,
                sha256=self._digest.hexdigest(),
            )
        )
