import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tramontane.corpus.manifest import Manifest, Shard, Split, write_manifest
from tramontane.corpus.sources import Kind
from tramontane.tokenizer.specials import END_OF_TEXT
from tramontane.tokenizer.tokenizer import Tokenizer

torch.set_num_threads(1)

WORDS = ["le", "vent", "où", "souffle", "l'été", "sur", "la", "plaine", "lune", "the", "wind", "blows"]
CONTEXT = 24


def prose(number: int, words: int) -> str:
    return " ".join(WORDS[(number * 7 + index * index) % len(WORDS)] for index in range(words))


@pytest.fixture(scope="session")
def short_model(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a context that documents do not fit into."""
    folder = shutil.copytree(tiny_model_folder, tmp_path_factory.mktemp("models") / "short")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": CONTEXT}))
    return folder


@pytest.fixture(scope="session")
def answers() -> list[str]:
    """What the assistant says first in each of the corpus' conversations; then it says "été"."""
    return [prose(number, 9) for number in range(3)]


@pytest.fixture(scope="session")
def corpus(tiny_tokenizer: Tokenizer, answers: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prose in both languages and French conversations, held out; and prose that is not."""
    folder = tmp_path_factory.mktemp("corpus")
    end = tiny_tokenizer.special_ids[END_OF_TEXT]

    def shard(language: str, split: Split, texts: Sequence[str]) -> Shard:
        documents = [[*ids, end] for ids in tiny_tokenizer.encode_batch(texts)]
        return write_shard(folder, "prose", language, split, documents, sum(len(t.encode()) for t in texts))

    texts = [prose(number, 4 + 5 * number) for number in range(5)]
    shards = [shard("fr", "validation", texts), shard("en", "validation", texts[::-1])]
    shards.append(shard("fr", "train", ["jamais vu"]))
    documents, masks = [], []
    for answer in answers:
        turns = [("user", "où ?"), ("assistant", answer), ("user", "là ?"), ("assistant", "été")]
        messages = [{"role": role, "content": content} for role, content in turns]
        ids, mask = tiny_tokenizer.encode_conversation(messages)
        documents.append([*ids, end])
        masks += [*mask, False]
    shards.append(write_shard(folder, "chat", "fr", "validation", documents, 0))
    np.array(masks, "u1").tofile(folder / "chat-fr-validation-00000.mask")
    manifest = Manifest(
        dtype="uint16",
        vocab_size=tiny_tokenizer.vocab_size,
        tokenizer_sha256=tiny_tokenizer.sha256,
        end_of_text_id=end,
        shards=tuple(shards),
        kept={},
        dropped={},
        masked={},
    )
    write_manifest(folder, manifest)
    return folder


def write_shard(
    folder: Path, kind: Kind, language: str, split: Split, documents: Sequence[Sequence[int]], size: int
) -> Shard:
    stem = folder / f"{kind}-{language}-{split}-00000"
    offsets = np.cumsum([0, *map(len, documents)])
    np.concatenate(documents).astype("<u2").tofile(stem.with_suffix(".bin"))
    offsets.astype("<u8").tofile(stem.with_suffix(".offsets"))
    return Shard(
        file=f"{stem.name}.bin",
        source=kind,
        kind=kind,
        language=language,
        licence="CC0-1.0",
        split=split,
        documents=len(documents),
        tokens=int(offsets[-1]),
        characters=size,
        bytes=size,
        sha256="",
    )
