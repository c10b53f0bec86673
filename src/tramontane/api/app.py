"""The HTTP application: routes, what they share, and what every request passes."""

from collections.abc import Collection

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tramontane import __version__
from tramontane.api import health
from tramontane.api.middleware import BodyLimit, Envelope, HostCheck
from tramontane.api.openai import chat, completions, models
from tramontane.api.openai.errors import handle_error
from tramontane.api.page import add_page
from tramontane.api.service import Service
from tramontane.common.errors import TramontaneError


def create_app(service: Service, host_names: Collection[str] | None) -> FastAPI:
    """The application for `service`, answering requests for `host_names` only (None: for any)."""
    # the interactive documentation would load its scripts from a CDN
    app = FastAPI(title="Tramontane", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = service
    for module in (health, chat, completions, models):
        app.include_router(module.router)
    add_page(app)
    for kind in (TramontaneError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle_error)
    # the last added is the first passed
    app.add_middleware(BodyLimit)
    app.add_middleware(HostCheck, names=host_names)
    app.add_middleware(Envelope, metrics=service.metrics)
    return app
