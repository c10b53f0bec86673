"""A training run in a process of its own, to be killed: killed_run.py CORPUS OUT VOCAB_SIZE STEPS."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from conftest import tiny_config

from tramontane.training.loop import Trainer

if __name__ == "__main__":
    torch.set_num_threads(1)
    corpus, out, vocab_size, steps = sys.argv[1:]
    Trainer(tiny_config(int(vocab_size), int(steps)), Path(corpus), Path(out)).run(report_every=1)
