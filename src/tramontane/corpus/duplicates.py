"""Which documents are new, which repeat another, and which are held out for validation.

Documents are compared within their kind: a dialogue about a story may repeat the story. Duplicates are dropped
before the split, so that a held-out document has no near duplicate of its own kind in train; one of the other kind
is dropped if it comes later, and keeps the document itself in train if it came earlier.
"""

import numpy as np

from tramontane.corpus.fingerprint import Keys
from tramontane.corpus.keyset import KeySet
from tramontane.corpus.manifest import Split
from tramontane.corpus.sources import KINDS, Kind

EXACT = "exact duplicate"
NEAR = "near duplicate"
HELD_OUT = "near duplicate of a held-out document"

CAPACITY = 24_000_000  # keys a kind: 192 MB, 1.6 million documents


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

    def judge(self, kind: Kind, languages: list[str], keys_NK: Keys) -> list[Split | str]:
        """For each document in order: its split, or EXACT, NEAR or HELD_OUT, why it is dropped."""
        seen_NK = self._kept[kind].contains(keys_NK)
        held_out_N = self._held_out.contains(keys_NK).any(axis=1)
        other: Kind = "chat" if kind == "prose" else "prose"
        foreign_N = self._kept[other].contains(keys_NK).any(axis=1)
        verdicts: list[Split | str] = []
        batch: set[int] = set()
        for i, keys in enumerate(keys_NK.tolist()):
            if seen_NK[i, 0] or keys[0] in batch:
                verdicts.append(EXACT)
            elif seen_NK[i].any() or not batch.isdisjoint(keys):
                verdicts.append(NEAR)
            elif held_out_N[i]:
                verdicts.append(HELD_OUT)
            else:
                batch.update(keys)
                verdicts.append(self._split(kind, languages[i], keys[0], bool(foreign_N[i])))
        self._remember(kind, keys_NK, np.array(verdicts))
        return verdicts

    def _split(self, kind: Kind, language: str, key: int, foreign: bool) -> Split:
        """By the text's hash; the first document of each kind and language is held out whatever its hash."""
        first = (kind, language) not in self._languages_held_out
        if foreign or not self._validation_below or not (key < self._validation_below or first):
            return "train"
        self._languages_held_out.add((kind, language))
        return "validation"

    def _remember(
        self, kind: Kind, keys_NK: Keys, verdicts: np.ndarray[tuple[int], np.dtype[np.str_]]
    ) -> None:
        held_out = verdicts == "validation"
        self._kept[kind].add(keys_NK[held_out | (verdicts == "train")])
        self._held_out.add(keys_NK[held_out])
