"""POST /v1/chat/completions."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from tramontane.api.choices import Answer, Ask, collect_answers, stream_answers
from tramontane.api.generation import TextDelta
from tramontane.api.openai.answers import (
    AssistantMessage,
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatCompletion,
    Delta,
    body_head,
    json_response,
    usage_body,
)
from tramontane.api.openai.errors import ERRORS, error_event
from tramontane.api.openai.requests import ChatRequest
from tramontane.api.openai.stream import chunk_events
from tramontane.api.service import RequestId, ServiceDep
from tramontane.api.sse import EventStream
from tramontane.api.waiting import run_for_client

router = APIRouter()


@router.post("/v1/chat/completions", response_model=ChatCompletion, responses=ERRORS)
async def create_chat_completion(
    body: ChatRequest, request: Request, service: ServiceDep, request_id: RequestId
) -> Response:
    """Answer a conversation, whole or as server-sent events."""
    model = service.find(body.model)
    ask = Ask([body.chat()], body.samplings(), body.stop, body.token_limit)
    if body.stream:
        chunk = partial(ChatChunk, **body_head(model, "chatcmpl", "chat.completion.chunk"))
        items = stream_answers(service, model, ask)
        events = chunk_events(items, ask, body.include_usage, _chunk_choice, chunk)
        return EventStream(events, partial(error_event, request_id=request_id), service.drain)
    answers = await run_for_client(request, service.drain, collect_answers(service, model, ask))
    return json_response(_completion(body_head(model, "chatcmpl", "chat.completion"), answers))


def _chunk_choice(index: int, delta: TextDelta, first: bool) -> ChatChunkChoice:
    spoken: dict[str, Any] = {"role": "assistant", "content": ""} if first else {}
    if delta.text:
        spoken["content"] = delta.text
    return ChatChunkChoice(index=index, delta=Delta(**spoken), finish_reason=delta.finish)


def _completion(head: dict[str, Any], answers: list[Answer]) -> ChatCompletion:
    choices = [
        ChatChoice(
            index=index,
            message=AssistantMessage(role="assistant", content=answer.text),
            finish_reason=answer.finish,
        )
        for index, answer in enumerate(answers)
    ]
    return ChatCompletion(**head, choices=choices, usage=usage_body([[a.usage for a in answers]]))
