"""Clean documents of one source → its shards: tokenised in batches, each document closed by <|endoftext|>."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from tramontane.corpus.documents import Document
from tramontane.corpus.manifest import Dtype, Shard, Split
from tramontane.corpus.shards import Packed, ShardKind, ShardWriter
from tramontane.corpus.sources import Source
from tramontane.corpus.words import WordEncoder
from tramontane.tokenizer.specials import END_OF_TEXT, IM_END, IM_START
from tramontane.tokenizer.tokenizer import Tokenizer


class Encoder:
    """Documents → their stored form, of one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.dtype: Dtype = "uint16" if tokenizer.vocab_size <= 2**16 else "uint32"
        self._tokenizer = tokenizer
        self._words = WordEncoder(tokenizer, self.dtype)
        self._end = self._to_bytes([tokenizer.special_ids[END_OF_TEXT]])

    def encode_prose(self, documents: Sequence[Document]) -> list[Packed]:
        texts = [document.text for document in documents]
        return [
            Packed(ids + self._end, None, len(text), len(text.encode()))
            for text, ids in zip(texts, self._words.encode(texts), strict=True)
        ]

    def encode_chat(self, documents: Sequence[Document]) -> list[Packed]:
        """The text counted is the conversation's in the ChatML template, as the ids have it."""
        conversations = [[msgspec.structs.asdict(message) for message in d.messages or ()] for d in documents]
        packed = []
        encoded = self._tokenizer.encode_conversations(conversations)
        for messages, (ids, mask) in zip(conversations, encoded, strict=True):
            text = "".join(f"{IM_START}{m['role']}\n{m['content']}{IM_END}\n" for m in messages)
            stored = self._to_bytes(ids) + self._end
            packed.append(Packed(stored, bytes([*mask, False]), len(text), len(text.encode())))
        return packed

    def _to_bytes(self, ids: list[int]) -> bytes:
        return np.array(ids, np.dtype(self.dtype).newbyteorder("<")).tobytes()


class SourcePacker:
    """Writes one source's documents, each to the shards of its language and split."""

    def __init__(self, source: Source, folder: Path, encoder: Encoder) -> None:
        self._source, self._folder, self._encoder = source, folder, encoder
        self._writers: dict[tuple[str, Split], ShardWriter] = {}

    def add(self, documents: Sequence[tuple[Document, Split]]) -> None:
        encode = self._encoder.encode_prose if self._source.kind == "prose" else self._encoder.encode_chat
        packed = encode([document for document, _ in documents])
        for (document, split), item in zip(documents, packed, strict=True):
            self._writer(document.language, split).add(item)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def finish(self) -> list[Shard]:
        return [shard for _, writer in sorted(self._writers.items()) for shard in writer.finish()]

    def _writer(self, language: str, split: Split) -> ShardWriter:
        if (language, split) not in self._writers:
            kind = ShardKind(self._source, language, split, self._encoder.dtype)
            self._writers[language, split] = ShardWriter(self._folder, kind)
        return self._writers[language, split]
