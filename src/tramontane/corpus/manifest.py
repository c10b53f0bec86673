"""What a packed corpus says of itself, and its shards as memory maps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from tramontane.common.errors import CorpusError
from tramontane.common.files import write_text_atomic
from tramontane.corpus.sources import Kind

MANIFEST = "manifest.json"
Split = Literal["train", "validation"]
Dtype = Literal["uint16", "uint32"]


class Shard(msgspec.Struct, frozen=True):
    """One file of token ids. `bytes` counts the documents' text in UTF-8, for bits per byte."""

    file: str
    source: str
    kind: Kind
    language: str
    licence: str
    split: Split
    documents: int
    tokens: int
    characters: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`dropped` and `masked` count documents by source and reason; `kept` counts them by source."""

    dtype: Dtype
    vocab_size: int
    tokenizer_sha256: str
    end_of_text_id: int
    shards: tuple[Shard, ...]
    kept: Mapping[str, int]
    dropped: Mapping[str, Mapping[str, int]]
    masked: Mapping[str, int]
    format: Literal[1] = 1


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the corpus in `folder`; CorpusError where there is none or it is torn."""
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise CorpusError(
            f"There is no corpus in {folder}: build one with `tramontane corpus build`."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"The manifest {path} cannot be read ({error}): build the corpus again.") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()
    write_text_atomic(folder / MANIFEST, text + "\n")


def open_shard(folder: Path, shard: Shard, dtype: str = "uint16") -> "np.memmap[Any, np.dtype[Any]]":
    """The shard's token ids, (tokens,) of the manifest's dtype, read from disk as they are touched."""
    return _open(folder / shard.file, np.dtype(dtype).newbyteorder("<"), shard.tokens)


def open_offsets(folder: Path, shard: Shard) -> "np.memmap[Any, np.dtype[Any]]":
    """(documents + 1,) uint64: document i is tokens[offsets[i]:offsets[i + 1]]."""
    return _open(folder / f"{stem(shard.file)}.offsets", np.dtype("<u8"), shard.documents + 1)


def open_mask(folder: Path, shard: Shard) -> "np.memmap[Any, np.dtype[Any]]":
    """(tokens,) uint8: 1 on the assistant's tokens. Only chat shards have one."""
    if shard.kind != "chat":
        raise CorpusError(f"The shard {shard.file} is {shard.kind}, which has no mask: choose chat shards.")
    return _open(folder / f"{stem(shard.file)}.mask", np.dtype("u1"), shard.tokens)


def stem(file: str) -> str:
    return file.removesuffix(".bin")


def _open(path: Path, dtype: "np.dtype[Any]", length: int) -> "np.memmap[Any, np.dtype[Any]]":
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise CorpusError(f"The shard file {path} is missing: build the corpus again.") from error
    if size != length * dtype.itemsize:
        raise CorpusError(
            f"The shard file {path} has {size} bytes, not {length * dtype.itemsize}: build again."
        )
    return np.memmap(path, dtype=dtype, mode="r")
