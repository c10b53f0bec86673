"""Checkpoints: a folder that is whole or absent, safetensors and JSON, never pickle.

A checkpoint holds the parameters, the optimiser's state, the position in the data and the random generator: enough
for a resumed run to make bit for bit the weights that an uninterrupted one makes.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tramontane.common.errors import CheckpointError
from tramontane.common.files import sha256_file, sync_folder
from tramontane.model.decoder import Decoder
from tramontane.training.optimiser import Optimiser

STATE, WEIGHTS, OPTIMISER = "state.json", "weights.safetensors", "optimiser.safetensors"


@dataclass(frozen=True)
class Position:
    """Where a run stands: `step` steps of stage number `stage` are done."""

    stage: int
    step: int
    total_step: int
    tokens: int
    seconds: float


def save_checkpoint(
    folder: Path, decoder: Decoder, optimiser: Optimiser, position: Position, fingerprint: str, keep: int
) -> Path:
    """Write `folder/step-NNNNNN` and forget all but the newest `keep`."""
    target = folder / f"step-{position.total_step:06d}"
    temporary = folder / f".{target.name}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    weights = {name: parameter.detach() for name, parameter in decoder.named_parameters()}
    save_file(weights, temporary / WEIGHTS)
    save_file({**optimiser.state, "rng": torch.get_rng_state()}, temporary / OPTIMISER)
    state = {
        "position": asdict(position),
        "optimiser_steps": optimiser.steps_taken,
        "fingerprint": fingerprint,
        "sha256": {name: sha256_file(temporary / name) for name in (WEIGHTS, OPTIMISER)},
    }
    (temporary / STATE).write_text(json.dumps(state, indent=2))
    for file in temporary.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    sync_folder(temporary)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    sync_folder(folder)
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def list_checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    return sorted(path for path in folder.glob("step-*") if (path / STATE).is_file())


def load_checkpoint(path: Path, decoder: Decoder, optimiser: Optimiser, fingerprint: str) -> Position:
    """Fill decoder, optimiser and random generator from a checkpoint, and return where the run stood."""
    try:
        state = json.loads((path / STATE).read_text())
        for name, digest in state["sha256"].items():
            if sha256_file(path / name) != digest:
                raise CheckpointError(
                    f"{path / name} is damaged (SHA-256 differs): delete {path} to resume earlier."
                )
        weights, tensors = load_file(path / WEIGHTS), load_file(path / OPTIMISER)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}): delete it to resume from an earlier one."
        ) from error
    if state["fingerprint"] != fingerprint:
        raise CheckpointError(
            f"{path} was made by another recipe or corpus: choose another --out, or delete the checkpoints."
        )
    torch.set_rng_state(tensors.pop("rng"))
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            parameter.copy_(weights[name])
        for name, tensor in optimiser.state.items():
            tensor.copy_(tensors[name])
    optimiser.steps_taken = state["optimiser_steps"]
    return Position(**state["position"])
