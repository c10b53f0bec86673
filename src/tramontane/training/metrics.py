"""What a run says of itself: one JSON line a report, and a picture of the curves."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from tramontane.common.files import write_atomic, write_text_atomic


@dataclass(frozen=True)
class Report:
    """The state of a run at one step. Loss in nats per counted token, averaged since the last report."""

    stage: str
    step: int
    total_step: int
    total_steps: int
    loss: float
    lr_factor: float
    tokens: int
    tokens_per_second: float
    seconds: float
    seconds_left: float


class MetricsLog:
    """Appends reports to a JSONL file; a resumed run first drops what came after its checkpoint."""

    def __init__(self, path: Path, resumed_at: int) -> None:
        self._path = path
        kept = [line for line in read_metrics(path) if line["total_step"] <= resumed_at]
        write_text_atomic(path, "".join(json.dumps(line) + "\n" for line in kept))

    def append(self, report: Report) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(report)) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The reports in a metrics file; a last line that a crash cut short is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def draw_curves(metrics: Path, picture: Path) -> None:
    """Loss and learning-rate factor over tokens, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    reports = read_metrics(metrics)
    if not reports:
        return
    tokens = [report["tokens"] / 1e6 for report in reports]
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    loss_axes = figure.subplots()
    loss_axes.plot(tokens, [report["loss"] for report in reports], color="#0b6e99", linewidth=1.2)
    loss_axes.set(xlabel="million tokens", ylabel="loss (nats per counted token)")
    loss_axes.grid(alpha=0.3)
    rate_axes = loss_axes.twinx()
    rate_axes.plot(
        tokens, [report["lr_factor"] for report in reports], color="#c2703d", linewidth=1, alpha=0.7
    )
    rate_axes.set(ylabel="learning-rate factor", ylim=(0, None))
    write_atomic(picture, lambda path: figure.savefig(path, dpi=120, format="png"))
