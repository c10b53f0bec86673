import json
from pathlib import Path

import pytest

from tramontane.api.defaults import SamplingDefaults, read_sampling_defaults
from tramontane.common.errors import ModelFileError


def write(folder: Path, **fields: object) -> Path:
    (folder / "generation_config.json").write_text(json.dumps(fields))
    return folder


def test_no_file_has_no_opinion(tmp_path: Path) -> None:
    assert read_sampling_defaults(tmp_path) == SamplingDefaults()


def test_reads_what_it_knows(tmp_path: Path) -> None:
    folder = write(tmp_path, temperature=0.6, top_k=20, top_p=0.95, eos_token_id=[1, 2], do_sample=True)
    assert read_sampling_defaults(folder) == SamplingDefaults(0.6, 0.95, 20, do_sample=True)


def test_no_sampling_means_greedy(tmp_path: Path) -> None:
    assert read_sampling_defaults(write(tmp_path, do_sample=False, temperature=0.6)).temperature == 0


@pytest.mark.parametrize(
    "fields", [{"temperature": "hot"}, {"top_p": 2}, {"top_k": -1}, {"repetition_penalty": 0}]
)
def test_wrong_field_is_named(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(ModelFileError, match=rf"\$.{next(iter(fields))}"):
        read_sampling_defaults(write(tmp_path, **fields))
