"""What a model folder's safetensors files hold, by their headers alone. Needs no torch, reads no weights.

Format: https://github.com/huggingface/safetensors#format
"""

import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tramontane.common.errors import ModelFileError
from tramontane.model.json_files import decode_json, read_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
DTYPES = ("F32", "BF16", "F16")  # what the decoder reads
LARGEST_HEADER = 100 * 10**6  # bytes, the format's own limit
LARGEST_INDEX = 256 * 2**20
REMEDY = "fetch the file again"


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of a safetensors file."""

    file: Path
    dtype: str  # as the format spells it: "BF16"
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor of a model folder, by name: from model.safetensors, else from the shards of its index."""
    if (folder / SINGLE).is_file():
        return read_header(folder / SINGLE)
    if (folder / INDEX).is_file():
        return _sharded(folder)
    pickles = sorted(path.name for path in folder.glob("*") if path.suffix in (".bin", ".pt", ".pth"))
    if pickles:
        raise ModelFileError(
            f"{folder} has its weights as pickle only ({pickles[0]}), which can run code and is never read: "
            "use a folder in safetensors form, or convert it with transformers' save_pretrained."
        )
    raise ModelFileError(
        f"{folder} has neither {SINGLE} nor {INDEX}: give a complete Hugging Face model folder."
    )


def _sharded(folder: Path) -> dict[str, StoredTensor]:
    path = folder / INDEX
    weight_map = read_json(path, _Index, LARGEST_INDEX).weight_map
    shards = {name: _shard(folder, name) for name in sorted(set(weight_map.values()))}
    for tensor, shard in weight_map.items():
        if tensor not in shards[shard]:
            raise ModelFileError(f"{tensor} is not in {shard}, where {INDEX} has it: fetch both files again.")
    return {tensor: shards[shard][tensor] for tensor, shard in weight_map.items()}


def _shard(folder: Path, name: str) -> dict[str, StoredTensor]:
    if Path(name).name != name or "\\" in name or not name.endswith(".safetensors"):
        raise ModelFileError(
            f"{INDEX} names the shard {name!r}: it must be a .safetensors file of the same folder."
        )
    if not (folder / name).is_file():
        raise ModelFileError(f"{folder} lacks the shard {name} that {INDEX} names: fetch it too.")
    return read_header(folder / name)


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one safetensors file; refuses a file that is torn or longer than its header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, LARGEST_HEADER):
            raise ModelFileError(f"{path} is torn, or no safetensors file ({size} bytes): {REMEDY}.")
        header = file.read(length)
    fields = decode_json(header, dict[str, msgspec.Raw], f"The header of {path}")
    entries = {
        name: decode_json(bytes(raw), _Entry, f"{name} in the header of {path}")
        for name, raw in fields.items()
        if name != "__metadata__"
    }
    end = 8 + length + max((entry.data_offsets[1] for entry in entries.values()), default=0)
    if size != end:
        raise ModelFileError(f"{path} is torn: it has {size} bytes, but its header promises {end}: {REMEDY}.")
    return {name: StoredTensor(path, entry.dtype, tuple(entry.shape)) for name, entry in entries.items()}
