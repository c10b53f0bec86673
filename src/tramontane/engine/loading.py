"""A model folder → an engine that is warm: where it runs, in which numbers, with how large a cache."""

from collections.abc import Callable
from pathlib import Path

import torch

from tramontane.common.errors import DeviceError
from tramontane.common.units import format_bytes
from tramontane.engine.blocks import BLOCK_SIZE, blocks_for
from tramontane.engine.core import EngineCore
from tramontane.engine.request import EngineOptions
from tramontane.model.config import ModelConfig
from tramontane.model.folder import load_model
from tramontane.model.headers import stored_tensors

_FLOAT32_WEIGHTS = 2 * 2**30  # bytes of weights up to which a CPU keeps float32: see choose_dtype
_CPU_SHARE = 0.5  # of the free memory, for the cache; untouched blocks take none
_GPU_SHARE = 0.85
_ONE_THREAD_PARAMETERS = 16_000_000  # below: a second thread gains less than it takes from the HTTP process


def load_core(
    folder: Path, options: EngineOptions, free_memory: Callable[[], int], dtype: torch.dtype | None = None
) -> EngineCore:
    """Load `folder` and run one tiny request through it.

    `free_memory` tells, once the weights are loaded, how many bytes of main memory are free. Raises
    ModelFileError or DeviceError.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if dtype is None:
        dtype = choose_dtype(stored_parameters(folder), device, has_native_bfloat16())
    decoder = load_model(folder, dtype, device)
    free = (
        free_memory() * _CPU_SHARE
        if device.type == "cpu"
        else torch.cuda.mem_get_info(device)[0] * _GPU_SHARE
    )
    num_blocks = choose_num_blocks(decoder.config, dtype, options.max_running, int(free))
    core = EngineCore(decoder, options, num_blocks, folder.name)
    core.warm_up()
    return core


def stored_parameters(folder: Path) -> int:
    """How many weights a model folder holds, by its headers alone."""
    return sum(tensor.count for tensor in stored_tensors(folder).values())


def choose_threads(parameters: int, cores: int) -> int:
    """Threads to compute with: every core, but one for a model so small that its threads mostly wait."""
    return 1 if parameters < _ONE_THREAD_PARAMETERS else cores


def choose_dtype(parameters: int, device: torch.device, native_bfloat16: bool) -> torch.dtype:
    """The type to keep weights and cache in.

    On a GPU bfloat16. On a CPU float32 for small models: rounding to bfloat16 makes near ties, which fall
    one way alone and the other way in a batch or after a restart. A larger model takes bfloat16, which
    halves the memory read for each token, if the CPU multiplies it by instruction; if not, it would be
    several times slower.
    """
    if device.type != "cpu":
        return torch.bfloat16
    large = parameters * torch.float32.itemsize > _FLOAT32_WEIGHTS
    return torch.bfloat16 if large and native_bfloat16 else torch.float32


def has_native_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 by instruction: AVX-512 BF16 or AMX."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def block_bytes(config: ModelConfig, dtype: torch.dtype) -> int:
    """Bytes of one block of the cache: keys and values of BLOCK_SIZE tokens in every layer."""
    return config.num_layers * 2 * BLOCK_SIZE * config.num_kv_heads * config.head_dim * dtype.itemsize


def choose_num_blocks(config: ModelConfig, dtype: torch.dtype, max_running: int, budget: int) -> int:
    """Blocks for `max_running` sequences of full context, or what `budget` bytes hold if that is fewer."""
    size = block_bytes(config, dtype)
    count = min(max_running * blocks_for(config.max_positions), budget // size)
    if count < 1:
        raise DeviceError(
            f"{format_bytes(budget)} of memory is left for the key-value cache, less than one block of "
            f"{format_bytes(size)}: free some memory or take a smaller model."
        )
    return count
