"""Which documents are new, which repeat another, and which are held out for validation.

Documents are compared within their kind: a dialogue about a story may repeat the story. Duplicates are
dropped before the split, so that a held-out document has no near duplicate of its own kind in train. One of
the other kind is dropped if it comes later, and keeps the document itself in train if it came earlier.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tramontane.corpus.fingerprint import Keys
from tramontane.corpus.keyset import KeySet
from tramontane.corpus.manifest import Split
from tramontane.corpus.sources import KINDS, Kind

EXACT = "exact duplicate"
NEAR = "near duplicate"
HELD_OUT = "near duplicate of a held-out document"

CAPACITY = 24_000_000  # keys a kind: 192 MB, 1.6 million documents


@dataclass(frozen=True)
class Judgement:
    """Of a batch: the kept documents' places and splits, and how many were dropped for which reason."""

    kept: dict[int, Split] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)


class Deduplicator:
    """Holds the keys of all documents kept so far, 120 bytes a document, at most `capacity` keys a kind."""

    def __init__(self, validation: float, capacity: int = CAPACITY) -> None:
        self._validation_below = int(validation * 2**64)
        self._kept: dict[Kind, KeySet] = {kind: KeySet(capacity) for kind in KINDS}
        self._held_out = KeySet(capacity)
        self._languages_held_out: set[tuple[Kind, str]] = set()

    @property
    def forgotten(self) -> int:
        return sum(keys.forgotten for keys in (*self._kept.values(), self._held_out))

    def judge(self, kind: Kind, languages: list[str], keys_NK: Keys, room: int | None = None) -> Judgement:
        """Judge a batch in its order, until `room` documents are kept."""
        seen_NK = self._kept[kind].contains(keys_NK)
        exact_N, near_N = seen_NK[:, 0], np.any(seen_NK, axis=1)
        held_out_N = np.any(self._held_out.contains(keys_NK), axis=1)
        foreign_N = np.any(self._kept["chat" if kind == "prose" else "prose"].contains(keys_NK), axis=1)
        judgement = Judgement()
        batch: set[int] = set()
        for i, keys in enumerate(keys_NK.tolist()):
            if len(judgement.kept) == room:
                break
            if exact_N[i] or keys[0] in batch:
                judgement.dropped[EXACT] += 1
            elif near_N[i] or not batch.isdisjoint(keys):
                judgement.dropped[NEAR] += 1
            elif held_out_N[i]:
                judgement.dropped[HELD_OUT] += 1
            else:
                batch.update(keys)
                judgement.kept[i] = self._split(kind, languages[i], keys[0], bool(foreign_N[i]))
        self._kept[kind].add(keys_NK[list(judgement.kept)])
        self._held_out.add(keys_NK[[i for i, split in judgement.kept.items() if split == "validation"]])
        return judgement

    def _split(self, kind: Kind, language: str, key: int, foreign: bool) -> Split:
        """By the text's hash; the first document of each kind and language is held out whatever its hash."""
        first = (kind, language) not in self._languages_held_out
        if foreign or not self._validation_below or not (key < self._validation_below or first):
            return "train"
        self._languages_held_out.add((kind, language))
        return "validation"
