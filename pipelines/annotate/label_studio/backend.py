"""The HTTP side of `streetloop annotate serve`: Label Studio's protocol for machine-learning backends.

Label Studio asks /health and /setup when the backend is connected, and /predict when a person opens a
task. Its webhooks go to /webhook. The paths and fields are those of label-studio-ml-backend 2.0.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from components.contracts.process.errors import StreetloopError
from pipelines.annotate.label_studio.after import After
from pipelines.annotate.label_studio.proposals import Proposals

log = logging.getLogger("streetloop")

_SUBMITTED = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED")
_MOST_TASKS = 1000


class AskedTask(BaseModel):
    """A task as Label Studio sends it; its image is found by the id, not fetched."""

    data: dict[str, Any] = {}


class Asked(BaseModel):
    """A request for predictions."""

    tasks: Annotated[list[AskedTask], Field(max_length=_MOST_TASKS)]


class Happened(BaseModel):
    """An event of a webhook."""

    action: str = ""
    task: dict[str, Any] | None = None


def backend(proposals: Proposals, after: After | None) -> FastAPI:
    """Return the application.

    Args:
      proposals: answers the requests for predictions.
      after: is told of finished tasks; None ignores them.
    """
    app = FastAPI(title="Streetloop", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "UP", "model_class": "Streetloop"}

    @app.post("/setup")
    def setup() -> dict[str, str]:
        return {"model_version": _version(proposals)}

    @app.get("/versions")
    def versions() -> dict[str, list[str]]:
        return {"versions": [_version(proposals)]}

    @app.post("/predict")
    def predict(asked: Asked) -> dict[str, Any]:
        results = [_result(proposals, task) for task in asked.tasks]
        return {"results": results, "model_version": proposals.version}

    @app.post("/webhook", status_code=201)
    def webhook(event: Happened) -> dict[str, str]:
        number = (event.task or {}).get("id")
        if after is not None and event.action in _SUBMITTED and isinstance(number, int):
            after.finished(number)
        return {"status": "ok"}

    return app


def _version(proposals: Proposals) -> str:
    """Return the newest version; the last one if the campaign cannot be read at the moment."""
    try:
        return proposals.refresh()
    except StreetloopError as error:
        log.warning("%s", error)
        return proposals.version


def _result(proposals: Proposals, task: AskedTask) -> dict[str, Any]:
    """Return a prediction, which is empty for an image that the campaign does not have."""
    image_id = task.data.get("image_id")
    try:
        return proposals.of(str(image_id))
    except StreetloopError as error:
        log.warning("No prediction: %s", error)
        return {"result": [], "score": 0.0, "model_version": proposals.version}
