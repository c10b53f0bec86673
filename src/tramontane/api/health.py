"""GET /health and /metrics."""

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from tramontane.api.service import Service, ServiceDep
from tramontane.common.errors import ServiceError
from tramontane.engine.request import EngineStats

STATS_SECONDS = 2.0

router = APIRouter()


@router.get(
    "/health", responses={503: {"description": "loading, shutting down, or the engine does not answer"}}
)
async def health(service: ServiceDep) -> JSONResponse:
    """200 when a question would be answered now, 503 when not, with the reason."""
    if service.drain.begun:
        status = "draining"
    elif not service.model.ready:
        status = "loading"
    else:
        status = "ok" if await _engine_stats(service) is not None else "engine_unavailable"
    return JSONResponse({"status": status, "model": service.model.name}, 200 if status == "ok" else 503)


@router.get("/metrics", response_class=Response)
async def metrics(service: ServiceDep) -> Response:
    """Everything measured, for Prometheus."""
    stats = await _engine_stats(service) if service.model.ready else None
    return Response(service.metrics.text(service.model.name, stats), media_type=CONTENT_TYPE_LATEST)


async def _engine_stats(service: Service) -> EngineStats | None:
    """The engine's numbers; None if it does not answer in time."""
    try:
        async with asyncio.timeout(STATS_SECONDS):
            return await service.model.client.stats()
    except (TimeoutError, ServiceError):
        return None
