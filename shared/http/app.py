"""What every HTTP application of ours has: problem documents, a body limit, request metrics, probes."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.exceptions import HTTPException

from shared.ending import Ending
from shared.http import problems
from shared.http.admission import Admission, AdmissionMetrics, Rooms, Rules
from shared.http.body_limit import BodyLimit
from shared.http.ending import Draining
from shared.http.metrics import HttpMetrics
from shared.http.readiness import Readiness
from shared.http.segments import EncodedSegments
from shared.logs import get_logger

log = get_logger(__name__)

MAX_BODY_BYTES = 24 * 1024 * 1024
"""Counted on the stream. 10,000 targets of ordinary length take under 2 MiB."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Refresh = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitting:
    """What is taken on at a time, and by which rules."""

    rooms: Rooms
    rules: Rules
    metrics: AdmissionMetrics


def create_http_app(
    *, title: str, description: str, registry: CollectorRegistry, lifespan: Lifespan, admitting: Admitting | None = None
) -> FastAPI:
    """The application without its routes. `state.ending` is told when the process has to end.

    One that is not told what to admit admits everything: it has nothing but probes.
    """
    app = FastAPI(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            problems.Refusal: problems.on_refusal,
            RequestValidationError: problems.on_invalid,
            HTTPException: problems.on_http,
            Exception: problems.on_failure,
        },
    )
    app.state.ending = Ending()
    app.add_middleware(BodyLimit, limit=MAX_BODY_BYTES)
    app.add_middleware(EncodedSegments)
    if admitting is not None:
        app.add_middleware(Admission, rooms=admitting.rooms, rules=admitting.rules, metrics=admitting.metrics)
    app.add_middleware(Draining, ending=app.state.ending)
    app.add_middleware(HttpMetrics, registry=registry)
    return app


def add_probes(app: FastAPI, *, registry: CollectorRegistry, readiness: Readiness, refresh: Refresh) -> None:
    """`/livez` touches nothing: its answer says that the loop turns. `/readyz` asks the dependencies.

    `/metrics` first brings the gauges up to date. What cannot be read then is told as it was, and that it is old.
    """
    stale = Gauge("geowithhold_metrics_stale", "1 while what stands in the database could not be counted.", registry=registry)

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        report = await readiness()
        return JSONResponse(report, status_code=200 if report["ready"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        try:
            await refresh()
            stale.set(0)
        except Exception as error:  # noqa: BLE001 (whatever it is, the other figures are wanted now more than ever)
            log.warning("metrics_stale", error=repr(error))
            stale.set(1)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
