import pytest

from tramontane.training.config import OptimiserConfig, Schedule
from tramontane.training.schedule import lr_factor, momentum_at

WSD = Schedule(warmup_steps=10, peak=0.8, decay=0.5, final=0.1)


@pytest.mark.parametrize(
    ("step", "factor"), [(0, 0.08), (9, 0.8), (10, 0.8), (50, 0.8), (75, 0.45), (100, 0.1)]
)
def test_warm_up_stable_decay(step: int, factor: float) -> None:
    assert lr_factor(WSD, step, 100) == pytest.approx(factor)


def test_without_warm_up_the_first_step_is_at_the_peak() -> None:
    assert lr_factor(Schedule(warmup_steps=0, peak=0.4, decay=1.0, final=0.0), 0, 20) == pytest.approx(0.4)


def test_momentum_rises_then_stays() -> None:
    config = OptimiserConfig(momentum_start=0.8, momentum=0.9, momentum_warmup_steps=10)
    assert [momentum_at(config, step) for step in (0, 5, 10, 99)] == pytest.approx([0.8, 0.85, 0.9, 0.9])
