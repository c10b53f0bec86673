"""Texts → duplicate keys: one for the text itself, and MinHash band keys of its five-word shingles.

Two texts that share a band key are near duplicates: with 14 bands of 8 rows, pairs of Jaccard similarity 0.5,
0.75, 0.8, 0.9 meet with probability 5 %, 77 %, 92 %, 99.9 % (Broder 1997; as FineWeb, Penedo et al. 2024).
All work is vectorised over a batch of texts. Shape legend: N texts, W words, S shingles, K = 1 + BANDS keys.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

BANDS, ROWS = 14, 8
SHINGLE_WORDS = 5
SEED = 42
MAX_CHARACTERS = 500_000  # of a text are compared: bounded memory

Keys = NDArray[np.uint64]

_rng = np.random.default_rng(SEED)
_BYTE_WEIGHTS = _rng.integers(1, 2**63, size=64, dtype=np.uint64) | np.uint64(1)
_WORD_WEIGHTS = _rng.integers(1, 2**63, size=SHINGLE_WORDS, dtype=np.uint64) | np.uint64(1)
_BAND_WEIGHTS = _rng.integers(1, 2**63, size=ROWS, dtype=np.uint64) | np.uint64(1)
_BAND_SALTS = _rng.integers(1, 2**63, size=BANDS, dtype=np.uint64)

# A word is a run of ASCII letters and digits and of any bytes beyond ASCII: quick, and the same everywhere.
_IS_WORD = np.zeros(256, dtype=bool)
_IS_WORD[[*range(ord("0"), ord("9") + 1), *range(ord("a"), ord("z") + 1), *range(128, 256)]] = True


def fingerprint(texts: list[str]) -> Keys:
    """(N, K) keys: column 0 is the exact text's; a text of under five words has that key in every column."""
    exact_N = np.array([text_key(text) for text in texts], dtype=np.uint64)
    hashes_W, owner_W = _words(texts)
    shingles_S, owner_S = _shingles(hashes_W, owner_W)
    bounds = np.searchsorted(owner_S, np.arange(len(texts) + 1)).astype(np.uint64)
    digest = RMinHash.digest_matrix_from_flat_token_hashes(
        shingles_S, bounds, num_perm=BANDS * ROWS, seed=SEED
    )
    rows = np.array(digest.to_rows(), dtype=np.uint64).reshape(len(texts), BANDS, ROWS)
    bands = _mix((rows * _BAND_WEIGHTS).sum(axis=2, dtype=np.uint64) + _BAND_SALTS)
    comparable_N = bounds[1:] > bounds[:-1]
    return np.column_stack([exact_N, np.where(comparable_N[:, None], bands, exact_N[:, None])])


def text_key(text: str) -> int:
    """64 bits of BLAKE2b over the text: evenly spread, so that it also decides the split."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _words(texts: list[str]) -> tuple[Keys, NDArray[np.int64]]:
    """Hash of every word (W,) and the index of the text that it stands in (W,)."""
    encoded = [text[:MAX_CHARACTERS].lower().encode() for text in texts]
    data = np.frombuffer(b" ".join([*encoded, b""]), dtype=np.uint8)
    text_ends = np.cumsum([len(text) + 1 for text in encoded])
    is_word = _IS_WORD[data]
    edges = np.flatnonzero(np.diff(is_word, prepend=False, append=False))
    starts, lengths = edges[::2], np.diff(edges)[::2]
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    offsets = np.cumsum(lengths) - lengths
    place = np.arange(lengths.sum()) - np.repeat(offsets, lengths)
    weighted = data[is_word].astype(np.uint64) * _BYTE_WEIGHTS[place % len(_BYTE_WEIGHTS)]
    return _mix(np.add.reduceat(weighted, offsets)), np.searchsorted(text_ends, starts, side="right")


def _shingles(hashes_W: Keys, owner_W: NDArray[np.int64]) -> tuple[Keys, NDArray[np.int64]]:
    """Hash of every five consecutive words of one text (S,) and that text's index (S,)."""
    count = len(hashes_W) - SHINGLE_WORDS + 1
    if count < 1:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    hashes = np.zeros(count, np.uint64)
    for place, weight in enumerate(_WORD_WEIGHTS):
        hashes += hashes_W[place : place + count] * weight
    inside = owner_W[:count] == owner_W[SHINGLE_WORDS - 1 :]
    return _mix(hashes[inside]), owner_W[:count][inside]


def _mix(values: Keys) -> Keys:
    """The finaliser of SplitMix64 (Steele et al. 2014): each bit of the result depends on every bit given."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
