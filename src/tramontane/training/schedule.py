"""Learning-rate factor and momentum as functions of the step alone, so that a resumed run needs no state."""

from tramontane.training.config import OptimiserConfig, Schedule


def lr_factor(schedule: Schedule, step: int, steps: int) -> float:
    """Factor on the learning rates at `step` of `steps` (warm-up–stable–decay)."""
    if step < schedule.warmup_steps:
        return schedule.peak * (step + 1) / schedule.warmup_steps
    decay_steps = max(1, round(schedule.decay * steps))
    into_decay = step - (steps - decay_steps)
    if into_decay <= 0:
        return schedule.peak
    return schedule.peak + (schedule.final - schedule.peak) * into_decay / decay_steps


def momentum_at(optimiser: OptimiserConfig, step: int) -> float:
    """Muon's momentum, rising linearly over the run's first steps."""
    progress = min(1.0, step / max(1, optimiser.momentum_warmup_steps))
    return optimiser.momentum_start + (optimiser.momentum - optimiser.momentum_start) * progress
