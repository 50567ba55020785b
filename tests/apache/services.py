"""Blocklist and notifier as processes on SQLite, with a broker of Apache Kafka that the test has in its hand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from shared.migrations import migrate
from shared.topics import Topics
from tests.support.blocklist import expect
from tests.support.processes import started
from tools.broker import HOST, free_port

READY_WITHIN = 60.0


@dataclass
class Client:
    """What a test asks of one service."""

    http: httpx2.AsyncClient

    async def get(self, path: str) -> Any:
        return expect(await self.http.get(path), 200)

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        return expect(await self.http.post(path, json=body), status)

    async def block(self, reference: str, *targets: str) -> str:
        """Submits an emergency order, complied with at intake; gives its id."""
        answer = await self.post("/v1/directives", _order(reference, targets), 201)
        return str(answer["id"])

    async def lift(self, *targets: str) -> None:
        await self.post("/v1/releases", {"cause": "error", "targets": list(targets), "jurisdictions": ["IN"]})

    async def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = (await self.http.get("/metrics")).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)

    def drained(self) -> Callable[[], Any]:
        async def check() -> bool:
            return await self.metric("geowithhold_outbox_unpublished") == 0

        return check


def _order(reference: str, targets: tuple[str, ...]) -> dict[str, Any]:
    return {
        "authority": "in-meity",
        "reference": reference,
        "legal_basis": "in-it-act-69a-emergency",
        "kind": "block",
        "issued_at": "2021-01-31T06:00:00Z",
        "received_at": "2021-01-31T07:10:00Z",
        "jurisdictions": ["IN"],
        "targets": list(targets),
    }


@dataclass
class Services:
    folder: Path
    bootstrap: str
    topics: Topics
    blocklist_port: int = field(default_factory=free_port)

    @property
    def env(self) -> dict[str, str]:
        return {
            "BLOCKLIST_DATABASE_URL": self.database("blocklist"),
            "NOTIFIER_DATABASE_URL": self.database("notifier"),
            "BLOCKLIST_PORT": str(self.blocklist_port),
            "BLOCKLIST_URL": f"http://{HOST}:{self.blocklist_port}",
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "GEOWITHHOLD_TOPIC_PREFIX": self.topics.prefix,
            "GEOWITHHOLD_PARTITIONS": str(self.topics.partitions),
            "GEOWITHHOLD_REPLICATION": str(self.topics.replication),
        }

    def database(self, name: str) -> str:
        return f"sqlite:///{self.folder / name}.sqlite3"

    @asynccontextmanager
    async def blocklist(self) -> AsyncIterator[Client]:
        """The service with its relay inside; on a new database the first time."""
        async with self._running("blocklist", "api", self.blocklist_port) as client:
            yield client

    @asynccontextmanager
    async def notifier(self) -> AsyncIterator[Client]:
        port = free_port()
        async with self._running("notifier", "run", port, NOTIFIER_PORT=str(port)) as client:
            yield client

    @asynccontextmanager
    async def _running(self, name: str, role: str, port: int, **env: str) -> AsyncIterator[Client]:
        await migrate(self.database(name), f"services.{name}")
        log = self.folder / f"{name}.log"
        with started(f"services.{name}", role, env=self.env | env, port=port, log=log) as process:
            await process.ready(READY_WITHIN)
            async with httpx2.AsyncClient(base_url=process.url, timeout=30.0) as http:
                yield Client(http)
