import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tramontane.common.errors import CorpusError
from tramontane.corpus import read
from tramontane.corpus.read import Message, ReadingPosition, Record, Unreadable, cut_text, iter_documents
from tramontane.corpus.sources import Source

MakeSource = Callable[..., Source]
ROWS = [
    {"text": "Été", "lang": "fr", "source": "x", "licence": "MIT"},
    {"messages": [{"role": "user", "content": "Ça va ?"}, {"role": "assistant", "content": "Oui."}]},
]
RECORDS = [
    Record(text="Été", lang="fr"),
    Record(messages=(Message("user", "Ça va ?"), Message("assistant", "Oui."))),
]
LINES = "\n".join(json.dumps(row) for row in ROWS).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", LINES + b"\n\n"),
        ("a.jsonl.gz", gzip.compress(LINES)),
        # two frames in one file, as `cat a.zst b.zst` makes them
        ("a.jsonl.zst", zstandard.compress(LINES[:20]) + zstandard.compress(LINES[20:])),
    ],
)
def test_json_lines_plain_and_compressed(tmp_path: Path, source: MakeSource, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert list(iter_documents(source(path=name), tmp_path)) == RECORDS


def test_a_line_that_is_no_record_is_unreadable_and_the_rest_is_read(
    tmp_path: Path, source: MakeSource
) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        b'{"text": 1}\n{"text"\n\xff\xfe\n[]\n{"text": "\\ud800"}\n{"text": "good"}\n'
    )
    *bad, good = iter_documents(source(path="a.jsonl"), tmp_path)
    assert bad == [Unreadable()] * 5
    assert good == Record(text="good")


def test_an_overlong_line_is_skipped_whole(
    tmp_path: Path, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MAX_LINE_BYTES", 50)
    lines = [b'{"text": "' + b"a" * length + b'"}' for length in (10, 130, 38, 37, 36)]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    lengths = [
        len(record.text or "") if isinstance(record, Record) else None
        for record in iter_documents(source(path="a.jsonl"), tmp_path)
    ]
    assert lengths == [10, None, None, 37, 36]


def test_parquet(tmp_path: Path, source: MakeSource) -> None:
    table = pyarrow.Table.from_pylist(
        [{"messages": None, **ROWS[0]}, {"text": None, "lang": None, **ROWS[1]}]
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert list(iter_documents(source(path="a.parquet"), tmp_path)) == RECORDS


def test_text_and_markdown_folder(tmp_path: Path, source: MakeSource) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfUn\r\ndeux")
    (tmp_path / "b.md").write_text("---\ntitle: T\n---\n# Bonjour\n\n---\n\nMonde")
    (tmp_path / "c.txt").write_bytes("Été".encode("latin-1"))
    (tmp_path / "d.txt").write_text("  \n")
    assert list(iter_documents(source(path="."), tmp_path)) == [
        Record(text="Un\ndeux"),
        Record(text="# Bonjour\n\n---\n\nMonde"),
        Unreadable(),
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", gzip.compress(LINES)[:-12]),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff"),
        ("a.jsonl.zst", b"not zstd"),
        ("a.parquet", b"PAR1 torn"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, source: MakeSource, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorpusError, match=f"{name}.*fetch it again"):
        list(iter_documents(source(path=name), tmp_path))


def test_long_texts_are_cut_at_paragraph_ends(
    tmp_path: Path, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MAX_DOCUMENT_CHARACTERS", 100)
    text = "\n\n".join(f"Paragraph {i} {'x' * (i % 40)}." for i in range(100))
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text, "lang": "en"}))
    for name in ("a.txt", "a.jsonl"):
        records = list(iter_documents(source(path=name), tmp_path))
        pieces = [record.text or "" for record in records if isinstance(record, Record)]
        assert "".join(pieces) == text
        assert all(piece.endswith("\n") and len(piece) <= 100 for piece in pieces[:-1])


@given(st.text(alphabet="ab \n", max_size=60))
def test_cutting_loses_nothing_and_stays_within_the_limit(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "MAX_DOCUMENT_CHARACTERS", 10)
        pieces = cut_text(text)
    assert "".join(pieces) == text
    assert all(len(piece) <= 10 for piece in pieces)


def test_the_position_reaches_the_end(tmp_path: Path, source: MakeSource) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(LINES)
    position = ReadingPosition()
    seen = [position.bytes_read for _ in iter_documents(source(path="*.jsonl"), tmp_path, position)]
    assert seen == sorted(seen)
    assert position.bytes_read == 2 * len(LINES)
