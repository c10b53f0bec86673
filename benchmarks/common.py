"""What every benchmark tells beside its numbers: command, hardware, commit."""

import datetime
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parent / "results"
Row = dict[str, Any]


def hardware() -> str:
    """`2 × Intel(R) Xeon(R) Processor @ 2.60GHz, 24 GiB, no GPU`; cores are those that this process may use."""
    cores = len(psutil.Process().cpu_affinity() or [])
    memory = psutil.virtual_memory().total / 2**30
    return f"{cores} × {_processor()}, {memory:.0f} GiB, {_gpu()}"


def commit() -> str:
    """The short hash of HEAD, with `+` if the program itself has been changed since."""
    run = ["git", "rev-parse", "--short", "HEAD"]
    head = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "src", "pyproject.toml"], check=False)
    return head + "+" * changed.returncode


def save(name: str, rows: Sequence[Row]) -> None:
    """Write results/NAME.json and print the rows as a Markdown table, with how they came about."""
    script = Path(sys.argv[0]).resolve().relative_to(Path(__file__).resolve().parents[1])
    about = {
        "command": shlex.join(["python", str(script), *sys.argv[1:]]),
        "hardware": hardware(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(about | {"rows": list(rows)}, indent=1) + "\n")
    print(markdown_table(rows))
    print(f"\n`{about['command']}` on {about['hardware']}, commit {about['commit']}.")


def markdown_table(rows: Sequence[Row]) -> str:
    """A table with the first row's keys as its head; numbers to the right."""
    head = list(rows[0])
    numeric = [isinstance(rows[0][key], int | float) for key in head]
    lines = [head, ["--:" if number else "---" for number in numeric]]
    lines += [[_shown(row[key]) for key in head] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return "no GPU"
    return ", ".join(name for name in names if name)
