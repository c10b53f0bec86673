"""What a model is loaded as, and the offline engine."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tramontane.common.errors import ContextLengthError, DeviceError, ModelFileError
from tramontane.engine.llm import LLM
from tramontane.engine.loading import block_bytes, choose_dtype, choose_num_blocks, choose_threads
from tramontane.engine.machine import available_memory, resident_memory, usable_cores
from tramontane.engine.request import GenerationRequest, SamplingParams
from tramontane.model.decoder import Decoder
from tramontane.model.folder import save_model

Naive = Callable[[Decoder, GenerationRequest], list[int]]


def test_offline_generation_equals_oracle(model_folder: Path, decoder: Decoder, naive: Naive) -> None:
    llm = LLM(model_folder, max_running=2)
    assert (llm.info.model, llm.info.dtype, llm.info.context_length) == ("tiny", "float32", 160)
    requests = [
        GenerationRequest(str(n), [n, 3], SamplingParams(temperature=n % 2, seed=n, max_tokens=10))
        for n in range(5)
    ]
    assert llm.generate(requests) == [naive(decoder, request) for request in requests]
    with pytest.raises(ContextLengthError):
        llm.generate([requests[0], GenerationRequest("long", [1] * 160)])
    assert llm.generate(requests[:1]) == [naive(decoder, requests[0])]


def test_damaged_weights_are_told(tmp_path: Path, decoder: Decoder) -> None:
    sick = copy.deepcopy(decoder)
    sick.model.norm.weight[3] = float("nan")
    save_model(sick, tmp_path, dtype=torch.float32)
    with pytest.raises(ModelFileError, match="NaN"):
        LLM(tmp_path)


def test_bfloat16_runs(model_folder: Path) -> None:
    llm = LLM(model_folder, dtype=torch.bfloat16)
    requests = [
        GenerationRequest(str(n), [1] * (1 + 9 * n), SamplingParams(seed=n, max_tokens=9)) for n in range(3)
    ]
    assert [len(answer) for answer in llm.generate(requests)] == [9, 9, 9]


@pytest.mark.parametrize(
    ("parameters", "device", "native", "dtype"),
    [
        (50_000_000, "cpu", True, torch.float32),
        (50_000_000, "cpu", False, torch.float32),
        (7 * 10**9, "cpu", True, torch.bfloat16),
        (7 * 10**9, "cpu", False, torch.float32),
        (50_000_000, "cuda", False, torch.bfloat16),
    ],
)
def test_dtype_rule(parameters: int, device: str, native: bool, dtype: torch.dtype) -> None:
    assert choose_dtype(parameters, torch.device(device), native) is dtype


def test_cache_size(decoder: Decoder) -> None:
    size = block_bytes(decoder.config, torch.float32)
    assert size == 2 * 2 * 16 * 2 * 8 * 4
    assert choose_num_blocks(decoder.config, torch.float32, 3, 10**9) == 3 * 10
    assert choose_num_blocks(decoder.config, torch.float32, 3, 7 * size + 5) == 7
    with pytest.raises(DeviceError, match="free some memory"):
        choose_num_blocks(decoder.config, torch.float32, 3, size - 1)


def test_machine() -> None:
    assert usable_cores() >= 1
    assert available_memory() > 10**6
    assert resident_memory() > 10**6


def test_a_tiny_model_leaves_the_other_cores_alone() -> None:
    assert choose_threads(4_000_000, cores=8) == 1
    assert choose_threads(54_500_000, cores=8) == 8
