"""A model folder's weights ↔ the decoder. The form is Hugging Face's; pickle is never read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tramontane.common.errors import ModelFileError
from tramontane.common.files import write_atomic, write_text_atomic
from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.headers import DTYPES, INDEX, SINGLE, StoredTensor, stored_tensors
from tramontane.model.hf import config_to_hf, read_config

__all__ = ["load_model", "read_config", "save_model"]

EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"


def load_model(folder: Path, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> Decoder:
    """The decoder that `folder` holds, in evaluation mode and without gradients.

    `dtype` is that of all its weights; by default that in which the embedding table is stored. Weights whose
    type stays are mapped from the file, not copied, so that memory holds them once at most.
    """
    config = read_config(folder)
    stored = stored_tensors(folder)
    with torch.device("meta"):  # shapes only: nothing is allocated or initialised
        decoder = Decoder(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in decoder.state_dict().items()}
    stored = {name: tensor for name, tensor in stored.items() if not _is_spare(name, config)}
    _check(wanted, stored)
    decoder.load_state_dict(dict(_read(stored, dtype, device)), assign=True)
    return decoder.to(device).eval().requires_grad_(False)


def _is_spare(name: str, config: ModelConfig) -> bool:
    """Tensors that some folders hold and no decoder needs: constants, and a copy of a tied table."""
    return name.endswith(".rotary_emb.inv_freq") or (config.tie_embeddings and name == HEAD)


def _check(wanted: dict[str, tuple[int, ...]], stored: dict[str, StoredTensor]) -> None:
    for name, tensor in stored.items():
        if name not in wanted:
            raise ModelFileError(
                f"{tensor.file.name} holds {name}, for which config.json has no place: use a folder whose "
                "config.json belongs to its weights."
            )
        if tensor.shape != wanted[name]:
            raise ModelFileError(
                f"{name} has the shape {_shape(tensor.shape)} in {tensor.file.name}, but config.json asks "
                f"for {_shape(wanted[name])}: use a folder whose config.json belongs to its weights."
            )
        if tensor.dtype not in DTYPES:
            raise ModelFileError(
                f"{name} is stored as {tensor.dtype}, which is not read: use a folder in one of "
                f"{', '.join(DTYPES)}."
            )
    missing = [name for name in wanted if name not in stored]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelFileError(f"The weights lack {missing[0]}{more}: fetch the model folder again.")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _read(
    stored: dict[str, StoredTensor], dtype: torch.dtype | None, device: torch.device | str
) -> Iterator[tuple[str, Tensor]]:
    """Every stored tensor, converted one by one."""
    files: dict[Path, list[str]] = {stored[EMBEDDING].file: [EMBEDDING]}  # first: its type is the default
    for name, tensor in stored.items():
        if name != EMBEDDING:
            files.setdefault(tensor.file, []).append(name)
    for path, names in files.items():
        try:
            with safe_open(path, framework="pt") as file:
                for name in names:
                    tensor = file.get_tensor(name)
                    dtype = dtype or tensor.dtype
                    yield name, tensor.to(device, dtype)
        except SafetensorError as error:
            raise ModelFileError(f"{path} cannot be read ({error}): fetch the file again.") from None


def save_model(
    decoder: Decoder, folder: Path, dtype: torch.dtype = torch.bfloat16, shard_bytes: int = 5 * 10**9
) -> None:
    """Write config.json and the weights in `dtype` into `folder`, in shards of at most about `shard_bytes`.

    Each file appears whole or not at all, config.json last: a folder that has one is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = list(_shards(decoder.state_dict(), dtype.itemsize, shard_bytes))
    if len(shards) == 1:
        names = [SINGLE]
    else:
        names = [f"model-{n + 1:05d}-of-{len(shards):05d}.safetensors" for n in range(len(shards))]
    for name, shard in zip(names, shards, strict=True):
        _write_shard(folder / name, shard, dtype)
    weight_map = {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
    if len(shards) > 1:
        _write_json(folder / INDEX, {"metadata": _totals(shards, dtype), "weight_map": weight_map})
    spelt = str(dtype).removeprefix("torch.")
    types = {"dtype": spelt, "torch_dtype": spelt}  # transformers 5's spelling, and that of 4
    _write_json(folder / "config.json", config_to_hf(decoder.config) | types)
    _remove_stale(folder, {*names, INDEX} if len(shards) > 1 else {*names})


def _shards(state: dict[str, Tensor], itemsize: int, most: int) -> Iterator[dict[str, Tensor]]:
    """Consecutive tensors, together at most `most` bytes; one that is larger stands alone."""
    shard: dict[str, Tensor] = {}
    used = 0
    for name, tensor in state.items():
        size = tensor.numel() * itemsize
        if shard and used + size > most:
            yield shard
            shard, used = {}, 0
        shard[name] = tensor
        used += size
    yield shard


def _write_shard(path: Path, shard: dict[str, Tensor], dtype: torch.dtype) -> None:
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in shard.items()}
    write_atomic(path, lambda temporary: save_file(tensors, temporary, metadata={"format": "pt"}))


def _totals(shards: Iterable[dict[str, Tensor]], dtype: torch.dtype) -> dict[str, int]:
    count = sum(tensor.numel() for shard in shards for tensor in shard.values())
    return {"total_parameters": count, "total_size": count * dtype.itemsize}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text_atomic(path, msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")


def _remove_stale(folder: Path, kept: set[str]) -> None:
    """Weights of an earlier save in another number of shards would win over, or mix with, the new ones."""
    for path in (*folder.glob("model*.safetensors"), folder / INDEX):
        if path.name not in kept:
            path.unlink(missing_ok=True)
