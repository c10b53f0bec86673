"""The declaration of a corpus: a small TOML file that names every source, its licence and its language.

validation = 0.005        # optional: the part of each language's documents that is held out

[[source]]
name = "novels"
path = "novels/*.jsonl.zst"   # a file, a folder or a glob, relative to the root
licence = "Public-Domain"
language = "en"               # fr, en, or mixed: then each record's "lang" says which
kind = "prose"                # prose or chat
limit = 10000                 # optional: the most documents that are kept
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tramontane.common.errors import CorpusError

Kind = Literal["prose", "chat"]
KINDS: tuple[Kind, ...] = ("prose", "chat")
LANGUAGES = ("fr", "en")
MIXED = "mixed"

FORMATS = (".jsonl", ".ndjson", ".parquet", ".txt", ".md", ".markdown")
COMPRESSIONS = (".zst", ".gz")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[source]]` table."""

    name: str
    path: str
    licence: str
    language: Literal["fr", "en", "mixed"]
    kind: Kind
    limit: int | None = None


class _SourcesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: tuple[Source, ...]
    validation: float = 0.005


@dataclass(frozen=True)
class Declaration:
    """Every source in its order, and the part (0 to 0.5) of the documents held out for validation."""

    sources: tuple[Source, ...]
    validation: float


def read_declaration(path: Path) -> Declaration:
    """The sources that the TOML file at `path` declares; CorpusError says which field is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        declared = msgspec.convert(tomllib.loads(text), _SourcesFile)
    except FileNotFoundError as error:
        raise CorpusError(
            f"There is no sources file at {path}: give the TOML file that declares them."
        ) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise CorpusError(f"The sources file {path} cannot be used: {error}; correct that field.") from error
    if not declared.source:
        raise CorpusError(f"The sources file {path} declares no [[source]]: add at least one.")
    if not 0 <= declared.validation <= 0.5:
        raise CorpusError(
            f"validation = {declared.validation} in {path} is not between 0 and 0.5: correct it."
        )
    _check_sources(declared.source, path)
    return Declaration(declared.source, declared.validation)


def _check_sources(sources: tuple[Source, ...], path: Path) -> None:
    seen: set[str] = set()
    for source in sources:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", source.name):
            raise CorpusError(
                f"The source name {source.name!r} in {path} cannot name files: use letters, digits, hyphens."
            )
        if source.name in seen:
            raise CorpusError(f"The source {source.name!r} stands twice in {path}: give each its own name.")
        if source.limit is not None and source.limit < 1:
            raise CorpusError(
                f"limit = {source.limit} of source {source.name!r} in {path} must be at least 1."
            )
        if not source.licence.strip():
            raise CorpusError(f"The source {source.name!r} in {path} has no licence: write its SPDX name.")
        seen.add(source.name)


def file_format(path: Path) -> str | None:
    """The format that a file's name declares, compression aside (`a.jsonl.zst` → `.jsonl`), or None."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in FORMATS else None


def source_files(source: Source, root: Path) -> list[Path]:
    """The source's files in a fixed order: the file, a folder's files of known formats, a glob's matches."""
    path = root / source.path
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file() and file_format(file))
    else:
        found = _glob(root, source)
    if not found:
        raise CorpusError(f"The source {source.name!r} has no file at {path}: correct its path, or --root.")
    for file in found:
        if file_format(file) is None:
            raise CorpusError(
                f"The file {file} of source {source.name!r} is of no known format: "
                f"use {', '.join(FORMATS)}, alone or with {' or '.join(COMPRESSIONS)}."
            )
    return found


def _glob(root: Path, source: Source) -> list[Path]:
    try:
        return sorted(file for file in root.glob(source.path) if file.is_file())
    except (ValueError, NotImplementedError) as error:
        raise CorpusError(
            f"The path {source.path!r} of source {source.name!r} must be relative to the root: {error}."
        ) from error
