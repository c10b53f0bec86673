import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tramontane.corpus.sources import Source
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import train_tokenizer

# a busy machine is no failure: pytest's own time limit catches what hangs
settings.register_profile("tramontane", deadline=None)
settings.load_profile("tramontane")

FRENCH = (
    "Le vent du nord souffle sur la vallée et chasse les nuages vers la mer. Les bateaux restent au port, "
    "et les pêcheurs réparent leurs filets dans les ruelles. On dit que ce vent rend fou, mais les enfants "
    "courent avec lui. Il est tombé pour la nuit, et nous avons pu dormir sans bruit."
)
ENGLISH = (
    "The north wind blows down the valley and drives the clouds to the sea. The boats stay in the harbour, "
    "and the fishermen mend their nets in the lanes. They say that this wind makes you mad, but it is the "
    "children who run with it. It fell for the night, and that was what we had waited for."
)
WORDS = sorted(set((FRENCH + " " + ENGLISH).replace(".", "").replace(",", "").split()))


@pytest.fixture(scope="session")
def french() -> str:
    return FRENCH


@pytest.fixture(scope="session")
def english() -> str:
    return ENGLISH


@pytest.fixture(scope="session")
def make_text() -> Callable[..., str]:
    """French-looking text of its own for each seed: its function words settle the language."""
    common = ("et", "les", "des", "dans", "pour", "une", "est", "qui")

    def make(seed: int, words: int = 80) -> str:
        rng = random.Random(seed)
        rare = [f"{rng.choice(WORDS)}{rng.choice('abcdefgh')}{rng.choice('aeiou')}" for _ in range(words)]
        return " ".join(rng.choice(common) if i % 3 == 0 else word for i, word in enumerate(rare))

    return make


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer([FRENCH, ENGLISH] * 5, 512)


@pytest.fixture
def source() -> Callable[..., Source]:
    def build(**fields: Any) -> Source:
        defaults = {"name": "s", "path": "s.jsonl", "licence": "CC0-1.0", "language": "fr", "kind": "prose"}
        return Source(**{**defaults, **fields})

    return build


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[[str, Iterable[Any]], Path]:
    def write(name: str, records: Iterable[Any]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return path

    return write


@pytest.fixture
def declare(tmp_path: Path) -> Callable[..., Path]:
    """Write a sources file from dicts, one a source, beside the data in the test's folder."""

    def write(*sources: dict[str, Any], validation: float = 0.2) -> Path:
        lines = [f"validation = {validation}"]
        for fields in sources:
            full = {"licence": "CC0-1.0", "language": "fr", "kind": "prose", **fields}
            lines += ["[[source]]", *(f"{key} = {json.dumps(value)}" for key, value in full.items())]
        path = tmp_path / "sources.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write
