"""The service whole, with the real broker, in this process."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from standardwebhooks import Webhook

from services.notifier.__main__ import main
from services.notifier.app import PACKAGE, create_app
from services.notifier.settings import NotifierSettings
from shared.events import decode
from shared.kafka import ensure_topics
from shared.migrations import migrate
from shared.topics import Topics
from tests.support.blocklist import silence_logs
from tests.support.broker import produce, read_topic
from tests.support.eventually import eventually
from tests.support.receiver import receiving
from tests.unit.notifier.builders import record, withholding

NOBODY = "127.0.0.1:1"


def settings(url: str, *, broker: str = NOBODY, prefix: str = "test", **changes: Any) -> NotifierSettings:
    return NotifierSettings.model_validate(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "GEOWITHHOLD_TOPIC_PREFIX": prefix,
            "GEOWITHHOLD_PARTITIONS": 1,
            "NOTIFIER_DATABASE_URL": url,
            "BLOCKLIST_URL": f"http://{NOBODY}",
            "NOTIFIER_INSTANCE": "test",
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Drawing the tracebacks of whatever misses its tables would keep the loop busy for seconds."""
    silence_logs()
    yield
    structlog.reset_defaults()


@asynccontextmanager
async def started(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url="http://notifier") as client:
        yield client


async def test_what_kafka_says_is_answered_over_http_and_measured(migrated_sqlite: str, broker: str, topic_prefix: str) -> None:
    app = create_app(settings(migrated_sqlite, broker=broker, prefix=topic_prefix))
    async with started(app) as http:

        async def ready() -> bool:
            report = (await http.get("/readyz")).json()
            return bool(report["ready"] and report["consumer"] == "assigned")

        became_ready: bool = await eventually(ready, within=20)
        await http.put("/v1/enforcement-points/search", json={"jurisdictions": ["IN"]})
        event = record(withholding())
        topic = f"{topic_prefix}.withholdings.v1"
        await produce(broker, topic, [(event.key.decode(), event.value, list(event.headers))])

        async def withheld() -> bool:
            return bool((await http.get("/v1/jurisdictions/IN")).json()["withheld"])

        became_withheld: bool = await eventually(withheld, within=20)
        shown = (await http.get("/metrics")).text

    assert (became_ready, became_withheld) == (True, True)
    assert 'geowithhold_enforcements{jurisdiction="IN",state="pending"} 1.0' in shown
    assert 'geowithhold_unilateral_releases{jurisdiction="IN"} 0.0' in shown
    assert f'geowithhold_consumer_lag_seconds{{topic="{topic}"}}' in shown
    assert "geowithhold_quarantined 0.0" in shown
    assert "geowithhold_version_holes_total 0.0" in shown


async def published(http: httpx2.AsyncClient) -> bool:
    shown = (await http.get("/metrics")).text
    return 'events_published_total{topic="' in shown and 'compliance.v1"} 1.0' in shown


async def lose_a_version(broker: str, prefix: str) -> None:
    event = record(withholding(version=2))
    await produce(broker, f"{prefix}.withholdings.v1", [(event.key.decode(), event.value, list(event.headers))])


async def test_what_it_found_goes_to_the_compliance_topic(database_url: str, broker: str, topic_prefix: str) -> None:
    await migrate(database_url, PACKAGE)
    topics = Topics(prefix=topic_prefix, partitions=1)
    await ensure_topics(broker, topics.specs())
    await lose_a_version(broker, topic_prefix)
    async with started(create_app(settings(database_url, broker=broker, prefix=topic_prefix))) as http:
        (record_,) = await read_topic(broker, topics.compliance, until=bool, within=20)
        was_published: bool = await eventually(lambda: published(http), within=20)
        shown = (await http.get("/metrics")).text

    found = decode(record_.value, record_.headers)
    assert (found.type, found.subject) == ("org.geowithhold.history.incomplete.v1", "IN/account:a")
    assert (was_published, "geowithhold_outbox_unpublished 0.0" in shown) == (True, True)
    assert "geowithhold_outbox_oldest_seconds 0.0" in shown


async def test_who_subscribed_is_told_of_what_kafka_says(database_url: str, broker: str, topic_prefix: str) -> None:
    await migrate(database_url, PACKAGE)
    await ensure_topics(broker, Topics(prefix=topic_prefix, partitions=1).specs())
    made = settings(database_url, broker=broker, prefix=topic_prefix, NOTIFIER_WEBHOOKS_ALLOW_PRIVATE=True)
    async with receiving() as receiver, started(create_app(made)) as http:
        subscription = {"jurisdictions": ["IN"], "channel": {"webhook": {"url": receiver.url}}}
        secret = (await http.put("/v1/subscriptions/desk", json=subscription)).json()["channel"]["webhook"]["secret"]
        await lose_a_version(broker, topic_prefix)
        await eventually(lambda: receiver.posted, within=20)

        async def counted() -> bool:
            shown = (await http.get("/metrics")).text
            sent = 'geowithhold_deliveries_total{channel="webhook",outcome="sent"} 1.0'
            return sent in shown and "geowithhold_deliveries_waiting 0.0" in shown

        was_counted: bool = await eventually(counted, within=20)

    (posted,) = receiver.posted
    told = Webhook(secret).verify(posted.body, posted.headers)
    assert (told["type"], told["subject"], was_counted) == ("org.geowithhold.history.incomplete.v1", "IN/account:a", True)


async def test_without_kafka_it_answers_what_it_knows(migrated_sqlite: str) -> None:
    async with started(create_app(settings(migrated_sqlite))) as http:
        alive, ready = await http.get("/livez"), await http.get("/readyz")
        zeros = await http.get("/v1/jurisdictions/IN")

    assert (alive.status_code, ready.status_code, zeros.status_code) == (200, 200, 200), ready.json()
    assert ready.json()["consumer"] == "not assigned yet"


async def test_it_is_not_ready_before_its_database_is_migrated(sqlite_database: str) -> None:
    async with started(create_app(settings(sqlite_database))) as http:
        report = (await http.get("/readyz")).json()

    assert (report["ready"], report["migrations"]) == (False, "run migrate")


async def test_it_is_not_ready_without_its_database() -> None:
    async with started(create_app(settings("postgresql://nobody@127.0.0.1:1/none"))) as http:
        answer = await http.get("/readyz")

    assert (answer.status_code, set(answer.json())) == (503, {"ready", "database"})


def test_migrate_makes_the_database(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "made.sqlite3"

    subprocess.run(
        [sys.executable, "-m", "services.notifier", "migrate"],
        env=os.environ | {"NOTIFIER_DATABASE_URL": f"sqlite:///{file}"},
        check=True,
        capture_output=True,
    )

    assert file.exists()


def test_an_unknown_role_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dance"])

    assert "invalid choice" in capsys.readouterr().err
