"""A connection that is lost in COMMIT: what became of it is found out, never guessed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from services.blocklist.app import create_api
from services.blocklist.domain.batch import BatchId, OpenBatch
from services.blocklist.store import batches
from shared.db import Database, OutcomeUnknown, opened
from tests.support.blocklist import Rows, all_rows, client_of, delete_all, expect, make_settings
from tests.support.builders import later_json, order_json
from tests.support.eventually import eventually
from tests.support.postgres import ControlledPostgres
from tests.support.proxy import Effect, Proxy, proxied
from tests.support.relay_cases import FIRST, PLENTY, A, numbers, sql_case

pytestmark = pytest.mark.postgres

COMMIT = b"COMMIT;"
Fault = Callable[[Proxy], None]


def commit_lost(proxy: Proxy) -> None:
    proxy.cut_at(COMMIT)


def answer_lost(proxy: Proxy) -> None:
    proxy.cut_answer_to(COMMIT)


@pytest.fixture
async def proxy(server: ControlledPostgres) -> AsyncIterator[Proxy]:
    async with proxied(("127.0.0.1", server.port)) as running:
        yield running


@pytest.fixture
async def client(server: ControlledPostgres, database: Database, proxy: Proxy) -> AsyncIterator[httpx2.AsyncClient]:
    """The service behind the proxy, on empty tables."""
    await database.write(delete_all)
    async with client_of(create_api(make_settings(server.url(port=proxy.port)))) as running:
        yield running


async def rows(database: Database) -> Rows:
    return await database.read(all_rows)


async def send(client: httpx2.AsyncClient, body: Any, path: str = "/v1/directives", **headers: str) -> httpx2.Response:
    return await client.post(path, json=body, headers=headers)


@pytest.mark.fault(3)
@pytest.mark.parametrize("fault", [commit_lost, answer_lost])
@pytest.mark.parametrize("headers", [{"Idempotency-Key": "k"}, {}], ids=["with a key", "without a key"])
async def test_an_order_whose_commit_was_cut_off_is_one_directive_and_answered(
    client: httpx2.AsyncClient, database: Database, proxy: Proxy, fault: Fault, headers: dict[str, str]
) -> None:
    fault(proxy)

    answer = await send(client, order_json("@a"), **headers)

    stored = await rows(database)
    assert (answer.status_code, proxy.took[Effect.CUT]) == (201, 1)
    assert [row["id"] for row in stored["directives"]] == [answer.json()["id"]]
    assert [row["id"] for row in stored["batches"]] == [answer.json()["batch"]]
    assert [row["version"] for row in stored["withholdings"]] == [1]
    assert len(stored["idempotency"]) == len(headers)


@pytest.mark.fault(3)
@pytest.mark.parametrize("fault", [commit_lost, answer_lost])
async def test_a_repetition_whose_commit_was_cut_off_gets_the_answer_that_was_given(
    client: httpx2.AsyncClient, database: Database, proxy: Proxy, fault: Fault
) -> None:
    first = await send(client, order_json("@a"), **{"Idempotency-Key": "k"})
    fault(proxy)

    again = await send(client, order_json("@a"), **{"Idempotency-Key": "k"})

    assert (again.status_code, again.headers["Idempotency-Replayed"], proxy.took[Effect.CUT]) == (201, "true", 1)
    assert again.json() == first.json()
    assert len((await rows(database))["directives"]) == 1


@pytest.mark.fault(3)
@pytest.mark.parametrize("fault", [commit_lost, answer_lost])
async def test_a_decision_without_a_key_is_made_once(
    client: httpx2.AsyncClient, database: Database, proxy: Proxy, fault: Fault
) -> None:
    directive = (await send(client, later_json("@a", "@b"))).json()
    fault(proxy)

    answer = await send(
        client, {"decision": "comply", "targets": "undecided"}, path=f"/v1/directives/{directive['id']}/decisions"
    )

    stored = await rows(database)
    assert (answer.status_code, proxy.took[Effect.CUT]) == (200, 1)
    assert [row["id"] for row in stored["batches"]][1:] == [answer.json()["batch"]]
    assert [row["version"] for row in stored["withholdings"]] == [1, 1]


@pytest.mark.fault(3)
@pytest.mark.parametrize(("fault", "stored"), [(commit_lost, 0), (answer_lost, 1)])
async def test_what_leaves_no_name_is_said_to_be_unknown_and_how_to_find_out(
    client: httpx2.AsyncClient, database: Database, proxy: Proxy, fault: Fault, stored: int
) -> None:
    directive = (await send(client, order_json("@a"))).json()
    before = len((await rows(database))["notices"])
    fault(proxy)

    notice = {"kind": "reminder", "issued_at": "2021-02-03T06:00:00Z"}
    answer = await send(client, notice, path=f"/v1/directives/{directive['id']}/notices")

    problem = expect(answer, 503)
    assert problem["type"] == "urn:geowithhold:problem:outcome-unknown"
    assert "timeline" in problem["detail"]
    assert answer.headers["retry-after"] == "1"
    assert len((await rows(database))["notices"]) - before == stored


@pytest.mark.fault(3)
async def test_what_leaves_no_name_is_done_once_with_a_key(client: httpx2.AsyncClient, database: Database, proxy: Proxy) -> None:
    directive = (await send(client, order_json("@a"))).json()
    before = len((await rows(database))["notices"])
    answer_lost(proxy)

    notice = {"kind": "reminder", "issued_at": "2021-02-03T06:00:00Z"}
    answer = await send(client, notice, f"/v1/directives/{directive['id']}/notices", **{"Idempotency-Key": "k"})

    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert len((await rows(database))["notices"]) - before == 1


@pytest.mark.fault(3)
@pytest.mark.parametrize("fault", [commit_lost, answer_lost])
async def test_a_request_that_was_answered_before_is_answered_alike_if_this_commit_is_cut_off(
    client: httpx2.AsyncClient, database: Database, proxy: Proxy, fault: Fault
) -> None:
    first = await send(client, order_json("@a"), **{"Idempotency-Key": "k"})
    fault(proxy)

    again = await send(client, order_json("@a"), **{"Idempotency-Key": "k"})

    assert (again.status_code, again.json(), proxy.took[Effect.CUT]) == (201, first.json(), 1)
    assert [row["id"] for row in (await rows(database))["directives"]] == [first.json()["id"]]


@pytest.mark.fault(3)
@pytest.mark.parametrize("fault", [commit_lost, answer_lost])
async def test_while_the_database_stays_away_the_outcome_is_unknown_and_the_key_tells_it_later(
    client: httpx2.AsyncClient, database: Database, proxy: Proxy, fault: Fault
) -> None:
    fault(proxy)
    proxy.after_cut = proxy.reset_new

    unknown = await send(client, order_json("@a"), **{"Idempotency-Key": "k"})
    proxy.after_cut = bool
    proxy.restore()
    known = await send(client, order_json("@a"), **{"Idempotency-Key": "k"})

    assert expect(unknown, 503)["type"] == "urn:geowithhold:problem:outcome-unknown"
    assert "same Idempotency-Key" in unknown.json()["detail"]
    assert known.status_code == 201
    assert known.headers.get("idempotency-replayed") == ("true" if fault is answer_lost else None)
    assert [row["id"] for row in (await rows(database))["directives"]] == [known.json()["id"]]


@pytest.mark.fault(3)
@pytest.mark.parametrize("ends", ["commit", "rollback"])
async def test_a_name_that_somebody_is_about_to_take_is_waited_for(database: Database, ends: str) -> None:
    batch = OpenBatch(id=BatchId(f"bat_{ends}"))
    at = (await database.read(lambda connection: connection.scalar(text("SELECT now()")))).astimezone(UTC)
    async with database._engines.writer.connect() as other:
        await batches.add(other, batch, at, withholdings_changed=0)
        looking = asyncio.create_task(database.rehearse(lambda connection: batches.is_taken(connection, batch, at)))
        await eventually(lambda: waiting(database))
        await (other.commit() if ends == "commit" else other.rollback())

        assert await looking is (ends == "commit")


async def waiting(database: Database) -> int:
    asked = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return int(await database.look(lambda connection: connection.scalar(asked)) or 0)


@pytest.mark.fault(3)
@pytest.mark.parametrize(("fault", "left"), [(commit_lost, [(1, 2)]), (answer_lost, [])])
async def test_a_relay_whose_mark_was_cut_off_finds_the_same_numbers_or_nothing_left(
    server: ControlledPostgres, database: Database, proxy: Proxy, fault: Fault, left: list[tuple[int, int]]
) -> None:
    await database.write(delete_all)
    async with opened(Database(server.url(port=proxy.port))) as far:
        case = sql_case(far)
        await case.store.ensure([FIRST])
        await case.queue(FIRST, 2)
        hold = (await case.held())[FIRST]
        batch = await case.batch(hold)
        fault(proxy)
        with pytest.raises(OutcomeUnknown):
            await case.mark(batch)

        again = await case.store.take(A, [hold], PLENTY)

    assert [numbers(batch) for batch in again] == ([left] if left else [])
    assert proxy.took[Effect.CUT] == 1
