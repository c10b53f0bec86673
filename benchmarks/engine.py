"""Tokens per second of the engine in this process, and where a step's time goes.

    python benchmarks/engine.py [--model FOLDER] [--threads N] [--profile]

Without a folder: random weights in the shapes of the two Brise recipes. Every stream has a prompt of 128 random
tokens and 128 new ones. `decode` counts tokens while all streams decode, `prefill` prompt tokens until the last
stream has its first token. The shares are those of the time of all steps.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tramontane.engine.link import ENVIRONMENT

os.environ.update(ENVIRONMENT | os.environ)  # as the engine's process has it; before torch reads it
sys.path.insert(0, str(Path(__file__).parents[1] / "recipes"))

import numpy as np
import torch

from common import save
from tramontane.engine import runner
from tramontane.engine.attention import PagedAttention
from tramontane.engine.core import EngineCore
from tramontane.engine.request import EngineOptions, GenerationRequest, SamplingParams
from tramontane.engine.scheduler import Scheduler
from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.folder import load_model

PROMPT, ANSWER = 128, 128
SAMPLINGS = {"greedy": {"temperature": 0.0}, "sampled": {"temperature": 0.8, "top_p": 0.9, "top_k": 40}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model folder")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="print torch's profile of 16 streams")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    decoders = (
        {options.model.name: load_model(options.model, torch.float32)} if options.model else random_decoders()
    )
    rows = []
    for name, decoder in decoders.items():
        core = EngineCore(decoder, EngineOptions(), num_blocks=16 * 20)
        core.warm_up()
        for streams in (1, 16):
            for way in SAMPLINGS:
                runs = [measure(core, streams, way) for _ in range(options.rounds)]
                row = {"model": name, "streams": streams, "sampling": way} | median(runs)
                rows.append(row)
                print(json.dumps(row), flush=True)
        if options.profile:
            profile(core)
    save("engine", rows)


def random_decoders() -> dict[str, Decoder]:
    import brise
    import brise_cpu

    return {"3.9M (random)": random_decoder(brise_cpu.MODEL), "54.5M (random)": random_decoder(brise.MODEL)}


def random_decoder(config: ModelConfig) -> Decoder:
    torch.manual_seed(0)
    return Decoder(config).eval().requires_grad_(False)


def measure(core: EngineCore, streams: int, way: str) -> dict[str, float]:
    """One wave of `streams` requests."""
    random = np.random.default_rng(0)
    for number in range(streams):
        sampling = SamplingParams(**SAMPLINGS[way], seed=number, max_tokens=ANSWER, ignore_eos=True)
        prompt = random.integers(0, core.info.vocab_size, PROMPT).tolist()
        core.add(GenerationRequest(str(number), prompt, sampling))
    with Stopwatch() as watch:
        begin = time.perf_counter()
        first: dict[str, float] = {}
        steps: list[float] = []
        while core.busy:
            before = time.perf_counter()
            events = core.step()
            now = time.perf_counter()
            if len(events) == streams and len(first) == streams:
                steps.append(now - before)
            for event in events:
                first.setdefault(event.id, now - begin)
    prefill = max(first.values())
    step = statistics.median(steps)
    return {
        "decode_tokens_per_s": streams / step,
        "step_ms": step * 1000,
        "prefill_tokens_per_s": streams * PROMPT / prefill,
        "first_token_ms": statistics.median(first.values()) * 1000,
    } | watch.shares(time.perf_counter() - begin)


class Stopwatch:
    """Times the parts of a step by wrapping them."""

    PARTS: tuple[tuple[str, object, str], ...] = (
        ("schedule", Scheduler, "schedule"),
        ("prepare", PagedAttention, "begin"),
        ("attention", PagedAttention, "__call__"),
        ("decoder", Decoder, "forward"),
        ("logits", Decoder, "logits"),
        ("sample", runner, "sample"),
    )

    def __enter__(self) -> "Stopwatch":
        self._seconds: dict[str, float] = defaultdict(float)
        self._originals = [(owner, name, getattr(owner, name)) for _, owner, name in self.PARTS]
        for part, owner, name in self.PARTS:
            setattr(owner, name, self._timed(part, getattr(owner, name)))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, name, original in self._originals:
            setattr(owner, name, original)

    def shares(self, total: float) -> dict[str, float]:
        parts = dict(self._seconds)
        parts["decoder"] -= parts["attention"]
        parts["rest"] = total - sum(parts.values())
        return {f"share_{part}": seconds / total for part, seconds in parts.items()}

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._seconds[part] += time.perf_counter() - begin

        return timed


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(f"{statistics.median(run[key] for run in runs):.4g}") for key in runs[0]}


def profile(core: EngineCore) -> None:
    with torch.profiler.profile() as profiler:
        measure(core, 16, "greedy")
    print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))


if __name__ == "__main__":
    main()
