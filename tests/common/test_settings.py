from pathlib import Path

import pytest

from tramontane.common.errors import ModelFileError
from tramontane.common.settings import data_folder, find_model, list_models


def shelve(data: Path, name: str) -> Path:
    folder = data / "models" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def test_the_given_folder_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAMONTANE_DATA", str(tmp_path / "named"))
    assert data_folder() == tmp_path / "named"
    assert data_folder(tmp_path) == tmp_path
    monkeypatch.delenv("TRAMONTANE_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "tramontane"


def test_a_model_is_found_by_name_and_by_folder(tmp_path: Path) -> None:
    folder = shelve(tmp_path, "mine")
    (tmp_path / "models" / "not-a-model").mkdir()
    assert list_models(tmp_path)["mine"] == folder
    assert "not-a-model" not in list_models(tmp_path)
    assert find_model("mine", tmp_path) == find_model(str(folder), tmp_path) == folder.resolve()


def test_a_model_of_the_data_folder_hides_one_that_ships_with_the_program(tmp_path: Path) -> None:
    folder = shelve(tmp_path, "brise")
    assert find_model("brise", tmp_path) == folder.resolve()


def test_a_model_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    shelve(tmp_path, "mine")
    with pytest.raises(ModelFileError, match=r"no model 'theirs'.*mine"):
        find_model("theirs", tmp_path)
