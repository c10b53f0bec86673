"""Request bodies of the OpenAI dialect."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tramontane.api.openai.fields import SamplingFields, Text, unsupported, whole_characters
from tramontane.api.prompts import Chat, Message

MAX_ANSWERS = 128  # to one request: all of them may wait in the engine's queue at once
DEFAULT_COMPLETION_TOKENS = 16  # OpenAI's own, for /v1/completions alone


def _plain_text(content: Any) -> Any:
    """A string, or text parts joined; None (an assistant's turn without words) is empty."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("text", "refusal"):
            raise unsupported("messages", f"a content part of type {kind!r} (only text is)")
        if not isinstance(part.get(kind), str):
            raise PydanticCustomError("text_part", "a text part needs its words under 'text'")
        texts.append(part[kind])
    return "".join(texts)


class ChatMessage(BaseModel):
    """One turn. Fields that say nothing to a model without tools (`name`, …) are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[
        Text, BeforeValidator(_plain_text, json_schema_input_type=str | list[dict[str, Any]] | None)
    ]

    @field_validator("role", mode="before")
    @classmethod
    def _no_tools(cls, role: Any) -> Any:
        if role in ("tool", "function"):
            raise unsupported("messages", f"a message of the role {role!r}")
        return role


class ChatRequest(SamplingFields):
    """POST /v1/chat/completions."""

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)

    def chat(self) -> Chat:
        # "developer" is OpenAI's newer word for "system", and the only one that templates know
        messages: list[Message] = [
            {"role": "system" if m.role == "developer" else m.role, "content": m.content}
            for m in self.messages
        ]
        return Chat(messages)

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens


def _prompts(value: Any) -> Any:
    """One prompt or several, each text or token ids, as a list of prompts."""
    if isinstance(value, str):
        return [whole_characters(value)]
    if not isinstance(value, list) or not value:
        raise PydanticCustomError("prompt", "write a string, a list of strings, token ids or a list of those")
    if all(_is_id(item) for item in value):
        return [value]
    if not all(
        isinstance(item, str) or (isinstance(item, list) and all(map(_is_id, item))) for item in value
    ):
        raise PydanticCustomError(
            "prompt", "its items must all be strings, all token ids, or all lists of ids"
        )
    return [whole_characters(item) if isinstance(item, str) else item for item in value]


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class CompletionRequest(SamplingFields):
    """POST /v1/completions."""

    prompt: Annotated[
        list[str | list[int]],
        BeforeValidator(_prompts, json_schema_input_type=str | list[str] | list[int] | list[list[int]]),
    ]

    @model_validator(mode="after")
    def _bound_answers(self) -> Self:
        if len(self.prompt) * (self.n or 1) > MAX_ANSWERS:
            reason = f"prompts times n must be at most {MAX_ANSWERS}"
            raise PydanticCustomError("answers", "{reason}", {"reason": reason, "param": "n"})
        return self

    @property
    def token_limit(self) -> int:
        return self.max_tokens or DEFAULT_COMPLETION_TOKENS
