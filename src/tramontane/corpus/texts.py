"""Clean texts for whoever learns from words alone: the tokenizer's training."""

from collections.abc import Iterator
from pathlib import Path

from tramontane.corpus.documents import clean_record
from tramontane.corpus.fingerprint import text_key
from tramontane.corpus.read import iter_documents
from tramontane.corpus.sources import read_declaration


def iter_training_texts(sources: Path, root: Path, fraction: float = 1.0) -> Iterator[str]:
    """The cleaned text of every document, conversations as their contents one below the other.

    `fraction` (0 to 1) takes that part of the documents, the same ones every time: those whose hash is low.
    """
    for source in read_declaration(sources).sources:
        for record in iter_documents(source, root):
            document = clean_record(record, source)
            if not isinstance(document, str) and text_key(document.text) < fraction * 2**64:
                yield document.text
