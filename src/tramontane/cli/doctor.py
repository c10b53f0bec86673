"""`tramontane doctor`: what this machine has, and what would be slow or missing, with the remedy."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

Verdict = Literal["ok", "slow", "missing"]
STYLES: dict[Verdict, str] = {"ok": "green", "slow": "yellow", "missing": "red"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what is there, how good that is, and what to do about it."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def doctor(
    data: Annotated[Path | None, typer.Option(help="Folder for everything that Tramontane keeps.")] = None,
) -> None:
    """Say what this machine has and what would be slow or missing, with the remedy."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "what", "found", "remedy")
    findings = examine(data)
    for finding in findings:
        verdict = f"[{STYLES[finding.verdict]}]{finding.verdict}[/]"
        table.add_row(verdict, finding.name, finding.found, finding.remedy)
    Console().print(table)
    if any(finding.verdict == "missing" for finding in findings):
        raise typer.Exit(1)


def examine(data: Path | None) -> list[Finding]:
    """Every finding, most basic first."""
    from tramontane.common.settings import data_folder

    folder = data_folder(data)
    return [_python(), _processor(), _memory(), *_torch(), _disk(folder), _models(folder), _page()]


def _python() -> Finding:
    return Finding("Python", "ok", platform.python_version())


def _processor() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = f"{platform.machine()}, {cores} cores"
    if cores == 1:
        return Finding(
            "Processor", "slow", found, "answers and the page share one core: give the machine two"
        )
    return Finding("Processor", "ok", found)


def _memory() -> Finding:
    import psutil

    from tramontane.common.units import format_bytes

    memory = psutil.virtual_memory()
    found = f"{format_bytes(memory.available)} free of {format_bytes(memory.total)}"
    if memory.available < 2 * 1024**3:
        return Finding("Memory", "slow", found, "close programs, or serve a smaller model")
    return Finding("Memory", "ok", found)


def _torch() -> list[Finding]:
    try:
        import torch
    except ImportError as error:
        return [Finding("PyTorch", "missing", str(error), "run `make install`")]
    capability = torch.backends.cpu.get_cpu_capability()
    version = f"{torch.__version__}, CPU kernels {capability}"
    if "AVX" in capability or platform.machine() in ("arm64", "aarch64"):
        findings = [Finding("PyTorch", "ok", version)]
    else:
        remedy = "this processor lacks AVX2: expect a few tokens a second"
        findings = [Finding("PyTorch", "slow", version, remedy)]
    if torch.cuda.is_available():
        return [*findings, Finding("GPU", "ok", torch.cuda.get_device_name())]
    remedy = "fine for serving small models; to train larger ones, use a machine with a GPU"
    return [*findings, Finding("GPU", "slow", "none", remedy)]


def _disk(folder: Path) -> Finding:
    from tramontane.common.units import format_bytes

    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    found = f"{format_bytes(free)} free for {folder}"
    if not os.access(existing, os.W_OK):
        return Finding(
            "Data folder", "missing", f"{existing} cannot be written", "choose another with --data"
        )
    if free < 2 * 1024**3:
        return Finding("Data folder", "slow", found, "free some space, or choose another folder with --data")
    return Finding("Data folder", "ok", found)


def _models(folder: Path) -> Finding:
    from tramontane.common.settings import DEFAULT_MODEL, list_models

    names = list_models(folder)
    if DEFAULT_MODEL in names:
        return Finding("Models", "ok", ", ".join(names))
    remedy = f"put a model folder into {folder / 'models'}, or train one: see README"
    return Finding("Models", "missing", ", ".join(names) or "none", remedy)


def _page() -> Finding:
    import tramontane

    page = Path(tramontane.__file__).parent / "api" / "page" / "index.html"
    if page.is_file():
        return Finding("Chat page", "ok", "built")
    return Finding("Chat page", "missing", "not built", "run `make install`")
