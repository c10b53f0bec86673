"""GET /v1/models and /v1/models/{id}."""

from fastapi import APIRouter

from tramontane.api.openai.answers import ModelCard, ModelList
from tramontane.api.openai.errors import ERRORS
from tramontane.api.served import ServedModel
from tramontane.api.service import ServiceDep

router = APIRouter()


@router.get("/v1/models", responses=ERRORS)
async def list_models(service: ServiceDep) -> ModelList:
    """The models on offer."""
    return ModelList(data=[_card(service.model)])


@router.get("/v1/models/{name}", responses=ERRORS)
async def get_model(name: str, service: ServiceDep) -> ModelCard:
    """One model by its id."""
    return _card(service.find(name))


def _card(model: ServedModel) -> ModelCard:
    length = model.client.info.context_length if model.ready and model.client.info else None
    return ModelCard(id=model.name, created=model.created, owned_by="tramontane", max_model_len=length)
