"""Brise, 54.5 M parameters: a bilingual chat model for half an hour of one large GPU.

The shape and the rates follow nanochat's scaling to this width; see docs/decisions/0003-optimiser.md. Its sources
(brise_sources.toml) hold about a hundred million tokens, so four passes are where repetition stops paying
(Muennighoff et al., 2023).
"""

from tramontane.model.config import ModelConfig
from tramontane.training.config import OptimiserConfig, Schedule, Stage, TrainConfig

MODEL = ModelConfig(
    family="qwen3",
    vocab_size=16_384,
    hidden_size=512,
    intermediate_size=1536,
    num_layers=12,
    num_heads=4,
    num_kv_heads=2,
    head_dim=128,
    max_positions=2048,
    rope_theta=100_000.0,
    qk_norm=True,
    eos_token_ids=(2, 0),  # <|im_end|>, <|endoftext|>
)

PROSE = {
    "prose-written-*": 0.02,
    "prose-storybooks": 0.04,
    "prose-fairytaleqa": 0.04,
    "prose-guides-fr": 0.08,
    "prose-gov-en": 0.10,
    "prose-openstax": 0.09,
    "prose-piaf": 0.01,
    "prose-techdocs-*": 0.09,
    "prose-pydocs-fr": 0.02,
    "prose-codes-fr": 0.01,
    "prose-codecivil": 0.01,
    "prose-eltec-*": 0.20,
    "prose-100novels": 0.10,
    "prose-cligs": 0.07,
    "chat-*": 0.12,
}

DIALOGUE = {
    "prose-guides-fr": 0.10,
    "prose-gov-en": 0.08,
    "prose-openstax": 0.08,
    "prose-storybooks": 0.06,
    "prose-eltec-*": 0.08,
    "chat-written-*": 0.22,
    "chat-dolly": 0.10,
    "chat-oasst": 0.08,
    "chat-natural-instructions": 0.05,
    "chat-tatoeba": 0.04,
    "chat-topical": 0.03,
    "chat-fairytaleqa": 0.03,
    "chat-faq-*": 0.02,
    "chat-piaf": 0.02,
    "chat-storybooks": 0.01,
}

INSTRUCT = {
    "chat-written-*": 4.0,
    "chat-smalltalk": 2.0,
    "chat-dolly": 1.0,
    "chat-oasst": 1.0,
    "chat-storybooks": 1.0,
    "chat-faq-*": 1.0,
    "chat-piaf": 1.0,
    "chat-openstax": 1.0,
    "chat-publicodes-fr": 1.0,
    "chat-fairytaleqa": 1.0,
    "chat-gsm8k": 1.0,
    "chat-tatoeba": 0.2,
    "chat-pydocs-translation": 0.5,
    "chat-cc0-exercises": 0.2,
    "chat-natural-instructions": 0.15,
    "chat-topical": 0.3,
    "chat-sgd": 0.2,
}


def brise() -> TrainConfig:
    return TrainConfig(
        name="brise",
        model=MODEL,
        stages=(
            Stage(
                name="pretrain",
                kind="pretrain",
                mix=PROSE,
                steps=1600,
                batch_rows=128,
                micro_rows=32,
                sequence_length=2048,
                schedule=Schedule(warmup_steps=40, decay=0.5, final=0.3),
            ),
            Stage(
                name="midtrain",
                kind="pretrain",
                mix=DIALOGUE,
                steps=400,
                batch_rows=128,
                micro_rows=32,
                sequence_length=2048,
                schedule=Schedule(peak=0.3, decay=1.0, final=0.1),
            ),
            Stage(
                name="instruct",
                kind="instruct",
                mix=INSTRUCT,
                steps=None,
                batch_rows=32,
                micro_rows=32,
                sequence_length=2048,
                schedule=Schedule(peak=0.2, decay=1.0, final=0.0),
            ),
        ),
        optimiser=OptimiserConfig(
            matrix_lr=0.014,
            matrix_weight_decay=0.25,
            momentum=0.97,
            momentum_warmup_steps=400,
            embedding_lr=0.26,
            head_lr=0.0069,
        ),
        compute_dtype="bfloat16",
        z_loss=1e-5,
        compile=True,
        generation={"temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.05},
    )
