"""JSON from model folders, which anybody may have written: bounded, typed, and refused in one sentence."""

from pathlib import Path
from typing import TypeVar

import msgspec

from tramontane.common.errors import ModelFileError

T = TypeVar("T")


def read_json(path: Path, kind: type[T], most_bytes: int) -> T:
    """The contents of `path`, as `kind`."""
    size = path.stat().st_size
    if size > most_bytes:
        raise ModelFileError(f"{path} has {size} bytes, above {most_bytes}: fetch the right file.")
    return decode_json(path.read_bytes(), kind, str(path))


def decode_json(raw: bytes, kind: type[T], source: str) -> T:
    """`raw` as `kind`; `source` names it where it is broken."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(f"{source} is broken ({error}): fetch it again.") from None
