import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tramontane.common.errors import CorpusError
from tramontane.corpus import build as build_module
from tramontane.corpus.build import Progress, build_corpus
from tramontane.corpus.duplicates import EXACT, NEAR
from tramontane.corpus.manifest import Manifest, open_offsets, open_shard, read_manifest
from tramontane.corpus.texts import iter_training_texts
from tramontane.tokenizer.specials import END_OF_TEXT
from tramontane.tokenizer.tokenizer import Tokenizer

Write = Callable[..., Path]
MakeText = Callable[..., str]


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def texts_in(folder: Path, manifest: Manifest, tokenizer: Tokenizer) -> list[str]:
    texts = []
    for shard in manifest.shards:
        ids, offsets = open_shard(folder, shard, manifest.dtype), open_offsets(folder, shard)
        for start, end in pairwise(offsets.tolist()):
            assert ids[end - 1] == manifest.end_of_text_id
            texts.append(tokenizer.decode(ids[start : end - 1].tolist()))
    return texts


@pytest.mark.parametrize("batch_documents", [7, 4096])
def test_the_whole_way(
    tmp_path: Path,
    declare: Write,
    write_jsonl: Write,
    make_text: MakeText,
    tokenizer: Tokenizer,
    english: str,
    monkeypatch: pytest.MonkeyPatch,
    batch_documents: int,
) -> None:
    monkeypatch.setattr(build_module, "BATCH_DOCUMENTS", batch_documents)
    texts = [make_text(seed) for seed in range(60)]
    nearly = texts[3].replace(" les ", " ces ", 1)
    rows = [{"text": text} for text in (*texts, texts[5], nearly, english, " ", "contact a@b.org")]
    write_jsonl("prose.jsonl", rows)
    dialogues = [chat(f"Dis-moi quelque chose : {i} ?", make_text(1000 + i)) for i in range(10)]
    write_jsonl("chat.jsonl", [*dialogues, dialogues[0], {"messages": []}])
    sources = declare(
        {"name": "prose", "path": "prose.jsonl"}, {"name": "chat", "path": "chat.jsonl", "kind": "chat"}
    )
    reports: list[Progress] = []
    out = tmp_path / "out"
    manifest = build_corpus(sources, tmp_path, out, tokenizer, reports.append)

    assert manifest == read_manifest(out)
    assert manifest.kept == {"prose": 61, "chat": 10}
    assert manifest.dropped["prose"] == {EXACT: 1, NEAR: 1, "wrong language": 1, "empty": 1}
    assert manifest.dropped["chat"] == {EXACT: 1, "not a conversation": 1}
    assert manifest.masked == {"prose": 1}
    assert manifest.tokenizer_sha256 == tokenizer.sha256
    assert manifest.end_of_text_id == tokenizer.special_ids[END_OF_TEXT]
    stored = texts_in(out, manifest, tokenizer)
    prose = [text for text in stored if "<|im_start|>" not in text]
    assert sorted(prose) == sorted([*texts, "contact email@example.com"])
    assert len(stored) == 71
    assert {(s.kind, s.split) for s in manifest.shards} == {
        (kind, split) for kind in ("prose", "chat") for split in ("train", "validation")
    }
    assert (
        reports[-1].bytes_read
        == reports[-1].bytes_total
        == sum(p.stat().st_size for p in tmp_path.glob("*.jsonl"))
    )
    assert reports[-1].documents == 71
    assert not list(tmp_path.glob("*.partial"))


def test_same_sources_same_bytes(
    tmp_path: Path, declare: Write, write_jsonl: Write, make_text: MakeText, tokenizer: Tokenizer
) -> None:
    write_jsonl("a.jsonl", ({"text": make_text(seed)} for seed in range(30)))
    sources = declare({"name": "a", "path": "a.jsonl"})
    first, second = (build_corpus(sources, tmp_path, tmp_path / name, tokenizer) for name in ("one", "two"))
    assert first == second


def test_the_limit_counts_kept_documents(
    tmp_path: Path, declare: Write, write_jsonl: Write, make_text: MakeText, tokenizer: Tokenizer
) -> None:
    rows = [{"text": make_text(seed // 2)} for seed in range(40)]
    write_jsonl("a.jsonl", rows)
    sources = declare({"name": "a", "path": "a.jsonl", "limit": 5})
    manifest = build_corpus(sources, tmp_path, tmp_path / "out", tokenizer)
    assert manifest.kept == {"a": 5}
    assert sum(shard.documents for shard in manifest.shards) == 5


def test_a_source_without_a_usable_document_stops_the_build(
    tmp_path: Path, declare: Write, write_jsonl: Write, tokenizer: Tokenizer
) -> None:
    write_jsonl("a.jsonl", [{"txt": "oui"}, {"txt": "non"}])
    sources = declare({"name": "a", "path": "a.jsonl"})
    with pytest.raises(CorpusError, match=r"'a' no document is left \(2 empty\)"):
        build_corpus(sources, tmp_path, tmp_path / "out", tokenizer)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_damaged_further_on_stops_the_build(
    tmp_path: Path, declare: Write, make_text: MakeText, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "BATCH_DOCUMENTS", 10)
    lines = "".join(json.dumps({"text": make_text(seed)}) + "\n" for seed in range(50))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-9])
    sources = declare({"name": "a", "path": "a.jsonl.gz"})
    with pytest.raises(CorpusError, match=r"a\.jsonl\.gz is damaged"):
        build_corpus(sources, tmp_path, tmp_path / "out", tokenizer)
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_left_alone(tmp_path: Path, declare: Write, tokenizer: Tokenizer) -> None:
    sources = declare({"name": "a", "path": "a.jsonl"})
    with pytest.raises(CorpusError, match="exists: remove it"):
        build_corpus(sources, tmp_path, tmp_path, tokenizer)


def test_training_texts_are_clean_and_sampled_the_same_way_every_time(
    tmp_path: Path, declare: Write, write_jsonl: Write, make_text: MakeText
) -> None:
    write_jsonl("a.jsonl", [{"text": f" {make_text(seed)} "} for seed in range(400)] + [{"text": ""}])
    write_jsonl("b.jsonl", [chat("Bonjour", "Salut")])
    sources = declare({"name": "a", "path": "a.jsonl"}, {"name": "b", "path": "b.jsonl", "kind": "chat"})
    everything = list(iter_training_texts(sources, tmp_path))
    assert everything == [*(make_text(seed) for seed in range(400)), "Bonjour\nSalut"]
    some = list(iter_training_texts(sources, tmp_path, fraction=0.25))
    assert some == list(iter_training_texts(sources, tmp_path, fraction=0.25))
    assert set(some) < set(everything)
    assert 60 < len(some) < 140


def test_the_declared_sources_of_brise_are_well_formed() -> None:
    from tramontane.corpus.sources import read_declaration

    recipe = Path(__file__).parents[2] / "recipes" / "brise_sources.toml"
    declaration = read_declaration(recipe)
    assert len(declaration.sources) > 40
    assert {source.language for source in declaration.sources} == {"fr", "en", "mixed"}
