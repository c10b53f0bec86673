"""OpenAI's error body: {"error": {"message", "type", "param", "code"}}."""

import json
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tramontane.api.openai.answers import ErrorBody
from tramontane.api.problems import Problem, internal_problem, problem_of

# for the OpenAPI description of every route
ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}}

logger = logging.getLogger(__name__)


def error_body(problem: Problem) -> dict[str, Any]:
    """The body for `problem`; extra `code`s are ours, the types are OpenAI's."""
    return {
        "error": {
            "message": problem.message,
            "type": _type(problem.status),
            "param": problem.param,
            "code": problem.code,
        }
    }


def error_response(problem: Problem) -> Response:
    return JSONResponse(error_body(problem), problem.status, headers=dict(problem.headers))


async def handle_error(request: Request, error: Exception) -> Response:
    """Exception handler for every error that `problem_of` knows."""
    problem = problem_of(error)
    assert problem is not None, f"no handler should be registered for {type(error).__name__}"
    return error_response(problem)


def error_event(error: Exception, request_id: str) -> bytes:
    """The last event of a stream that fails after it has begun."""
    problem = problem_of(error)
    if problem is None:
        logger.error("request %s failed in mid-stream", request_id, exc_info=error)
        problem = internal_problem(request_id)
    return b"data: " + json.dumps(error_body(problem), ensure_ascii=False).encode() + b"\n\n"


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_exceeded"
    return "server_error" if status >= 500 else "invalid_request_error"
