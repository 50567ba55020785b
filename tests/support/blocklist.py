"""The blocklist as tests use it: its tables, its commands, and the whole service behind an HTTP client."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.app import PACKAGE, create_api
from services.blocklist.commands import Commands
from services.blocklist.metrics import CommandMetrics
from services.blocklist.outbox import OUTBOX
from services.blocklist.settings import BlocklistSettings
from services.blocklist.tables import metadata
from shared.clock import Clock
from shared.db import Database
from shared.events import Envelope, Record, decode
from shared.migrations import migrate
from shared.topics import Topics
from tests.support.outbox import queued_in

NOBODY_LISTENS = "127.0.0.1:1"
"""The address of a broker that is down."""

TOPICS = Topics(prefix="test", partitions=6)

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


async def all_rows(connection: AsyncConnection) -> Rows:
    """Everything that is stored, by table."""
    return {
        table.name: [dict(row) for row in (await connection.execute(select(*table.c).order_by(*table.primary_key))).mappings()]
        for table in metadata.sorted_tables
    }


async def delete_all(connection: AsyncConnection) -> None:
    for table in reversed(metadata.sorted_tables):
        await connection.execute(delete(table))


async def queued(connection: AsyncConnection) -> list[Record]:
    """Every event that waits to be published, lane by lane, in the order of its publication."""
    return await queued_in(connection, OUTBOX)


def decoded(records: Sequence[Record]) -> list[Envelope]:
    return [decode(record.value, record.headers) for record in records]


def make_commands(database: Database, clock: Clock, *, topics: Topics = TOPICS) -> Commands:
    return Commands(database=database, topics=topics, clock=clock, metrics=CommandMetrics(CollectorRegistry()))


def silence_logs() -> None:
    """A broker that is down on purpose is no news; drawing its tracebacks takes longer than most tests."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@asynccontextmanager
async def migrated(url: str) -> AsyncIterator[Database]:
    await migrate(url, PACKAGE)
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


def make_settings(url: str, **changes: Any) -> BlocklistSettings:
    """Settings by the names of the environment, of which none is read beyond these."""
    return BlocklistSettings(
        **{
            "BLOCKLIST_DATABASE_URL": url,
            "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS,
            "GEOWITHHOLD_TOPIC_PREFIX": "test",
            **changes,
        }
    )


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application inside its lifespan. A failure is answered as a server would answer it, not raised."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url="http://blocklist") as client:
        yield client


class Api:
    """The blocklist's HTTP service, and a look at what it stored."""

    def __init__(self, client: httpx2.AsyncClient, database: Database) -> None:
        self.client = client
        self.database = database

    async def get(self, path: str, expected: int = 200, **query: Any) -> dict[str, Any]:
        return expect(await self.client.get(path, params=query or None), expected)

    async def post(self, path: str, body: Any = None, status: int = 200, *, key: str | None = None) -> dict[str, Any]:
        return expect(await self.client.post(path, json=body, headers={"Idempotency-Key": key} if key else None), status)

    async def submit(self, body: Any) -> dict[str, Any]:
        return await self.post("/v1/directives", body, 201)

    async def rows(self) -> Rows:
        return await self.database.read(all_rows)


def expect(response: httpx2.Response, status: int) -> dict[str, Any]:
    """The body, of a response that has this status; every refusal must be a problem document."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    if status >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["type"].startswith("urn:geowithhold:problem:")
        assert (body["title"] > "", body["detail"] > "") == (True, True)
    return body


def unnamed(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the name of its batch, which no test can foresee."""
    return {name: value for name, value in answer.items() if name != "batch"}


@asynccontextmanager
async def running_api(url: str, **settings: Any) -> AsyncIterator[Api]:
    """The service on a migrated database, with a broker that is down unless settings name one."""
    async with migrated(url) as database, client_of(create_api(make_settings(url, **settings))) as client:
        yield Api(client, database)
