"""Topics on a broker: made where they are missing, held to the contract, and a start that is refused."""

from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import CollectorRegistry

from services.notifier.settings import NotifierSettings
from shared.kafka import made_topics
from shared.migrations import migrate
from shared.topic_check import Found, TopicMismatch
from shared.topic_guard import TopicGuard, refuse_wrong_topics
from shared.topics import Topics
from tests.support.processes import started
from tools.broker import free_port

NOBODY = "127.0.0.1:1"


def settings(bootstrap: str, prefix: str, **changes: Any) -> NotifierSettings:
    names = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "GEOWITHHOLD_TOPIC_PREFIX": prefix, "GEOWITHHOLD_PARTITIONS": 2}
    return NotifierSettings.model_validate(names | changes)


async def make(bootstrap: str, name: str, partitions: int = 2, **config: str) -> None:
    """A topic as somebody else would make it; `_` in a setting stands for a dot."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        given = {setting.replace("_", "."): value for setting, value in config.items()}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=given)])
    finally:
        await admin.close()


async def test_topics_that_are_missing_are_made_as_the_contract_says(broker: str, topic_prefix: str) -> None:
    topics = Topics(prefix=topic_prefix, partitions=2)

    first = await made_topics(broker, topics.specs())
    again = await made_topics(broker, topics.specs())

    assert first == again
    assert {(found.partitions, found.replication) for found in first.values()} == {(2, 1)}
    for spec in topics.specs():
        assert spec.config.items() <= (first[spec.name].config or {}).items()


async def test_right_topics_are_said_to_be_right(broker: str, topic_prefix: str) -> None:
    metrics = CollectorRegistry()
    guard = TopicGuard(settings(broker, topic_prefix), metrics)
    before = await guard.said()

    await guard.ensure()

    after = await guard.said()
    assert (before.details, after.details, after.degraded) == (
        {"topics": "not checked yet"},
        {"topics": "as they should be"},
        None,
    )
    assert metrics.get_sample_value("geowithhold_topic_mismatches") == 0


@pytest.mark.fault(19)
async def test_wrong_topics_are_loud_and_in_strict_mode_refused(broker: str, topic_prefix: str) -> None:
    await make(broker, f"{topic_prefix}.withholdings.v1", cleanup_policy="delete")
    metrics = CollectorRegistry()
    tolerant = TopicGuard(settings(broker, topic_prefix), metrics)
    strict = TopicGuard(settings(broker, topic_prefix, GEOWITHHOLD_STRICT_TOPICS=True), CollectorRegistry())

    await tolerant.ensure()
    with pytest.raises(TopicMismatch) as refused:
        await strict.ensure()

    said = await tolerant.said()
    assert (said.ready, said.degraded) == (True, "topics are not as the contract needs them")
    assert f"{topic_prefix}.withholdings.v1: cleanup.policy is delete" in said.details["topics"]
    assert metrics.get_sample_value("geowithhold_topic_mismatches") == 2
    assert {mismatch.setting for mismatch in refused.value.report.mismatches} == {"cleanup.policy", "min.compaction.lag.ms"}


@pytest.mark.fault(19)
async def test_in_production_topics_with_one_copy_are_refused_unless_somebody_allows_it(broker: str, topic_prefix: str) -> None:
    await made_topics(broker, Topics(prefix=topic_prefix, partitions=2).specs())
    production: dict[str, Any] = {"GEOWITHHOLD_ENVIRONMENT": "production", "NOTIFIER_DATABASE_URL": "postgresql://h/n"}
    weak = production | {"GEOWITHHOLD_REPLICATION": 1, "GEOWITHHOLD_ALLOW_WEAK_REPLICATION": True}

    with pytest.raises(TopicMismatch, match=r"replication\.factor is 1, wanted 3 or more"):
        await TopicGuard(settings(broker, topic_prefix, **production), CollectorRegistry()).ensure()
    await TopicGuard(settings(broker, topic_prefix, **weak), CollectorRegistry()).ensure()


async def test_a_broker_that_tells_no_settings_is_not_taken_for_right(
    broker: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told_nothing(_bootstrap: str, specs: Any) -> dict[str, Found]:
        return {spec.name: Found(partitions=2, replication=1, config=None) for spec in specs}

    monkeypatch.setattr("shared.topic_guard.made_topics", told_nothing)
    guard = TopicGuard(settings(broker, topic_prefix, GEOWITHHOLD_STRICT_TOPICS=True), CollectorRegistry())

    await guard.ensure()

    assert (await guard.said()).details == {"topics": "not verifiable"}


@pytest.mark.fault(19)
async def test_a_process_refuses_its_start_with_everything_that_is_wrong(broker: str, topic_prefix: str, tmp_path: Path) -> None:
    await make(broker, f"{topic_prefix}.withholdings.v1", partitions=3, cleanup_policy="delete")
    await make(broker, f"{topic_prefix}.directives.v1", cleanup_policy="delete", retention_ms="1000")
    database, log = f"sqlite:///{tmp_path / 'notifier.sqlite3'}", tmp_path / "log"
    await migrate(database, "services.notifier")
    env = {
        "NOTIFIER_DATABASE_URL": database,
        "NOTIFIER_PORT": str(free_port()),
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix,
        "GEOWITHHOLD_PARTITIONS": "2",
    }

    with started("services.notifier", "run", env=env, port=int(env["NOTIFIER_PORT"]), log=log) as process:
        assert await process.ended(within=60) == 1

    for wrong in (
        f"{topic_prefix}.withholdings.v1: partitions is 3, wanted 2",
        f"{topic_prefix}.withholdings.v1: cleanup.policy is delete, wanted compact",
        f"{topic_prefix}.directives.v1: retention.ms is 1000, wanted 31536000000 or more",
        f"kafka-configs.sh --bootstrap-server {broker} --alter",
    ):
        assert wrong in log.read_text()


def test_a_broker_that_is_down_refuses_no_start(topic_prefix: str) -> None:
    refuse_wrong_topics(settings(NOBODY, topic_prefix, GEOWITHHOLD_STRICT_TOPICS=True))
