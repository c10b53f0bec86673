from collections.abc import Callable
from pathlib import Path

import pytest

from tramontane.common.errors import CorpusError
from tramontane.corpus.sources import Source, file_format, read_declaration, source_files

GOOD = '[[source]]\nname = "a"\npath = "a.jsonl"\nlicence = "MIT"\nlanguage = "fr"\nkind = "prose"\n'


def test_reads_every_field(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text("validation = 0.01\n" + GOOD + "limit = 3\n")
    declaration = read_declaration(path)
    assert declaration.validation == 0.01
    assert declaration.sources == (
        Source(name="a", path="a.jsonl", licence="MIT", language="fr", kind="prose", limit=3),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace('"fr"', '"de"'), "language"),
        (GOOD.replace('"prose"', '"poem"'), "kind"),
        (GOOD.replace('licence = "MIT"\n', ""), "licence"),
        (GOOD.replace('"MIT"', '" "'), "licence"),
        (GOOD + "colour = 1\n", "colour"),
        (GOOD + GOOD, "twice"),
        (GOOD.replace('"a"', '"../a"'), "cannot name files"),
        (GOOD + "limit = 0\n", "limit"),
        ("validation = 0.9\n" + GOOD, "validation"),
        ("[[source", "cannot be used"),
        ("source = []", "at least one"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(CorpusError, match=says):
        read_declaration(path)


def test_a_missing_declaration_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no sources file at .*absent\.toml"):
        read_declaration(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", ".jsonl"),
        ("a.v1.JSONL.zst", ".jsonl"),
        ("a.txt.gz", ".txt"),
        ("a.parquet", ".parquet"),
        ("a.pdf", None),
        ("a", None),
        ("a.zst", None),
    ],
)
def test_the_name_tells_the_format(name: str, expected: str | None) -> None:
    assert file_format(Path(name)) == expected


def test_files_of_a_file_a_folder_and_a_glob(tmp_path: Path, source: Callable[..., Source]) -> None:
    names = ["b/2.md", "b/1.txt", "b/c/3.jsonl.zst", "b/skip.pdf"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(path: str) -> list[str]:
        return [str(file.relative_to(tmp_path)) for file in source_files(source(path=path), tmp_path)]

    assert found("b/1.txt") == ["b/1.txt"]
    assert found("b") == ["b/1.txt", "b/2.md", "b/c/3.jsonl.zst"]
    assert found("b/*.md") == ["b/2.md"]
    with pytest.raises(CorpusError, match="no file at"):
        found("absent/*.md")
    with pytest.raises(CorpusError, match="no known format"):
        found("b/skip.pdf")
    with pytest.raises(CorpusError, match="relative to the root"):
        found("/absent/*.md")
