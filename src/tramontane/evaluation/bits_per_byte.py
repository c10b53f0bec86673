"""Bits per byte on a corpus' held-out documents: how many bits the model needs for each byte of text.

Unlike the loss per token, it can be compared between models with different tokenizers. Special tokens are no
text: neither their bits nor their bytes count. Prose counts whole; of conversations, the assistant's words
alone. Every document starts afresh after <|endoftext|> and is cut into windows of the model's context length.

Shapes: B windows, T tokens of the longest, N scored positions, E hidden size, V vocabulary.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from tramontane.common.errors import CorpusError
from tramontane.corpus.manifest import read_manifest
from tramontane.evaluation.documents import Document, held_out_groups, sample_documents, scored_bytes
from tramontane.model.attention import CausalAttention
from tramontane.model.decoder import Decoder
from tramontane.model.folder import load_model
from tramontane.tokenizer.tokenizer import Tokenizer

BATCH_TOKENS = 2048  # of one forward pass, padding included
LOGITS_TOKENS = 512  # of one slice of logits: bounds memory where the vocabulary is large

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Score:
    """The bits that `tokens` tokens, which spell `bytes` bytes of text, took in `documents` documents."""

    language: str
    kind: str
    documents: int
    tokens: int
    bytes: int
    bits: float

    @property
    def bits_per_byte(self) -> float:
        return self.bits / self.bytes


@dataclass(frozen=True)
class Window:
    """Ids, the id that follows each, and whether that one is scored: three of (T,)."""

    ids: Tensor
    targets: Tensor
    scored: Tensor


def score_corpus(
    model: Path, corpus: Path, max_tokens: int, progress: Progress = lambda group, share: None
) -> list[Score]:
    """A score for each language and kind that the corpus holds out, each on about `max_tokens` tokens.

    `progress` hears the group at work and the share of it that is done. Raises CorpusError if the corpus was
    packed by another tokenizer than the model's, or holds nothing out.
    """
    manifest, tokenizer = read_manifest(corpus), Tokenizer.load(model)
    if manifest.tokenizer_sha256 != tokenizer.sha256:
        raise CorpusError(
            f"The corpus {corpus} was packed by another tokenizer than that of {model}: build it again "
            "with the model's folder as --tokenizer."
        )
    groups = held_out_groups(manifest)
    if not groups:
        raise CorpusError(f"The corpus {corpus} holds nothing out: build it again with validation above 0.")
    decoder = load_model(model, torch.float32, "cuda" if torch.cuda.is_available() else "cpu")
    scores = []
    for (language, kind), shards in groups.items():
        documents = sample_documents(corpus, manifest, shards, max_tokens, tokenizer)
        bits = 0.0
        for share, batch_bits in batched_bits(decoder, documents, manifest.end_of_text_id):
            bits += batch_bits
            progress(f"{language} {kind}", share)
        scores.append(
            Score(
                language=language,
                kind=kind,
                documents=len(documents),
                tokens=sum(int(document.scored.sum()) for document in documents),
                bytes=sum(scored_bytes(document, tokenizer) for document in documents),
                bits=bits,
            )
        )
    return scores


def batched_bits(
    decoder: Decoder, documents: Sequence[Document], start_id: int
) -> Iterator[tuple[float, float]]:
    """Batch by batch: the share of the windows that is done, and the bits of the batch's scored tokens."""
    length = decoder.config.max_positions
    cut = [window for document in documents for window in windows(document, start_id, length)]
    done = 0
    for batch in batches(cut):
        done += len(batch)
        yield done / len(cut), batch_bits(decoder, batch)


def windows(document: Document, start_id: int, length: int) -> Iterator[Window]:
    """A document's windows of at most `length` tokens; those without a scored token are left out."""
    ids, scored = torch.from_numpy(document.ids), torch.from_numpy(document.scored)
    before = torch.cat((torch.tensor([start_id]), ids[:-1]))
    for start in range(0, len(ids), length):
        part = slice(start, start + length)
        if scored[part].any():
            yield Window(before[part], ids[part], scored[part])


def batches(cut: Iterable[Window]) -> Iterator[list[Window]]:
    """Windows of like length together, as many as BATCH_TOKENS holds with padding, one at least."""
    batch: list[Window] = []
    for window in sorted(cut, key=lambda window: len(window.ids)):
        if batch and (len(batch) + 1) * len(window.ids) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


@torch.inference_mode()
def batch_bits(decoder: Decoder, batch: Sequence[Window]) -> float:
    """The bits of a batch's scored tokens. Padding stands on the right, where no token sees it."""
    device = decoder.model.embed_tokens.weight.device
    columns = zip(*((window.ids, window.targets, window.scored) for window in batch), strict=True)
    ids_BT, targets_BT, scored_BT = (
        pad_sequence(list(column), batch_first=True).to(device) for column in columns
    )
    positions_BT = torch.arange(ids_BT.shape[1], device=device).expand_as(ids_BT)
    hidden_BTE = decoder(ids_BT, positions_BT, CausalAttention(decoder.config.windows))
    nats = 0.0
    all_hidden_NE, all_targets_N = hidden_BTE[scored_BT], targets_BT[scored_BT]
    for start in range(0, len(all_targets_N), LOGITS_TOKENS):
        part = slice(start, start + LOGITS_TOKENS)
        logits_NV, targets_N = decoder.logits(all_hidden_NE[part]).float(), all_targets_N[part]
        nats += functional.cross_entropy(logits_NV, targets_N, reduction="none").double().sum().item()
    return nats / math.log(2)
