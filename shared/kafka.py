"""The Kafka clients, with every option that safety rests on spelled out, and topics made as the contract says."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, KafkaTimeoutError, TopicAlreadyExistsError, for_code

from shared.logs import get_logger
from shared.topic_check import Floor, Found, TopicMismatch, check
from shared.topics import TopicSpec

log = get_logger(__name__)

BATCH_BYTES = 256 * 1024
REQUEST_TIMEOUT_MS = 10_000


def make_producer(bootstrap: str, *, client_id: str) -> AIOKafkaProducer:
    """An idempotent producer that waits for all in-sync replicas. One is used for one caller, and thrown away after any error."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=4 * BATCH_BYTES,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )


class PatientConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """For a broker that answers an empty fetch at once, where Kafka holds it back until there is something: asks less often.

    Without it every idle consumer of such a broker keeps a processor busy with thousands of fetches per second.
    """

    def __init__(self, *, idle_pause_ms: int, **options: Any) -> None:
        super().__init__(**options)
        self._idle_pause = idle_pause_ms / 1000

    async def getmany(self, *partitions: Any, timeout_ms: int = 0, max_records: int | None = None) -> Any:
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            batches = await super().getmany(*partitions, timeout_ms=_ONE_FETCH_MS, max_records=max_records)
            if batches or time.monotonic() > deadline:
                return batches
            await self._breathe()

    async def _breathe(self) -> None:
        idle = self.assignment() - self.paused()
        self.pause(*idle)
        try:
            await asyncio.sleep(self._idle_pause)
        finally:
            self.resume(*(idle & self.assignment()))


_ONE_FETCH_MS = 2
"""Long enough for a fetch on this machine to come back."""


def make_consumer(
    bootstrap: str, *, group: str | None, client_id: str, instance: str | None = None, idle_pause_ms: int = 0
) -> AIOKafkaConsumer:
    """A consumer that commits nothing by itself and resets to nothing by itself: positions come from its owner's database.

    A member of a group that comes back under the same `instance` after a crash has its partitions at once; any other has to wait
    until the one that died is missed. `idle_pause_ms` is for brokers that need a `PatientConsumer`, 0 for Kafka itself.
    """
    kind = partial(PatientConsumer, idle_pause_ms=idle_pause_ms) if idle_pause_ms else AIOKafkaConsumer
    return kind(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        group_id=group,
        group_instance_id=instance,
        enable_auto_commit=False,
        auto_offset_reset="none" if group else "earliest",
        isolation_level="read_committed",
        session_timeout_ms=30_000,
        heartbeat_interval_ms=3_000,
        max_poll_interval_ms=300_000,
    )


async def ensure_topics(bootstrap: str, specs: Iterable[TopicSpec]) -> None:
    """Creates the topics that are missing. Raises TopicMismatch if one has another partition count: keys would move."""
    wanted = {spec.name: spec for spec in specs}
    report = check(wanted, await made_topics(bootstrap, wanted.values()), bootstrap=bootstrap, floor=Floor())
    if report.refused(strict=False):
        raise TopicMismatch(report)


async def made_topics(bootstrap: str, specs: Iterable[TopicSpec]) -> Mapping[str, Found]:
    """Creates the topics that are missing, and tells how each is. Raises KafkaError if the broker makes none or tells nothing."""
    wanted = list(specs)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        await _create(admin, wanted)  # first, because asking about a topic makes some brokers create it their own way
        names = [spec.name for spec in wanted]
        descriptions, configs = await _described(admin, names), await _configs(admin, names)
    finally:
        await admin.close()
    return {
        name: Found(
            partitions=len(partitions),
            replication=min(len(partition["replicas"]) for partition in partitions),
            config=configs.get(name),
        )
        for name, partitions in descriptions.items()
    }


async def _create(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(spec.name, num_partitions=spec.partitions, replication_factor=spec.replication, topic_configs=spec.config)
            for spec in specs
        ]
    )
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if error is not TopicAlreadyExistsError and code != 0:
            raise error(f"creating topic {name}")


async def _described(admin: AIOKafkaAdminClient, names: Sequence[str]) -> Mapping[str, Any]:
    """The partitions of each topic. A broker hears of one that was made just now a little later."""
    deadline = time.monotonic() + REQUEST_TIMEOUT_MS / 1000
    while True:
        topics = await admin.describe_topics(list(names))
        if all(topic["error_code"] == 0 and topic["partitions"] for topic in topics):
            return {topic["topic"]: topic["partitions"] for topic in topics}
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(f"not all of {names} are there: {topics}")
        await asyncio.sleep(_KNOWN_SOON)


_KNOWN_SOON = 0.05


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """The settings of each topic, defaults too; without those topics of which the broker does not tell any."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        answers = await admin.describe_configs(resources)
    except IncompatibleBrokerVersion as error:
        log.warning("topic_settings_not_told", error=repr(error))
        return {}
    told = [resource for answer in answers for resource in answer.resources]
    return {name: _settings(entries) for code, _message, _kind, name, entries in told if code == 0 and entries}


def _settings(entries: Iterable[Any]) -> Mapping[str, str]:
    return {name: value for name, value, *_ in entries}


async def stop_quietly(client: AIOKafkaProducer | AIOKafkaConsumer, *, within: float = 5.0) -> None:
    """Stops a client without waiting for ever for a broker that is gone."""
    try:
        await asyncio.wait_for(client.stop(), within)
    except (TimeoutError, KafkaError):
        await _hang_up(client, within)


async def abandon(producer: AIOKafkaProducer, *, within: float = 5.0) -> None:
    """Ends a producer that sends nothing more: what it could not send is for another one to send again, and must not come late.

    An idempotent batch never expires. `stop` tries to send it, and leaves behind, if it could not in time, a task that repeats it
    until the broker takes it, over connections that it opens anew.
    """
    producer._closed = True  # noqa: SLF001 (there is no public way to end one without sending what waits)
    sender = producer._sender.sender_task if producer._sender else None  # noqa: SLF001
    if sender:
        sender.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(producer.client.close(), within)
    if sender:
        sender.cancel()  # the first only ended what it would have begun
        await asyncio.wait([sender], timeout=within)


async def _hang_up(client: AIOKafkaProducer | AIOKafkaConsumer, within: float) -> None:
    """`stop` gave up before it closed the connections: without this they and their tasks would stay as long as the process."""
    if isinstance(client, AIOKafkaProducer):
        await abandon(client, within=within)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(client._client.close(), within)  # noqa: SLF001 (it has no public name)
