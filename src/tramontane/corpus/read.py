"""Files → records, streamed: at no moment is more than one line or one row group's slice in memory."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import zstandard

from tramontane.common.errors import CorpusError
from tramontane.corpus.sources import Source, file_format, source_files

MAX_LINE_BYTES = 64 * 1024 * 1024
# A longer text is cut at paragraph ends: bounded memory, and no model here sees this much at once.
MAX_DOCUMENT_CHARACTERS = 500_000
PARQUET_ROWS = 256


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str


class Record(msgspec.Struct, frozen=True):
    """A document as a file holds it: either `text` or `messages`; other fields are passed over."""

    text: str | None = None
    messages: tuple[Message, ...] | None = None
    lang: str | None = None


@dataclass(frozen=True)
class Unreadable:
    """A line or file that held no record."""


@dataclass
class ReadingPosition:
    """How many bytes on disk have been read, for the progress bar."""

    finished: int = 0
    _open: list[io.BufferedReader] = field(default_factory=list)

    @property
    def bytes_read(self) -> int:
        return self.finished + sum(file.tell() for file in self._open)

    def opened(self, file: io.BufferedReader) -> None:
        self._open.append(file)

    def closing(self, file: io.BufferedReader, size: int) -> None:
        self._open.remove(file)
        self.finished += size


def iter_documents(
    source: Source, root: Path, position: ReadingPosition | None = None
) -> Iterator[Record | Unreadable]:
    """Every record of the source's files, in order; what cannot be read is yielded as Unreadable."""
    position = position or ReadingPosition()
    for path in source_files(source, root):
        with path.open("rb") as raw:
            position.opened(raw)
            try:
                for record in _iter_file(path, raw):
                    yield from _pieces(record)
            except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
                raise CorpusError(f"The file {path} is damaged ({error}): fetch it again.") from error
            finally:
                position.closing(raw, path.stat().st_size)


def _iter_file(path: Path, raw: io.BufferedReader) -> Iterator[Record | Unreadable]:
    form = file_format(path)
    if form == ".parquet":
        return _iter_parquet(path, raw)
    stream = _decompressed(path, raw)
    if form in (".jsonl", ".ndjson"):
        return _iter_json_lines(stream)
    return _iter_text(stream, markdown=form != ".txt")


def _decompressed(path: Path, raw: io.BufferedReader) -> io.BufferedReader:
    suffix = path.suffix.lower()
    if suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True))
    if suffix == ".gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    return raw


def _iter_json_lines(stream: io.BufferedReader) -> Iterator[Record | Unreadable]:
    decoder = msgspec.json.Decoder(Record)
    while line := stream.readline(MAX_LINE_BYTES):
        complete = line.endswith(b"\n") or len(line) < MAX_LINE_BYTES
        while not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
            line = stream.readline(MAX_LINE_BYTES)
        if not complete:
            yield Unreadable()
        elif line.strip():
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                yield Unreadable()


def _iter_parquet(path: Path, raw: io.BufferedReader) -> Iterator[Record | Unreadable]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(raw, pre_buffer=False)
        columns = [name for name in ("text", "messages", "lang") if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=columns):
            for row in batch.to_pylist():
                try:
                    yield msgspec.convert(row, Record)
                except msgspec.ValidationError:
                    yield Unreadable()
    except pyarrow.ArrowException as error:
        raise CorpusError(f"The file {path} is not whole Parquet ({error}): fetch it again.") from error


_FRONT_MATTER = re.compile(r"\A---\r?\n.{0,20000}?\n---\r?\n", re.DOTALL)


def _iter_text(stream: io.BufferedReader, markdown: bool) -> Iterator[Record | Unreadable]:
    """One document a file; a Markdown file's YAML front matter is no text of it."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
    rest, first = "", True
    try:
        while block := text.read(MAX_DOCUMENT_CHARACTERS):
            if first and markdown:
                block = _FRONT_MATTER.sub("", block)
            first = False
            *pieces, rest = cut_text(rest + block)
            yield from (Record(text=piece) for piece in pieces)
        if rest.strip():
            yield Record(text=rest)
    except UnicodeDecodeError:
        yield Unreadable()
    finally:
        text.detach()  # the file below is closed by whoever opened it


def _pieces(record: Record | Unreadable) -> Iterator[Record | Unreadable]:
    if isinstance(record, Record) and record.text and len(record.text) > MAX_DOCUMENT_CHARACTERS:
        for piece in cut_text(record.text):
            yield Record(text=piece, lang=record.lang)
    else:
        yield record


def cut_text(text: str) -> list[str]:
    """`text` in pieces of at most MAX_DOCUMENT_CHARACTERS, cut at a paragraph's, line's or word's end."""
    pieces = []
    start = 0
    while len(text) - start > MAX_DOCUMENT_CHARACTERS:
        limit = start + MAX_DOCUMENT_CHARACTERS
        ends = (text.rfind(mark, start + MAX_DOCUMENT_CHARACTERS // 2, limit) for mark in ("\n\n", "\n", " "))
        end = next((found + 1 for found in ends if found > 0), limit)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]
