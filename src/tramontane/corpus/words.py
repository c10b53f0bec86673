"""Tokenising prose by remembered words: the same ids as the tokenizer's own, several times quicker.

A byte-level BPE first splits text into words and never merges across them, and a corpus repeats its words:
most of the work is looking up the ids of words seen before. The split here is coarser than the tokenizer's
(Qwen2's pattern): where it cuts, that one cuts too, after a run of letters and before a space and a letter.
"""

import re
from collections.abc import Sequence
from itertools import chain

import numpy as np

from tramontane.tokenizer.tokenizer import Tokenizer

_LETTER = r"[^\W\d_]"  # every \p{L}, and a few numerals, which may stay within a piece
_OTHER = r"[\W\d_]"
_PIECE = re.compile(rf" ?{_LETTER}+|{_OTHER}+?(?= {_LETTER}|\Z)|{_OTHER}+{_LETTER}+")
MAX_REMEMBERED = 4_000_000  # characters of pieces: about 100 MB with their ids

# whether a tokenizer splits like ours is tried out on this: words, numbers, marks, white space side by side
_TRIAL = (
    " L'été, aujourd'hui — «\u00a0où\u00a0?\u00a0» dit-il (1914-18)...\n\n  It's 3.5 m², isn't it?\tI'LL\r\n"
    "def f(x):\n    return x_1 + 'd'  # a\n\n\nŒuvre  d' art !!!\n déjà 日本語テキスト e\u0301t ²a ½ "
)


class WordEncoder:
    """Encodes texts to bytes of little-endian ids; by whole texts where the tokenizer splits otherwise."""

    def __init__(self, tokenizer: Tokenizer, dtype: str) -> None:
        self._tokenizer = tokenizer
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._ids: dict[str, bytes] = {}
        self._remembered = 0
        self._by_words = self._encode_words([_TRIAL]) == self._encode_whole([_TRIAL])

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        return self._encode_words(texts) if self._by_words else self._encode_whole(texts)

    def _encode_words(self, texts: Sequence[str]) -> list[bytes]:
        pieces_of_texts = [_PIECE.findall(text) for text in texts]
        if self._remembered > MAX_REMEMBERED:
            self._ids.clear()
            self._remembered = 0
        new = sorted(set(chain.from_iterable(pieces_of_texts)) - self._ids.keys())
        self._ids.update(zip(new, self._encode_whole(new), strict=True))
        self._remembered += sum(map(len, new))
        return [b"".join(map(self._ids.__getitem__, pieces)) for pieces in pieces_of_texts]

    def _encode_whole(self, texts: Sequence[str]) -> list[bytes]:
        return [np.array(ids, self._dtype).tobytes() for ids in self._tokenizer.encode_batch(texts)]
