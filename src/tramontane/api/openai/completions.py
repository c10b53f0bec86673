"""POST /v1/completions: text goes on, without roles."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from tramontane.api.choices import Answer, Ask, collect_answers, stream_answers
from tramontane.api.generation import TextDelta
from tramontane.api.openai.answers import (
    Completion,
    CompletionChoice,
    body_head,
    json_response,
    usage_body,
)
from tramontane.api.openai.errors import ERRORS, error_event
from tramontane.api.openai.requests import CompletionRequest
from tramontane.api.openai.stream import chunk_events
from tramontane.api.service import RequestId, ServiceDep
from tramontane.api.sse import EventStream
from tramontane.api.waiting import run_for_client

router = APIRouter()


@router.post("/v1/completions", response_model=Completion, responses=ERRORS)
async def create_completion(
    body: CompletionRequest, request: Request, service: ServiceDep, request_id: RequestId
) -> Response:
    """Continue each prompt, whole or as server-sent events."""
    model = service.find(body.model)
    ask = Ask(body.prompt, body.samplings(), body.stop, body.token_limit)
    head = body_head(model, "cmpl", "text_completion")
    if body.stream:
        items = stream_answers(service, model, ask)
        events = chunk_events(items, ask, body.include_usage, _chunk_choice, partial(Completion, **head))
        return EventStream(events, partial(error_event, request_id=request_id), service.drain)
    answers = await run_for_client(request, service.drain, collect_answers(service, model, ask))
    return json_response(_completion(head, answers, len(ask.samplings)))


def _chunk_choice(index: int, delta: TextDelta, first: bool) -> CompletionChoice:
    return CompletionChoice(index=index, text=delta.text, logprobs=None, finish_reason=delta.finish)


def _completion(head: dict[str, Any], answers: list[Answer], answers_per_prompt: int) -> Completion:
    choices = [
        CompletionChoice(index=index, text=answer.text, finish_reason=answer.finish)
        for index, answer in enumerate(answers)
    ]
    usages = [answer.usage for answer in answers]
    starts = range(0, len(usages), answers_per_prompt)
    usage = usage_body([usages[start : start + answers_per_prompt] for start in starts])
    return Completion(**head, choices=choices, usage=usage)
