"""Response bodies of the OpenAI dialect."""

import time
import uuid
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel

from tramontane.api.generation import Finish, Usage
from tramontane.api.served import ServedModel


class PromptDetails(BaseModel):
    cached_tokens: int


class UsageBody(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


def usage_body(prompts: list[list[Usage]]) -> UsageBody:
    """The sum over prompts; the answers to one prompt (`n`) share it, so it counts once."""
    prompt = sum(max(usage.prompt for usage in answers) for answers in prompts)
    cached = sum(max(usage.cached for usage in answers) for answers in prompts)
    completion = sum(usage.completion for answers in prompts for usage in answers)
    return UsageBody(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=PromptDetails(cached_tokens=cached),
    )


class Body(BaseModel):
    """What every answer begins with."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str


def body_head(model: ServedModel, prefix: str, kind: str) -> dict[str, Any]:
    """The fields of `Body` for a new answer."""
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model.name,
        "system_fingerprint": model.fingerprint,
    }


def json_response(body: Body) -> Response:
    """The whole body; pydantic's own JSON, which is several times faster than going through dicts."""
    return Response(body.model_dump_json(), media_type="application/json")


class AssistantMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    index: int
    message: AssistantMessage
    logprobs: None = None
    finish_reason: Finish


class ChatCompletion(Body):
    choices: list[ChatChoice]
    usage: UsageBody


class Delta(BaseModel):
    role: Literal["assistant"] | None = None
    content: str | None = None


class ChatChunkChoice(BaseModel):
    index: int
    delta: Delta
    finish_reason: Finish | None


class ChatChunk(Body):
    choices: list[ChatChunkChoice]
    usage: UsageBody | None = None


class CompletionChoice(BaseModel):
    """A whole answer, or a piece of one with no finish_reason yet."""

    index: int
    text: str
    logprobs: None = None
    finish_reason: Finish | None


class Completion(Body):
    choices: list[CompletionChoice]
    usage: UsageBody | None = None


class ModelCard(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    max_model_len: int | None = None


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    error: ErrorDetail
