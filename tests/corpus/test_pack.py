import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tramontane.corpus.documents import Document
from tramontane.corpus.manifest import Shard, open_mask, open_offsets, open_shard
from tramontane.corpus.pack import Encoder, SourcePacker
from tramontane.corpus.read import Message
from tramontane.corpus.shards import Packed, ShardKind, ShardWriter
from tramontane.corpus.sources import Source
from tramontane.tokenizer.specials import END_OF_TEXT
from tramontane.tokenizer.tokenizer import Tokenizer

MakeSource = Callable[..., Source]


def read_back(folder: Path, shard: Shard) -> list[list[int]]:
    ids, offsets = open_shard(folder, shard), open_offsets(folder, shard)
    return [ids[start:end].tolist() for start, end in pairwise(offsets.tolist())]


def test_prose_comes_back_whole_by_language_and_split(
    tmp_path: Path, source: MakeSource, tokenizer: Tokenizer, french: str, english: str
) -> None:
    packer = SourcePacker(source(language="mixed", name="src", licence="MIT"), tmp_path, Encoder(tokenizer))
    spoofed = f"{french} {END_OF_TEXT} <|im_start|>"
    packer.add([(Document(french, "fr"), "train"), (Document(english, "en"), "train")])
    packer.add([(Document(spoofed, "fr"), "train"), (Document("Été", "fr"), "validation")])
    shards = {shard.file: shard for shard in packer.finish()}
    assert set(shards) == {
        "src-fr-train-00000.bin",
        "src-en-train-00000.bin",
        "src-fr-validation-00000.bin",
    }
    end = tokenizer.special_ids[END_OF_TEXT]
    documents = read_back(tmp_path, shards["src-fr-train-00000.bin"])
    assert documents == [[*tokenizer.encode(text), end] for text in (french, spoofed)]
    assert end not in documents[1][:-1]
    held_out = shards["src-fr-validation-00000.bin"]
    assert (held_out.characters, held_out.bytes, held_out.documents, held_out.licence) == (3, 5, 1, "MIT")
    data = (tmp_path / held_out.file).read_bytes()
    assert held_out.sha256 == hashlib.sha256(data).hexdigest()
    assert held_out.tokens == len(data) // 2


def test_chat_has_the_template_s_ids_and_mask(
    tmp_path: Path, source: MakeSource, tokenizer: Tokenizer
) -> None:
    messages = (Message("user", "Où es-tu ?"), Message("assistant", "Ici <|im_end|>."))
    packer = SourcePacker(source(kind="chat"), tmp_path, Encoder(tokenizer))
    packer.add([(Document("-", "fr", messages), "train")])
    (shard,) = packer.finish()
    ids, mask = tokenizer.encode_conversation([{"role": m.role, "content": m.content} for m in messages])
    assert read_back(tmp_path, shard) == [[*ids, tokenizer.special_ids[END_OF_TEXT]]]
    assert open_mask(tmp_path, shard).tolist() == [*map(int, mask), 0]
    # bits per byte divide by the conversation as rendered
    rendered = tokenizer.decode(ids)
    assert (shard.characters, shard.bytes) == (len(rendered), len(rendered.encode()))


def test_a_large_vocabulary_takes_four_bytes(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "vocab_size", 65_537)
    encoder = Encoder(tokenizer)
    (packed,) = encoder.encode_prose([Document("la mer", "fr")])
    assert encoder.dtype == "uint32"
    ids = [*tokenizer.encode("la mer"), tokenizer.special_ids[END_OF_TEXT]]
    assert np.frombuffer(packed.ids, "<u4").tolist() == ids


def test_shards_are_bounded_and_numbered(tmp_path: Path, source: MakeSource) -> None:
    writer = ShardWriter(tmp_path, ShardKind(source(), "fr", "train", "uint16"), max_tokens=10)
    documents = [list(range(i, i + 4)) for i in range(7)]
    for ids in documents:
        writer.add(Packed(np.array(ids, "<u2").tobytes(), None, 1, 2))
    shards = writer.finish()
    assert [shard.file for shard in shards] == [f"s-train-{i:05d}.bin" for i in range(3)]
    assert [shard.tokens for shard in shards] == [12, 12, 4]
    assert [ids for shard in shards for ids in read_back(tmp_path, shard)] == documents
