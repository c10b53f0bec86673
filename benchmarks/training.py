"""How fast a recipe trains here: tokens per second and peak memory, over a few steps of its first stage.

.venv/bin/python benchmarks/training.py --recipe brise_cpu --corpus CORPUS
"""

import argparse
import resource
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from common import save
from tramontane.training.config import TrainConfig
from tramontane.training.export import count_parameters, flops_per_token
from tramontane.training.loop import Trainer
from tramontane.training.metrics import Report
from tramontane.training.recipes import load_recipe


def shortened(config: TrainConfig, steps: int) -> TrainConfig:
    return replace(config, stages=(replace(config.stages[0], steps=steps),))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", default="brise_cpu")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()

    config = shortened(load_recipe(arguments.recipe), arguments.steps)
    speeds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, arguments.corpus, Path(folder), arguments.device)

        def note(report: Report) -> None:
            speeds.append(report.tokens_per_second)

        trainer.run(note, report_every=1)
    steady = sorted(speeds[2:])  # the first steps touch memory for the first time
    median = steady[len(steady) // 2]
    row = {
        "recipe": arguments.recipe,
        "million parameters": count_parameters(trainer.decoder) / 1e6,
        "threads": torch.get_num_threads(),
        "tokens/s, median": round(median),
        "worst": round(steady[0]),
        "best": round(steady[-1]),
        "GFLOP/s": median * flops_per_token(trainer.decoder) / 1e9,
        "peak memory, MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    save("training", [row])


if __name__ == "__main__":
    main()
