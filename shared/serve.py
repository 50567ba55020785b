"""Runs an HTTP application until the process is told to stop, then drains it."""

import uvicorn
from fastapi import FastAPI

DRAIN_SECONDS = 20


def serve(app: FastAPI, *, host: str, port: int) -> None:
    """Blocks until SIGTERM or SIGINT; requests under way get `DRAIN_SECONDS` to finish."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        server_header=False,
    )
    uvicorn.Server(config).run()
