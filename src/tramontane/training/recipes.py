"""Recipes: Python functions that return a TrainConfig, found by name or by file."""

import importlib.util
from pathlib import Path

from tramontane.common.errors import SettingsError
from tramontane.training.config import TrainConfig

SHELF = Path(__file__).parents[3] / "recipes"


def load_recipe(recipe: str) -> TrainConfig:
    """The config of `NAME` (recipes/NAME.py, function NAME), `FILE.py` or `FILE.py:FUNCTION`."""
    place, _, function = recipe.partition(":")
    path = Path(place) if place.endswith(".py") else SHELF / f"{place}.py"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in SHELF.glob("*.py"))) or "none"
        raise SettingsError(f"There is no recipe {recipe!r}: give a .py file or one of these names: {names}.")
    spec = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    make = getattr(module, function or path.stem, None)
    config = make() if callable(make) else None
    if not isinstance(config, TrainConfig):
        raise SettingsError(
            f"{path} has no function {function or path.stem!r} that returns a TrainConfig: name it as FILE.py:FUNCTION."
        )
    return config
