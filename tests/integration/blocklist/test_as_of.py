"""What was withheld at a past moment, and by whom: by example, and against a replay of what the timelines tell."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.blocklist.app import PACKAGE
from services.blocklist.domain.batch import BatchId
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Decision
from services.blocklist.handlers.decide import Decide, decide
from services.blocklist.handlers.endings import Act, rescind
from services.blocklist.handlers.release import Release, release
from services.blocklist.handlers.staying import stay, unstay
from services.blocklist.handlers.submit import submit
from services.blocklist.handlers.undo import Undo, undo_batch
from services.blocklist.handlers.unit import Unit
from services.blocklist.store import past
from shared.db import Database
from shared.http.problems import Refusal
from shared.ids import Key
from shared.migrations import migrate
from tests.support.blocklist import Api, Rows, all_rows, delete_all, make_commands
from tests.support.builders import IN, NOON, PK, directive_id, later_json, make_order, order_json, target
from tests.support.fakes import FakeClock

EYES = ("Asha", "Ravi")
TARGETS = [target(name) for name in "abc"]
Handle = Callable[[Unit], Awaitable[Any]]


async def withheld(api: Api, as_of: str) -> dict[str, Any]:
    found = await api.get("/v1/withholdings", as_of=as_of)
    return {each["target"]: each["claimants"] for each in found["items"]}


async def test_a_moment_shows_what_was_withheld_then_and_by_whom(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    first = await api.submit(order_json("@a", "@b"))
    set_now("2021-02-02T00:00:00Z")
    second = await api.submit(order_json("@b", reference="second"))
    set_now("2021-02-03T00:00:00Z")
    await api.post(f"/v1/directives/{first['id']}/rescind", {"targets": "all"})
    set_now("2021-02-04T00:00:00Z")

    one, two = first["id"], second["id"]
    assert await withheld(api, "2021-01-31T23:00:00Z") == {}
    assert await withheld(api, "2021-02-01T12:00:00Z") == {"account:a": [one], "account:b": [one]}
    assert await withheld(api, "2021-02-02T12:00:00Z") == {"account:a": [one], "account:b": sorted([one, two])}
    assert await withheld(api, "2021-02-03T12:00:00Z") == {"account:b": [two]}


async def test_the_past_of_one_target_has_the_versions_of_then(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    directive = await api.submit(order_json("@a"))
    set_now("2021-02-02T00:00:00Z")
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})
    set_now("2021-02-04T00:00:00Z")

    before = await api.get("/v1/withholdings/account:a", as_of="2021-01-31T00:00:00Z")
    then = await api.get("/v1/withholdings/account:a", as_of="2021-02-01T12:00:00Z")
    later = await api.get("/v1/withholdings/account:a", as_of="2021-02-03T00:00:00Z")

    assert (before["withheld"]["country_codes"], before["withholdings"]) == ([], [])
    assert then["withheld"] == {"country_codes": ["IN"], "scope": "user"}
    assert [(each["version"], each["claimants"]) for each in then["withholdings"]] == [(1, [directive["id"]])]
    assert [(each["version"], each["cause"], each["claimants"]) for each in later["withholdings"]] == [(2, "rescinded", [])]


async def test_a_change_counts_at_its_very_instant_and_of_several_the_last(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    await api.submit(later_json("@a"))
    await api.submit(order_json("@b"))
    instant = (await api.get("/v1/withholdings/account:b"))["withholdings"][0]["effective_at"]
    set_now("2021-02-02T00:00:00Z")

    assert list(await withheld(api, instant)) == ["account:b"]


async def test_the_past_is_read_page_by_page_and_filtered_as_the_present_is(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    directive = await api.submit(order_json("@a", "@b", "#c", "@d"))
    set_now("2021-02-02T00:00:00Z")
    body = {"cause": "error", "directive": directive["id"], "targets": ["@b"], "jurisdictions": ["IN"]}
    await api.post("/v1/releases", body)
    set_now("2021-02-03T00:00:00Z")
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@a", "#c"]})

    query: dict[str, Any] = {"as_of": "2021-02-02T12:00:00Z", "jurisdiction": "IN"}
    first = await api.get("/v1/withholdings", **query, state="all", limit=2)
    rest = await api.get("/v1/withholdings", **query, state="all", limit=2, cursor=first["next"])
    released = await api.get("/v1/withholdings", **query, state="released")
    hashtags = await api.get("/v1/withholdings", **query, type="hashtag")

    shown = [(each["target"], each["state"]) for each in (*first["items"], *rest["items"])]
    assert shown == [
        ("account:a", "withheld"), ("account:b", "released"), ("account:d", "withheld"), ("hashtag:c", "withheld"),
    ]  # fmt: skip
    assert [each["target"] for each in released["items"]] == ["account:b"]
    assert [each["target"] for each in hashtags["items"]] == ["hashtag:c"]
    assert (await api.get("/v1/withholdings", as_of=query["as_of"], jurisdiction="PK"))["items"] == []


@pytest.mark.parametrize("path", ["/v1/withholdings", "/v1/withholdings/account:a"])
@pytest.mark.parametrize("as_of", ["2999-01-01T00:00:00Z", "yesterday", "2021-01-01T00:00:00", "1612137600"])
async def test_a_moment_is_a_past_instant_with_its_offset(sqlite_api: Api, path: str, as_of: str) -> None:
    refused = await sqlite_api.get(path, 422, as_of=as_of)

    assert refused["errors"][0]["parameter"] == "as_of"


def replay(rows: Rows, at: datetime) -> dict[Key, set[str]]:
    """Who held what, by nothing but the case events up to this moment, one after the other."""
    items: dict[tuple[str, str], set[str]] = {}
    for row in sorted(rows["case_events"], key=lambda row: (row["directive"], row["revision"])):
        if row["type"] == "org.geowithhold.directive.items.v1" and row["at"] <= at:
            for item in row["data"]["items"]:
                places = set() if item["suspended"] else set(item["jurisdictions"])
                items[row["directive"], item["target"]] = places
    held: dict[Key, set[str]] = defaultdict(set)
    for (directive, named), places in items.items():
        for place in places:
            held[Key(place, named)].add(directive)  # type: ignore[arg-type]
    return dict(held)


def _comply(number: int, names: Sequence[Any]) -> Handle:
    command = Decide(
        directive=directive_id(number), decision=Decision.COMPLY, ground=None, selection=tuple(names), scope=None, memo=None
    )
    return lambda unit: decide(unit, command)


def _lift(number: int | None, names: Sequence[Any], cause: Cause) -> Handle:
    id_ = None if number is None else directive_id(number)
    command = Release(cause=cause, directive=id_, selection=tuple(names), scope=(IN,), memo="why", approvers=EYES)
    return lambda unit: release(unit, command)


def _act(act: Callable[[Unit, Act], Awaitable[Any]], number: int, names: Sequence[Any]) -> Handle:
    return lambda unit: act(unit, Act(directive=directive_id(number), selection=tuple(names), memo=None))


def _take_back(number: int) -> Handle:
    """Takes the batch back that this many others preceded."""

    async def handle(unit: Unit) -> Any:
        made = (await all_rows(unit.connection))["batches"]
        return await undo_batch(unit, Undo(batch=BatchId(made[number % len(made)]["id"]), memo="why", approvers=EYES))

    return handle


numbers = st.integers(0, 2)
names = st.lists(st.sampled_from(TARGETS), min_size=1, max_size=3, unique=True)
operations = st.one_of(
    st.builds(_comply, numbers, names),
    st.builds(_lift, st.none() | numbers, names, st.sampled_from([Cause.ERROR, Cause.PLATFORM_DECISION])),
    st.builds(_act, st.sampled_from([stay, unstay, rescind]), numbers, names),
    st.builds(_take_back, st.integers(0, 20)),
)
steps = st.lists(st.tuples(operations, st.sampled_from([0, 0, 1, 3])), max_size=14)
intakes = st.lists(st.tuples(names, st.booleans()), min_size=3, max_size=3)


class World:
    """A database in which a history is made, at instants that may be the same for several writes."""

    def __init__(self, run: Callable[[Awaitable[Any]], Any], database: Database) -> None:
        self.run = run
        self.database = database
        self.clock = FakeClock()
        self.commands = make_commands(database, self.clock)

    def make(self, orders: Sequence[tuple[list[Any], bool]], acts: Sequence[tuple[Handle, int]]) -> None:
        self.run(self.database.write(delete_all))
        self.clock.now = NOON
        for number, (wanted, at_intake) in enumerate(orders):
            order = make_order(number, *wanted, scope=(IN, PK), comply_at_intake=at_intake)
            self.run(self.commands.run(partial(submit, order=order)))
            self.clock.advance(timedelta(seconds=number))
        for handle, seconds in acts:
            self.clock.advance(timedelta(seconds=seconds))
            try:
                self.run(self.commands.run(handle))
            except Refusal:
                continue

    def moments(self) -> Iterator[datetime]:
        """Every instant at which something happened, and those in between."""
        for second in range(-1, int((self.clock.now - NOON).total_seconds()) + 2):
            yield NOON + timedelta(seconds=second)
            yield NOON + timedelta(seconds=second, milliseconds=500)

    def held(self, at: datetime) -> list[dict[str, Any]]:
        wanted: dict[str, Any] = {"place": None, "state": None, "target_type": None, "after": ("", ""), "limit": 100}
        found: list[dict[str, Any]] = self.run(self.database.read(lambda connection: past.page(connection, at, **wanted)))
        return found


@contextmanager
def world(url: str) -> Iterator[World]:
    with asyncio.Runner() as runner:

        def run(work: Awaitable[Any]) -> Any:
            async def inside() -> Any:
                return await work

            return runner.run(inside())

        run(migrate(url, PACKAGE))
        database = Database(url)
        try:
            yield World(run, database)
        finally:
            run(database.close())


@pytest.mark.parametrize(
    ("database", "examples"), [("sqlite_database", 40), pytest.param("postgres_database", 8, marks=pytest.mark.postgres)]
)
def test_any_moment_of_any_history_is_what_a_replay_up_to_it_tells(
    database: str, examples: int, request: pytest.FixtureRequest
) -> None:
    with world(request.getfixturevalue(database)) as made:

        @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(intakes, steps)
        def holds(orders: Sequence[tuple[list[Any], bool]], acts: Sequence[tuple[Handle, int]]) -> None:
            made.make(orders, acts)
            rows = made.run(made.database.read(all_rows))
            for at in made.moments():
                found = made.held(at)
                claimed = {Key(row["jurisdiction"], row["target"]): set(row["claimants"]) for row in found if row["claimants"]}
                states = {Key(row["jurisdiction"], row["target"]) for row in found if row["state"] == "withheld"}
                assert claimed == replay(rows, at)
                assert states == set(claimed)

        holds()
