"""Training a tokenizer: byte-level BPE over the words of Qwen2's split pattern.

llama.cpp knows that pattern by the name `qwen2`, so a GGUF of our models needs no change there.
"""

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend

from tramontane.common.errors import TokenizerError
from tramontane.tokenizer.specials import SPECIALS
from tramontane.tokenizer.tokenizer import Tokenizer

# verbatim from Qwen2's tokenizer
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MIN_VOCAB_SIZE = 256 + len(SPECIALS)


def new_backend(model: models.BPE | None = None) -> Backend:
    """An untrained byte-level BPE of Qwen2's kind.

    Unlike Qwen2 it has no NFC normaliser: any text then decodes to exactly what was encoded. NFC is the
    corpus room's work, once, where texts are cleaned.
    """
    backend = Backend(model or models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    return backend


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A tokenizer of exactly `vocab_size` tokens: the specials (ids 0 to 10), all 256 bytes, then merges.

    The same texts in the same order give the same tokenizer. Where they are too few for so many merges,
    unused special tokens fill the rest, so that the size is what a model's config says.
    """
    if vocab_size < MIN_VOCAB_SIZE:
        raise TokenizerError(
            f"A vocabulary of {vocab_size} is too small: give at least {MIN_VOCAB_SIZE} "
            "(256 bytes and the special tokens)."
        )
    backend = new_backend()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    missing = vocab_size - backend.get_vocab_size()
    backend.add_special_tokens(
        [AddedToken(f"<|unused_{index}|>", special=True, normalized=False) for index in range(missing)]
    )
    return Tokenizer.ours(backend)
