"""Where things are on this machine."""

import os
from pathlib import Path

from tramontane.common.errors import ModelFileError

DEFAULT_MODEL = "brise"


def data_folder(given: Path | None = None) -> Path:
    """The folder for everything that Tramontane keeps: given, else $TRAMONTANE_DATA, else the XDG data home."""
    if given is not None:
        return given
    if named := os.environ.get("TRAMONTANE_DATA"):
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "tramontane"


def model_shelves(data: Path) -> list[Path]:
    """Folders that hold model folders, first match wins: the data folder, then what ships with the program."""
    return [data / "models", Path(__file__).parents[3] / "models"]


def list_models(data: Path) -> dict[str, Path]:
    """Name → model folder, for every folder on the shelves that has a config.json."""
    found: dict[str, Path] = {}
    for shelf in model_shelves(data):
        if shelf.is_dir():
            for folder in sorted(shelf.iterdir()):
                if (folder / "config.json").is_file():
                    found.setdefault(folder.name, folder)
    return found


def find_model(name_or_folder: str, data: Path) -> Path:
    """The model folder that `name_or_folder` means: a path that exists, else a name on the shelves."""
    folder = Path(name_or_folder).expanduser()
    if (folder / "config.json").is_file():
        return folder.resolve()
    models = list_models(data)
    if name_or_folder in models:
        return models[name_or_folder].resolve()
    names = ", ".join(models) or "none"
    raise ModelFileError(
        f"There is no model {name_or_folder!r}: give a folder with a config.json, or one of the names here ({names})."
    )
