from pathlib import Path

import numpy as np
import pytest

from tramontane.common.errors import CorpusError
from tramontane.corpus.manifest import (
    MANIFEST,
    Manifest,
    Shard,
    open_mask,
    open_offsets,
    open_shard,
    read_manifest,
    write_manifest,
)

SHARD = Shard(
    file="a-train-00000.bin",
    source="a",
    kind="prose",
    language="fr",
    licence="MIT",
    split="train",
    documents=2,
    tokens=3,
    characters=4,
    bytes=5,
    sha256="0" * 64,
)
WHOLE = Manifest(
    dtype="uint16",
    vocab_size=300,
    tokenizer_sha256="1" * 64,
    end_of_text_id=0,
    shards=(SHARD,),
    kept={"a": 2},
    dropped={"a": {"empty": 1}},
    masked={},
)


def test_round_trip(tmp_path: Path) -> None:
    write_manifest(tmp_path, WHOLE)
    assert read_manifest(tmp_path) == WHOLE
    assert '"format": 1' in (tmp_path / MANIFEST).read_text()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 2}'])
def test_a_torn_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(CorpusError, match=r"manifest\.json.*build the corpus again"):
        read_manifest(tmp_path)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, WHOLE)
    path = tmp_path / MANIFEST
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(CorpusError, match="cannot be read"):
        read_manifest(tmp_path)


def test_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus in"):
        read_manifest(tmp_path)


def test_a_shard_of_the_wrong_size_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a-train-00000\.bin is missing"):
        open_shard(tmp_path, SHARD)
    np.zeros(2, "<u2").tofile(tmp_path / SHARD.file)
    with pytest.raises(CorpusError, match="has 4 bytes, not 6"):
        open_shard(tmp_path, SHARD)
    with pytest.raises(CorpusError, match=r"\.offsets is missing"):
        open_offsets(tmp_path, SHARD)
    with pytest.raises(CorpusError, match="has no mask"):
        open_mask(tmp_path, SHARD)
