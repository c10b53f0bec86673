"""Clean documents of one source → its shards: tokenised in batches, each document closed by <|endoftext|>."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tramontane.corpus.documents import Document
from tramontane.corpus.manifest import Shard, Split
from tramontane.corpus.shards import Packed, ShardWriter
from tramontane.corpus.sources import Source
from tramontane.tokenizer.specials import END_OF_TEXT, IM_END, IM_START
from tramontane.tokenizer.tokenizer import Tokenizer


def id_dtype(vocab_size: int) -> str:
    return "uint16" if vocab_size <= 2**16 else "uint32"


class SourcePacker:
    """Tokenises and writes one source's documents, each to the shards of its language and split."""

    def __init__(self, source: Source, folder: Path, tokenizer: Tokenizer) -> None:
        self._source = source
        self._folder = folder
        self._tokenizer = tokenizer
        self._end = tokenizer.special_ids[END_OF_TEXT]
        self._writers: dict[tuple[str, Split], ShardWriter] = {}

    def add(self, documents: Sequence[tuple[Document, Split]]) -> None:
        plain = [document for document, _ in documents]
        packed = self._pack_prose(plain) if self._source.kind == "prose" else self._pack_chat(plain)
        for (document, split), item in zip(documents, packed, strict=True):
            self._writer(document.language, split).add(item)

    def finish(self) -> list[Shard]:
        return [shard for _, writer in sorted(self._writers.items()) for shard in writer.finish()]

    def _pack_prose(self, documents: list[Document]) -> list[Packed]:
        texts = [document.text for document in documents]
        return [
            Packed([*ids, self._end], None, len(text), len(text.encode()))
            for text, ids in zip(texts, self._tokenizer.encode_batch(texts), strict=True)
        ]

    def _pack_chat(self, documents: list[Document]) -> list[Packed]:
        conversations = [
            [msgspec.structs.asdict(message) for message in document.messages or ()] for document in documents
        ]
        encoded = self._tokenizer.encode_conversations(conversations)
        packed = []
        for messages, (ids, mask) in zip(conversations, encoded, strict=True):
            text = "".join(f"{IM_START}{m['role']}\n{m['content']}{IM_END}\n" for m in messages)
            packed.append(Packed([*ids, self._end], [*mask, False], len(text), len(text.encode())))
        return packed

    def _writer(self, language: str, split: Split) -> ShardWriter:
        if (language, split) not in self._writers:
            dtype = id_dtype(self._tokenizer.vocab_size)
            self._writers[language, split] = ShardWriter(self._folder, self._source, language, split, dtype)
        return self._writers[language, split]
