"""What went wrong with a request, apart from how a dialect words it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tramontane.common.errors import (
    InputError,
    ModelNotFoundError,
    QueueFullError,
    ServiceError,
    TramontaneError,
)

RETRY_SECONDS = 1
MAX_SHOWN = 80
# the first that fits
STATUS: dict[type[TramontaneError], HTTPStatus] = {
    ModelNotFoundError: HTTPStatus.NOT_FOUND,
    InputError: HTTPStatus.BAD_REQUEST,
    QueueFullError: HTTPStatus.TOO_MANY_REQUESTS,
    ServiceError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class Problem:
    """An HTTP status, a sentence for people, and what programs match on."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ProblemError(HTTPException):
    """A problem raised where only HTTPException passes through: while a request's body is read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.message)
        self.problem = problem


def internal_problem(request_id: str) -> Problem:
    """Our own mistake: the log has the rest under the id."""
    message = f"The server failed on this request; its log says why under {request_id}."
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, message, code="internal_error")


def problem_of(error: Exception) -> Problem | None:
    """The problem that an expected error stands for; None for one that is our own mistake."""
    if isinstance(error, RequestValidationError):
        return _validation_problem(error)
    if isinstance(error, HTTPException):
        return _http_problem(error)
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            headers = {"Retry-After": str(RETRY_SECONDS)} if isinstance(error, ServiceError) else {}
            return Problem(status, str(error), getattr(error, "param", None), error.code, headers)
    return None


def _http_problem(error: HTTPException) -> Problem:
    if isinstance(error, ProblemError):
        return error.problem
    code = HTTPStatus(error.status_code).name.lower()  # "not_found", "method_not_allowed"
    return Problem(error.status_code, str(error.detail), code=code, headers=error.headers or {})


def _validation_problem(error: RequestValidationError) -> Problem:
    """The first wrong field; the others show up when it is right."""
    first = error.errors()[0]
    context = first.get("ctx", {})
    param = context.get("param") or _field_name(first["loc"])
    match first["type"]:
        case "json_invalid":
            message = f"The body is not JSON ({context['error']}): send a JSON object."
            return Problem(HTTPStatus.BAD_REQUEST, message, code="invalid_json")
        case _ if param is None:
            message = "The body must be a JSON object, sent with the header Content-Type: application/json."
            return Problem(HTTPStatus.BAD_REQUEST, message, code="invalid_body")
        case "missing":
            code, message = "missing_required_parameter", f"{param!r} is missing: add it."
        case "unsupported_parameter" as code:
            message = first["msg"]
        case _:
            reason = first["msg"]
            code = "invalid_value"
            message = f"{param!r} is wrong{_shown(first.get('input'))}: {reason[:1].lower()}{reason[1:]}."
    return Problem(HTTPStatus.BAD_REQUEST, message, param, code)


def _field_name(location: tuple[int | str, ...]) -> str | None:
    """("body", "messages", 0, "role") → "messages[0].role"; None for the body itself."""
    name = ""
    for part in location[1:]:
        name += f"[{part}]" if isinstance(part, int) else f".{part}"
    return name.lstrip(".") or None


def _shown(value: object) -> str:
    if isinstance(value, str | int | float | bool):
        text = repr(value)
        return f" ({text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '…'})"
    return ""
