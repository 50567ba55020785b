"""The broker of a world: the wheel's, for a quick look, or Apache Kafka, which faults can reach in every way."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

from tests.support.proxy import Proxy, proxied
from tools.apache import ApacheKafka
from tools.broker import HOST, IDLE_PAUSE_MS, Broker, free_port

PROXIED = ("relay", "notifier")
"""Kinds of process that reach the broker through a proxy, if it can send them there."""


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


class ApacheBroker:
    """Apache Kafka, one node; relays and notifiers reach it by a listener of their own, which sends them to a proxy."""

    durable = True
    idle_pause_ms = 0

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "kafka"
        self._ports = {kind: free_port() for kind in PROXIED}
        self._node: ApacheKafka | None = None
        self.addresses: Mapping[str, str] = {}

    @property
    def node(self) -> ApacheKafka:
        assert self._node is not None, "the broker was not started"
        return self._node

    @property
    def bootstrap(self) -> str:
        return self.node.bootstrap

    @property
    def pid(self) -> int | None:
        return self.node.pid

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, Proxy]]:
        async with AsyncExitStack() as held:
            proxies = {kind: await held.enter_async_context(proxied((HOST, port))) for kind, port in self._ports.items()}
            self.addresses = {kind: proxy.address for kind, proxy in proxies.items()}
            direct = free_port()
            self._node = ApacheKafka(self._folder, port=direct, properties=self._listeners(direct))
            await asyncio.to_thread(self.start)
            try:
                yield {f"{kind}-kafka": proxy for kind, proxy in proxies.items()}
            finally:
                await asyncio.to_thread(self.kill)

    def _listeners(self, direct: int) -> dict[str, str]:
        """All names of listeners but Kafka's own two are ours."""
        controller = free_port()
        here = {"PLAINTEXT": f"{HOST}:{direct}", **{kind.upper(): f"{HOST}:{port}" for kind, port in self._ports.items()}}
        told = here | {kind.upper(): address for kind, address in self.addresses.items()}
        return {
            "controller.quorum.voters": f"1@{HOST}:{controller}",
            "broker.session.timeout.ms": "3000",  # how long a node that was killed is taken to be there still, and may not return
            "broker.heartbeat.interval.ms": "500",
            "listeners": _listed({**here, "CONTROLLER": f"{HOST}:{controller}"}),
            "advertised.listeners": _listed(told),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in (*here, "CONTROLLER")),
        }

    def start(self) -> None:
        self.node.start()

    def stop(self) -> None:
        self.node.stop()

    def kill(self) -> None:
        self.node.kill()


def _listed(listeners: Mapping[str, str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in listeners.items())


def make_broker(kind: str, folder: Path) -> FaultyBroker:
    return ApacheBroker(folder) if kind == "apache" else WheelBroker(folder)


def best_broker() -> str:
    """Apache Kafka where it can be had: only it can be killed, and reached through a proxy."""
    return "apache" if shutil.which("java") and shutil.which("mvn") else "wheel"
