from pathlib import Path

import pytest

from tramontane.common.errors import SettingsError
from tramontane.training.recipes import SHELF, load_recipe


@pytest.mark.parametrize("name", sorted(path.stem for path in SHELF.glob("*.py")))
def test_every_recipe_of_ours_loads(name: str) -> None:
    assert load_recipe(name).stages


def test_a_recipe_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(SettingsError, match="brise_cpu"):
        load_recipe("tornado")


def test_a_file_without_such_a_function_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def other(): return 3\n")
    with pytest.raises(SettingsError, match="no function 'mine'"):
        load_recipe(str(tmp_path / "mine.py"))
