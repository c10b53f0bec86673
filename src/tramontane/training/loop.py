"""The training loop: one, for every stage.

Shapes: B rows of one micro-batch, T sequence length, E hidden size.
"""

import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from tramontane.common.files import sha256_file
from tramontane.corpus.manifest import MANIFEST
from tramontane.model.attention import CausalAttention
from tramontane.model.decoder import Decoder
from tramontane.model.init import initialise
from tramontane.training.checkpoint import Position, list_checkpoints, load_checkpoint, save_checkpoint
from tramontane.training.config import Stage, TrainConfig
from tramontane.training.data import Batch, Rows, open_rows
from tramontane.training.loss import IGNORED, linear_cross_entropy
from tramontane.training.metrics import MetricsLog, Report, draw_curves
from tramontane.training.optimiser import Optimiser
from tramontane.training.schedule import lr_factor, momentum_at

Listener = Callable[[Report], None]


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its rows opened and its number of steps settled."""

    stage: Stage
    rows: Rows
    steps: int


def plan_stages(config: TrainConfig, corpus: Path) -> list[PlannedStage]:
    """Open every stage's rows, so that a wrong mix is found before the first step."""
    planned = []
    for number, stage in enumerate(config.stages):
        rows = open_rows(corpus, stage, seed=config.seed * 1000 + number)
        planned.append(PlannedStage(stage, rows, len(rows) // stage.batch_rows))
    return planned


class Trainer:
    """One run: builds the model, resumes from the newest checkpoint in `out`, goes through the stages."""

    def __init__(self, config: TrainConfig, corpus: Path, out: Path, device: str = "cpu") -> None:
        self.config = config
        self.stages = plan_stages(config, corpus)
        self.total_steps = sum(planned.steps for planned in self.stages)
        self.decoder = Decoder(config.model).to(device)
        initialise(self.decoder, config.seed)
        self.optimiser = Optimiser(self.decoder, config.optimiser)
        self.position = Position(stage=0, step=0, total_step=0, tokens=0, seconds=0.0)
        self._device = device
        self._attend = CausalAttention(config.model.windows)
        self._dtype = getattr(torch, config.compute_dtype)
        self._out = out
        self._checkpoints = out / "checkpoints"
        self._checkpoints.mkdir(parents=True, exist_ok=True)
        self._fingerprint = run_fingerprint(config, corpus)
        if saved := list_checkpoints(self._checkpoints):
            self.position = load_checkpoint(saved[-1], self.decoder, self.optimiser, self._fingerprint)
        self._log = MetricsLog(out / "metrics.jsonl", self.position.total_step)
        if config.compile:
            for block in self.decoder.model.layers:
                block.compile(dynamic=False)  # one small graph, compiled once for all blocks

    def run(self, listen: Listener | None = None, report_every: int = 10) -> Decoder:
        """Train to the end of the last stage and return the decoder."""
        for number in range(self.position.stage, len(self.stages)):
            self._run_stage(number, listen or (lambda report: None), report_every)
            self.position = Position(
                number + 1, 0, self.position.total_step, self.position.tokens, self.position.seconds
            )
            self._save()
        draw_curves(self._out / "metrics.jsonl", self._out / "curves.png")
        return self.decoder

    def _run_stage(self, number: int, listen: Listener, report_every: int) -> None:
        planned = self.stages[number]
        start_seconds, started = self.position.seconds, time.monotonic()
        saved_at = reported_at = started
        losses: list[Tensor] = []
        reported_tokens = self.position.tokens
        for step in range(self.position.step, planned.steps):
            losses.append(self._step(planned, step))
            now = time.monotonic()
            tokens = planned.stage.batch_rows * planned.stage.sequence_length
            self.position = Position(
                number,
                step + 1,
                self.position.total_step + 1,
                self.position.tokens + tokens,
                start_seconds + now - started,
            )
            if (step + 1) % report_every == 0 or step + 1 == planned.steps:
                speed = (self.position.tokens - reported_tokens) / (now - reported_at)
                self._report(planned, losses, speed, listen)
                losses, reported_at, reported_tokens = [], now, self.position.tokens
            if now - saved_at >= self.config.checkpoint_every_s:
                self._save()
                saved_at = time.monotonic()
            if self.optimiser.steps_taken == 1:
                gc.freeze()  # the model and the data plan live as long as the run: never scan them again

    def _step(self, planned: PlannedStage, step: int) -> Tensor:
        """One optimiser step; returns the mean loss over the counted tokens, on the device."""
        stage = planned.stage
        batch = planned.rows.batch(step * stage.batch_rows, stage.batch_rows)
        counted = max(1, int((batch.targets != IGNORED).sum()))
        total = torch.zeros((), device=self._device)
        micro = stage.micro_rows or stage.batch_rows
        for first in range(0, stage.batch_rows, micro):
            part = Batch(batch.ids[first : first + micro], batch.targets[first : first + micro])
            loss = self._loss(part) / counted
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        factor = lr_factor(stage.schedule, step, planned.steps)
        self.optimiser.step(factor, momentum_at(self.config.optimiser, self.position.total_step))
        for parameter in self.decoder.parameters():
            parameter.grad = None
        return total

    def _loss(self, batch: Batch) -> Tensor:
        """Sum of the losses over the counted tokens of one micro-batch."""
        ids_BT, targets_BT = batch.ids.to(self._device), batch.targets.to(self._device)
        positions_BT = torch.arange(ids_BT.size(1), device=self._device).expand_as(ids_BT)
        hidden_BTE = self.decoder(ids_BT, positions_BT, self._attend, self._dtype)
        return linear_cross_entropy(
            hidden_BTE.flatten(0, 1), self.decoder.lm_head.weight, targets_BT.flatten(), self.config.z_loss
        )

    def _report(self, planned: PlannedStage, losses: list[Tensor], speed: float, listen: Listener) -> None:
        steps_left = self.total_steps - self.position.total_step
        step_tokens = planned.stage.batch_rows * planned.stage.sequence_length
        report = Report(
            stage=planned.stage.name,
            step=self.position.step,
            total_step=self.position.total_step,
            total_steps=self.total_steps,
            loss=float(torch.stack(losses).mean()),
            lr_factor=lr_factor(planned.stage.schedule, self.position.step - 1, planned.steps),
            tokens=self.position.tokens,
            tokens_per_second=speed,
            seconds=self.position.seconds,
            seconds_left=steps_left * step_tokens / speed,
        )
        self._log.append(report)
        listen(report)

    def _save(self) -> None:
        save_checkpoint(
            self._checkpoints,
            self.decoder,
            self.optimiser,
            self.position,
            self._fingerprint,
            self.config.keep_checkpoints,
        )
        draw_curves(self._out / "metrics.jsonl", self._out / "curves.png")


def run_fingerprint(config: TrainConfig, corpus: Path) -> str:
    """Changes with whatever shapes the weights: a checkpoint is resumed only by the run that made it."""
    shaping = (
        config.model,
        config.stages,
        config.optimiser,
        config.compute_dtype,
        config.z_loss,
        config.seed,
    )
    return hashlib.sha256(f"{shaping!r} {sha256_file(corpus / MANIFEST)}".encode()).hexdigest()
