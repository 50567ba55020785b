from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.broker import produce, read_topic
from tests.support.eventually import eventually
from tools.broker import Broker, BrokerError, answers_kafka, free_port, running_broker


async def test_records_come_back_in_order_with_keys_headers_and_tombstones(broker: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}withholdings"
    sent = [("IN/account:a", b"{}", [("ce_id", b"1")]), ("IN/account:a", None, [("ce_id", b"2")])]

    await produce(broker, topic, sent)
    received = await read_topic(broker, topic, until=lambda records: len(records) >= 2)

    assert [(record.key.decode(), record.value, list(record.headers)) for record in received] == sent


async def test_a_broker_keeps_its_port_and_its_data_over_a_restart(tmp_path: Path) -> None:
    with running_broker(tmp_path / "data") as broker:
        port = broker.port
        await produce(broker.bootstrap, "kept", [("k", b"v", [])])

        broker.stop()
        await eventually(lambda: not answers_kafka(port))
        broker.start()

        assert broker.port == port
        assert len(await read_topic(broker.bootstrap, "kept", until=bool)) == 1


def test_a_killed_broker_starts_again(tmp_path: Path) -> None:
    with running_broker(tmp_path / "data") as broker:
        broker.kill()
        assert broker.pid is None

        broker.start()

        assert answers_kafka(broker.port)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with running_broker(tmp_path / "one") as broker:
        second = Broker(tmp_path / "two", port=broker.port)

        with pytest.raises(BrokerError, match=f"port {broker.port} is taken"):
            second.start()


def test_a_broker_that_dies_at_its_start_shows_its_log(tmp_path: Path) -> None:
    with running_broker(tmp_path / "data"), pytest.raises(BrokerError, match="already running"):
        Broker(tmp_path / "data", port=free_port()).start()


async def test_the_database_of_a_test_is_empty_and_answers(database_url: str) -> None:
    async_url = database_url.replace("postgresql:", "postgresql+asyncpg:").replace("sqlite:", "sqlite+aiosqlite:")
    engine = create_async_engine(async_url)

    try:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE fresh (id INTEGER PRIMARY KEY)"))
            rows = await connection.scalar(text("SELECT count(*) FROM fresh"))
    finally:
        await engine.dispose()

    assert rows == 0
