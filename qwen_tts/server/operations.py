"""For whoever runs the server: is it alive, may it be sent requests, what does it measure."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from .access import SessionOf
from .shapes import Json

router = APIRouter(tags=["operations"])


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "The server is stopping"}})
async def ready(session: SessionOf) -> Response:
    """Requests will be served: the server is not stopping. `loaded` are the models whose weights are here."""
    state: dict[str, Any] = {
        "status": "stopping" if session.stopping else "ready",
        "models": list(session.models.offers),
        "loaded": session.models.loaded,
    }
    state |= {"playing": session.source.playing, "waiting": session.source.waiting}
    return Json(state, 503 if session.stopping else 200)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(session: SessionOf) -> Response:
    """Counters for Prometheus."""
    return Response(session.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
