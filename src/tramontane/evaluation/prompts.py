"""The fixed set of 40 prompts (prompts.toml), 20 in French and 20 in English."""

import tomllib
from importlib.resources import files
from typing import Literal

import msgspec


class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question to a chat model, the first of its conversation."""

    id: str
    language: Literal["fr", "en"]
    task: str
    text: str


class _PromptsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prompt: tuple[Prompt, ...]


def read_prompts() -> tuple[Prompt, ...]:
    """Every prompt, in the file's order."""
    text = files(__package__).joinpath("prompts.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _PromptsFile).prompt
