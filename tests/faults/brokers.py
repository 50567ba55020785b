"""The broker of a world: the wheel's, for a quick look, or Apache Kafka, which faults can reach in every way."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from tests.support.proxy import Proxy
from tools.broker import IDLE_PAUSE_MS, Broker


class FaultyBroker(Protocol):
    """`addresses`: by kind of process, the bootstrap address of its own proxy. `durable`: it may be killed."""

    durable: bool
    idle_pause_ms: int

    @property
    def bootstrap(self) -> str: ...

    @property
    def addresses(self) -> Mapping[str, str]: ...

    @property
    def pid(self) -> int | None: ...

    def running(self) -> AbstractAsyncContextManager[Mapping[str, Proxy]]: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class WheelBroker:
    """Keeps its data in memory and tells clients one address: it may be stopped for a while, neither killed nor proxied."""

    durable = False
    idle_pause_ms = IDLE_PAUSE_MS
    addresses: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self._broker = Broker(folder / "broker")

    @property
    def bootstrap(self) -> str:
        return self._broker.bootstrap

    @property
    def pid(self) -> int | None:
        return self._broker.pid

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, Proxy]]:
        await asyncio.to_thread(self.start)
        try:
            yield {}
        finally:
            await asyncio.to_thread(self.stop)

    def start(self) -> None:
        self._broker.start()

    def stop(self) -> None:
        self._broker.stop()

    def kill(self) -> None:
        self._broker.kill()


def make_broker(kind: str, folder: Path) -> FaultyBroker:
    return WheelBroker(folder)
