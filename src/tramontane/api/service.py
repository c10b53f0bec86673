"""What every route works with."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from tramontane.api.drain import Drain
from tramontane.api.metrics import Metrics
from tramontane.api.served import ServedModel
from tramontane.common.errors import ModelNotFoundError


@dataclass(frozen=True)
class Service:
    """The model on offer, the meters, and whether the server is shutting down."""

    model: ServedModel
    metrics: Metrics = field(default_factory=Metrics)
    drain: Drain = field(default_factory=Drain)

    def find(self, name: str | None) -> ServedModel:
        """The model called `name`, or the one there is where no name is given."""
        if name is None or name == self.model.name:
            return self.model
        raise ModelNotFoundError(f"There is no model {name!r} here: use {self.model.name!r}.", "model")


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _request_id(request: Request) -> str:
    request_id: str = request.scope["state"]["request_id"]
    return request_id


ServiceDep = Annotated[Service, Depends(_service)]
RequestId = Annotated[str, Depends(_request_id)]
