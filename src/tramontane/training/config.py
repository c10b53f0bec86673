"""What a training run is: frozen dataclasses, returned by a recipe."""

from dataclasses import dataclass, field
from typing import Literal

from tramontane.common.errors import SettingsError
from tramontane.model.config import ModelConfig


@dataclass(frozen=True)
class OptimiserConfig:
    """Muon for the blocks' matrices, AdamW for the embedding, the head and the gains.

    The defaults are nanochat's at width 768, see docs/decisions/0003-optimiser.md.
    """

    matrix_lr: float = 0.02
    matrix_weight_decay: float = 0.0
    momentum_start: float = 0.85
    momentum: float = 0.95
    momentum_warmup_steps: int = 300
    embedding_lr: float = 0.3
    head_lr: float = 0.008
    gain_lr: float = 0.01
    betas: tuple[float, float] = (0.8, 0.95)
    eps: float = 1e-10


@dataclass(frozen=True)
class Schedule:
    """Warm-up, stable, linear decay: a factor on every learning rate.

    Rises to `peak` over `warmup_steps`, stays, then falls to `final` over the last `decay` of the stage.
    """

    warmup_steps: int = 0
    peak: float = 1.0
    decay: float = 0.65
    final: float = 0.05


@dataclass(frozen=True)
class Stage:
    """One stretch of training on one mixture of sources.

    `mix` maps a source's name, or a shell pattern over names, to a weight. In a "pretrain" stage a weight is the
    source's share of the tokens read; in an "instruct" stage it is how often the source's conversations are seen,
    and the loss counts the assistant's tokens only. An instruct stage without `steps` ends with its conversations.
    """

    name: str
    kind: Literal["pretrain", "instruct"]
    mix: dict[str, float]
    steps: int | None
    batch_rows: int
    sequence_length: int
    schedule: Schedule
    micro_rows: int | None = None

    def __post_init__(self) -> None:
        micro = self.micro_rows or self.batch_rows
        if self.batch_rows % micro:
            raise SettingsError(
                f"Stage {self.name!r}: batch_rows {self.batch_rows} is not a multiple of micro_rows {micro}."
            )
        if self.kind == "pretrain" and self.steps is None:
            raise SettingsError(f"Stage {self.name!r}: a pretrain stage needs `steps`.")


@dataclass(frozen=True)
class TrainConfig:
    """A whole run: one model through its stages.

    `generation` holds the sampling defaults of the finished model, as generation_config.json names them.
    """

    name: str
    model: ModelConfig
    stages: tuple[Stage, ...]
    optimiser: OptimiserConfig = OptimiserConfig()
    compute_dtype: Literal["float32", "bfloat16"] = "float32"
    export_dtype: Literal["float32", "bfloat16"] = "bfloat16"
    z_loss: float = 0.0
    seed: int = 0
    compile: bool = False
    checkpoint_every_s: float = 300.0
    keep_checkpoints: int = 2
    generation: dict[str, float] = field(default_factory=dict)
