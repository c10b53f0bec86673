"""The whole way: declared sources → clean, new documents → packed shards and their manifest."""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tramontane.common.errors import CorpusError
from tramontane.corpus.documents import Document, clean_record
from tramontane.corpus.duplicates import Deduplicator
from tramontane.corpus.fingerprint import fingerprint
from tramontane.corpus.manifest import Manifest, Shard, Split, write_manifest
from tramontane.corpus.pack import Encoder, SourcePacker
from tramontane.corpus.read import ReadingPosition, iter_documents
from tramontane.corpus.sources import Declaration, Source, read_declaration, source_files
from tramontane.tokenizer.specials import END_OF_TEXT
from tramontane.tokenizer.tokenizer import Tokenizer

BATCH_CHARACTERS = 1_000_000
BATCH_DOCUMENTS = 4_096

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far the build is: the source in hand, bytes on disk read, documents kept."""

    source: str
    bytes_read: int
    bytes_total: int
    documents: int


Report = Callable[[Progress], None]


def build_corpus(
    sources: Path, root: Path, out: Path, tokenizer: Tokenizer, progress: Report = lambda _: None
) -> Manifest:
    """Read, clean, deduplicate, split and pack every source of the TOML file `sources` into the folder `out`.

    Paths in it are relative to `root`. `out` must not exist yet; it appears when everything is in it.
    Raise CorpusError for a source that cannot be read, or of which nothing is left.
    """
    if out.exists():
        raise CorpusError(f"The folder {out} exists: remove it, or give another for the new corpus.")
    if END_OF_TEXT not in tokenizer.special_ids:
        raise CorpusError(
            f"The tokenizer has no {END_OF_TEXT} to end documents with: train one for this corpus."
        )
    declaration = read_declaration(sources)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    build = _Build(declaration, root, partial, tokenizer)
    for source in declaration.sources:
        build.add_source(source, progress)
    manifest = build.manifest()
    write_manifest(partial, manifest)
    partial.rename(out)
    return manifest


class _Build:
    """What the sources share: the duplicate index, the counts, and the shards so far."""

    def __init__(self, declaration: Declaration, root: Path, out: Path, tokenizer: Tokenizer) -> None:
        self._root, self._out, self._tokenizer = root, out, tokenizer
        files = (file for source in declaration.sources for file in source_files(source, root))
        self._bytes_total = sum(file.stat().st_size for file in files)
        self._position = ReadingPosition()
        self._encoder = Encoder(tokenizer)
        self._deduplicator = Deduplicator(declaration.validation)
        self._shards: list[Shard] = []
        self._kept: Counter[str] = Counter()
        self._masked: Counter[str] = Counter()
        self._dropped: dict[str, Counter[str]] = {}

    def add_source(self, source: Source, report: Report) -> None:
        self._dropped[source.name] = Counter()
        with closing(SourcePacker(source, self._out, self._encoder)) as packer:
            self._pack_batches(source, packer, report)
            self._shards += packer.finish()
        if not self._kept[source.name]:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self._dropped[source.name].items())
            raise CorpusError(
                f"Of the source {source.name!r} no document is left ({reasons or 'it is empty'}): "
                "correct its declaration or leave it out."
            )

    def _pack_batches(self, source: Source, packer: SourcePacker, report: Report) -> None:
        """One batch is tokenised and written while the next is read and compared."""
        with ThreadPoolExecutor(1) as background:
            packing: Future[None] | None = None
            for batch in self._batches(source):
                new = self._select(source, batch)
                if packing is not None:
                    packing.result()
                packing = background.submit(packer.add, new)
                read = self._position.bytes_read
                report(Progress(source.name, read, self._bytes_total, self._kept.total()))
                if source.limit is not None and self._kept[source.name] >= source.limit:
                    break
            if packing is not None:
                packing.result()

    def _batches(self, source: Source) -> Iterator[list[Document]]:
        batch: list[Document] = []
        characters = 0
        for record in iter_documents(source, self._root, self._position):
            document = clean_record(record, source)
            if isinstance(document, str):
                self._dropped[source.name][document] += 1
                continue
            batch.append(document)
            characters += len(document.text)
            if characters >= BATCH_CHARACTERS or len(batch) >= BATCH_DOCUMENTS:
                yield batch
                batch, characters = [], 0
        if batch:
            yield batch

    def _select(self, source: Source, batch: list[Document]) -> list[tuple[Document, Split]]:
        """The batch's new documents with their splits, at most as many as the source's limit leaves."""
        keys_NK = fingerprint([document.text for document in batch])
        languages = [document.language for document in batch]
        room = None if source.limit is None else source.limit - self._kept[source.name]
        judgement = self._deduplicator.judge(source.kind, languages, keys_NK, room)
        self._dropped[source.name].update(judgement.dropped)
        self._kept[source.name] += len(judgement.kept)
        self._masked[source.name] += sum(batch[i].masked for i in judgement.kept)
        return [(batch[i], split) for i, split in judgement.kept.items()]

    def manifest(self) -> Manifest:
        if forgotten := self._deduplicator.forgotten:
            logger.warning("The duplicate index was full: %d of its oldest keys were forgotten.", forgotten)
        return Manifest(
            dtype=self._encoder.dtype,
            vocab_size=self._tokenizer.vocab_size,
            tokenizer_sha256=self._tokenizer.sha256,
            end_of_text_id=self._tokenizer.special_ids[END_OF_TEXT],
            shards=tuple(self._shards),
            kept=dict(self._kept),
            dropped={source: dict(reasons) for source, reasons in self._dropped.items()},
            masked={source: count for source, count in self._masked.items() if count},
        )
