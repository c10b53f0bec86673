"""`tramontane models`: the model folders of this machine, by their configs and headers; loads no torch."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)
LICENCE_LINE = re.compile(r"^licen[sc]e:\s*[\"']?([^\"'\n]+)", re.MULTILINE)
LONGEST_READ = 2**20  # characters of a model card that are looked at
UNKNOWN = "–"


@dataclass(frozen=True)
class ModelFacts:
    """What the files of a model folder say about it."""

    family: str
    parameters: int
    disk_bytes: int
    context_length: int
    dtype: str
    licence: str | None
    passport: bool


def models(
    data: Annotated[Path | None, typer.Option(help="Folder for everything that Tramontane keeps.")] = None,
) -> None:
    """List the models that `serve --model` finds by name."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from tramontane.common.errors import ModelFileError
    from tramontane.common.settings import data_folder, list_models, model_shelves

    folder = data_folder(data)
    found = list_models(folder)
    console = Console()
    if not found:
        shelves = " or ".join(str(shelf) for shelf in model_shelves(folder))
        console.print(f"No model here: put a Hugging Face model folder into {shelves}.", markup=False)
        return
    table = Table("name", "family", "parameters", "on disk", "context", "type", "licence", "passport")
    faults = []
    for name, path in found.items():
        try:
            table.add_row(escape(name), *map(escape, _row(examine(path))))
        except (ModelFileError, OSError) as error:
            faults.append(f"[red]{escape(name)}[/] cannot be served: {escape(str(error))}")
    if table.row_count:
        console.print(table)
    for fault in faults:
        console.print(fault)


def _row(facts: ModelFacts) -> tuple[str, ...]:
    from tramontane.common.units import format_bytes, format_count

    return (
        facts.family,
        format_count(facts.parameters),
        format_bytes(facts.disk_bytes),
        f"{facts.context_length:,}",
        facts.dtype,
        facts.licence or UNKNOWN,
        "yes" if facts.passport else UNKNOWN,
    )


def examine(folder: Path) -> ModelFacts:
    """The facts of one model folder; ModelFileError if it is incomplete, torn or unsupported."""
    from tramontane.model.headers import stored_tensors
    from tramontane.model.hf import read_config

    config = read_config(folder)
    stored = stored_tensors(folder)
    if config.tie_embeddings:
        stored.pop("lm_head.weight", None)  # a copy of the embedding table is no parameter more
    dtypes: Counter[str] = Counter()
    for tensor in stored.values():
        dtypes[tensor.dtype] += tensor.count
    return ModelFacts(
        family=config.family,
        parameters=dtypes.total(),
        disk_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        context_length=config.max_positions,
        dtype=dtypes.most_common(1)[0][0] if dtypes else UNKNOWN,
        licence=_licence(folder),
        passport=(folder / "passport.json").is_file(),
    )


def _licence(folder: Path) -> str | None:
    """The licence by the passport, else by the model card's front matter, else the file that has its text."""
    import msgspec

    passport = folder / "passport.json"
    if passport.is_file():
        try:
            content: dict[str, Any] = msgspec.json.decode(passport.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError:
            return "unreadable passport"
        if licence := content.get("licence"):
            return str(licence)
    card = folder / "README.md"
    if card.is_file():
        with card.open(encoding="utf-8", errors="replace") as file:
            front = FRONT_MATTER.match(file.read(LONGEST_READ))
        if front and (line := LICENCE_LINE.search(front[1])):
            return line[1].strip()
    return next((path.name for path in sorted(folder.glob("LICEN[SC]E*"))), None)
