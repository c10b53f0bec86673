import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tramontane.common.errors import CheckpointError
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.training.checkpoint import WEIGHTS, list_checkpoints
from tramontane.training.loop import Trainer
from tramontane.training.metrics import read_metrics

from .conftest import tiny_config

STEPS = 60


def start_run(corpus: Path, out: Path, vocab_size: int) -> subprocess.Popen[bytes]:
    script = Path(__file__).parent / "killed_run.py"
    return subprocess.Popen([sys.executable, str(script), str(corpus), str(out), str(vocab_size), str(STEPS)])


def final_weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(list_checkpoints(out / "checkpoints")[-1] / WEIGHTS)


def test_a_run_killed_at_any_moment_resumes_bit_for_bit(
    corpus: Path, tmp_path: Path, tiny_tokenizer: Tokenizer
) -> None:
    torch.set_num_threads(1)
    vocab_size = tiny_tokenizer.vocab_size
    assert start_run(corpus, tmp_path / "whole", vocab_size).wait() == 0

    out, seed = tmp_path / "killed", random.randrange(1000)
    delays = random.Random(seed)
    for _ in range(3):
        run = start_run(corpus, out, vocab_size)
        while not list_checkpoints(out / "checkpoints") and run.poll() is None:
            time.sleep(0.01)
        time.sleep(delays.uniform(0, 0.5))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert start_run(corpus, out, vocab_size).wait() == 0

    whole, killed = final_weights(tmp_path / "whole"), final_weights(out)
    assert whole.keys() == killed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, killed[name]), f"{name} differs (delays from seed {seed})"
    steps = [line["total_step"] for line in read_metrics(out / "metrics.jsonl")]
    assert steps == list(range(1, STEPS + 5))


def test_the_loss_falls(corpus: Path, tmp_path: Path, tiny_tokenizer: Tokenizer) -> None:
    torch.set_num_threads(1)
    reports: list[float] = []
    trainer = Trainer(tiny_config(tiny_tokenizer.vocab_size, 40), corpus, tmp_path)
    trainer.run(lambda report: reports.append(report.loss), report_every=5)
    assert reports[0] > 5
    assert min(reports) < reports[0] * 0.7
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_another_recipes_checkpoint_is_refused(
    corpus: Path, tmp_path: Path, tiny_tokenizer: Tokenizer
) -> None:
    Trainer(tiny_config(tiny_tokenizer.vocab_size, 2), corpus, tmp_path).run()
    with pytest.raises(CheckpointError, match="another recipe"):
        Trainer(tiny_config(tiny_tokenizer.vocab_size, 2, seed=1), corpus, tmp_path)


def test_a_damaged_checkpoint_is_named(corpus: Path, tmp_path: Path, tiny_tokenizer: Tokenizer) -> None:
    config = tiny_config(tiny_tokenizer.vocab_size, 2)
    Trainer(config, corpus, tmp_path).run()
    weights = list_checkpoints(tmp_path / "checkpoints")[-1] / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors is damaged"):
        Trainer(config, corpus, tmp_path)


def test_a_metrics_line_cut_short_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"total_step": 1}) + '\n{"total_st')
    assert read_metrics(path) == [{"total_step": 1}]
