"""Brise, the size that one CPU core can train in less than two hours: 3.9 M parameters.

It knows how a conversation goes, in French and English, and little else. The recipe for the model that it stands in
for is brise.py, which needs a GPU.
"""

from tramontane.model.config import ModelConfig
from tramontane.training.config import OptimiserConfig, Schedule, Stage, TrainConfig

MODEL = ModelConfig(
    family="qwen3",
    vocab_size=4096,
    hidden_size=192,
    intermediate_size=512,
    num_layers=6,
    num_heads=3,
    num_kv_heads=1,
    head_dim=64,
    max_positions=1024,
    rope_theta=10_000.0,
    qk_norm=True,
    bos_token_id=None,
    eos_token_ids=(2, 0),  # <|im_end|>, <|endoftext|>
)

# Shares of the tokens read. Everyday language first: with so few tokens, what the model should sound like matters
# more than what it could know.
PRETRAIN = {
    "prose-written-*": 0.04,
    "prose-storybooks": 0.08,
    "prose-fairytaleqa": 0.04,
    "prose-guides-fr": 0.10,
    "prose-gov-en": 0.06,
    "prose-openstax": 0.05,
    "prose-piaf": 0.03,
    "prose-eltec-fra*": 0.05,
    "prose-cligs": 0.03,
    "prose-100novels": 0.03,
    "prose-eltec-eng": 0.03,
    "prose-techdocs-fr": 0.04,
    "chat-written-*": 0.20,
    "chat-dolly": 0.06,
    "chat-oasst": 0.06,
    "chat-smalltalk": 0.01,
    "chat-storybooks": 0.03,
    "chat-tatoeba": 0.03,
    "chat-faq-*": 0.02,
    "chat-piaf": 0.02,
    "chat-topical": 0.03,
}

# How often each conversation is seen.
INSTRUCT = {
    "chat-written-*": 4.0,
    "chat-smalltalk": 2.0,
    "chat-oasst": 0.2,
    "chat-dolly": 0.1,
    "chat-storybooks": 0.4,
    "chat-faq-fr": 0.5,
    "chat-tatoeba": 0.1,
    "chat-piaf": 0.3,
}

# What everybody says first: greetings, who it is, small talk. A model of this size holds little else.
FIRST_WORDS = {
    "chat-written-smalltalk": 8.0,
    "chat-written-everyday": 5.0,
    "chat-written-knowledge": 4.0,
    "chat-written-conversations": 3.0,
    "chat-written-language": 3.0,
    "chat-smalltalk": 6.0,
}


def brise_cpu() -> TrainConfig:
    return TrainConfig(
        name="brise",
        model=MODEL,
        stages=(
            Stage(
                name="pretrain",
                kind="pretrain",
                mix=PRETRAIN,
                steps=660,
                batch_rows=32,
                sequence_length=256,
                schedule=Schedule(warmup_steps=20, decay=0.4, final=0.4),
            ),
            Stage(
                name="instruct",
                kind="instruct",
                mix=INSTRUCT,
                steps=None,
                batch_rows=8,
                sequence_length=1024,
                schedule=Schedule(warmup_steps=0, peak=0.4, decay=1.0, final=0.0),
            ),
            Stage(
                name="first-words",
                kind="instruct",
                mix=FIRST_WORDS,
                steps=None,
                batch_rows=8,
                sequence_length=1024,
                schedule=Schedule(warmup_steps=5, peak=0.5, decay=1.0, final=0.0),
            ),
        ),
        optimiser=OptimiserConfig(matrix_lr=0.012, embedding_lr=0.1, head_lr=0.003, gain_lr=0.01),
        z_loss=1e-5,
        checkpoint_every_s=180,
        generation={"temperature": 0.3, "top_p": 0.9, "repetition_penalty": 1.05},
    )
