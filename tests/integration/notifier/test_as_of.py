"""The past: what the service answered at an instant, it answers to `as_of` that instant for ever."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.api import present
from services.notifier.handlers.deadlines import run_out
from services.notifier.handlers.places import report_places
from services.notifier.handlers.standing import report_on
from services.notifier.handlers.unit import Unit
from services.notifier.tables import metadata
from shared.events import CaseEvent, DirectiveRescinded, DirectiveStayed
from shared.http.problems import Refusal
from shared.ids import DirectiveId, Jurisdiction, TargetType
from tests.integration.notifier.test_api import application, pointers
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    AT,
    DIRECTIVE,
    OTHER_DIRECTIVE,
    after,
    counts,
    decided,
    item,
    items,
    noticed,
    received,
    replied,
    report,
    withholding,
)

IN, DE = Jurisdiction("IN"), Jurisdiction("DE")
TARGETS = ("account:a", "hashtag:b")
DIRECTIVES = (DIRECTIVE, OTHER_DIRECTIVE)
POINTS = ("search", "cdn")
SCOPES: tuple[tuple[tuple[str, ...], tuple[TargetType, ...]], ...] = (
    (("IN", "DE"), tuple(TargetType)),
    (("IN",), tuple(TargetType)),
    (("IN", "DE"), (TargetType.ACCOUNT,)),
    (("DE",), (TargetType.HASHTAG,)),
)

Step = tuple[str, Any]
_index = st.integers(0, 1)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 70, 1800, 4000])),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(st.just("register"), st.tuples(st.sampled_from(POINTS), st.sampled_from(SCOPES))),
    st.tuples(st.just("withhold"), st.tuples(st.sampled_from(TARGETS), st.sampled_from(["IN", "DE"]), _index)),
    st.tuples(
        st.just("report"),
        st.tuples(
            st.sampled_from(POINTS),
            st.sampled_from(TARGETS),
            st.sampled_from(["IN", "DE"]),
            st.sampled_from(["applied", "applied", "failed", "reverted"]),
        ),
    ),
    st.tuples(
        st.just("item"),
        st.tuples(_index, st.sampled_from(TARGETS), st.sampled_from(["complied", "idle", "refused", "released"]), st.booleans()),
    ),
    st.tuples(st.just("comply"), st.tuples(_index, st.sampled_from(TARGETS))),
    st.tuples(st.just("notice"), st.tuples(_index, st.sampled_from(["non_compliance", "clarification", "hearing"]))),
    st.tuples(st.just("reply"), st.tuples(_index, st.sampled_from(["acknowledgement", "clarification_request"]))),
    st.tuples(st.just("status"), st.tuples(_index, st.sampled_from(["stayed", "rescinded"]))),
)


@dataclass
class Story:
    """What has been told so far, and what was answered when."""

    world: World
    revisions: dict[DirectiveId, int] = field(default_factory=dict)
    decisions: dict[DirectiveId, dict[str, str]] = field(default_factory=dict)
    statuses: dict[DirectiveId, str] = field(default_factory=dict)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    answers: list[tuple[Any, Any]] = field(default_factory=list)

    async def take(self, step: Step) -> None:
        kind, argument = step
        await getattr(self, f"_{kind}")(argument)

    async def _wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    async def _ask(self, _: None) -> None:
        """Time has run out for what it has run out for, and nothing else happens at the moment of the question."""
        while await self.world.commands.run(lambda unit: run_out(unit, limit=100)):
            pass
        self.answers.append((self.world.clock(), await ask(self.world, None)))
        self.world.clock.advance(1)

    async def _register(self, argument: Any) -> None:
        name, (places, types) = argument
        await self.world.register(name, *places, types=types)

    async def _withhold(self, argument: Any) -> None:
        target, place, number = argument
        version = self.versions[place, target] = self.versions.get((place, target), 0) + 1
        event = withholding(target, version, jurisdiction=place, effective_at=self.world.clock())
        await self.world.withhold(replace(event, directives=(DIRECTIVES[number],)))

    async def _report(self, argument: Any) -> None:
        point, target, place, state = argument
        version = self.versions.get((place, target), 1)
        await self.world.report(report(target, version, state, point=point, jurisdiction=place, at=self.world.clock()))

    async def _item(self, argument: Any) -> None:
        number, target, chosen, both = argument
        decision = "complied" if chosen == "idle" else chosen
        id_ = DIRECTIVES[number]
        await self._receive(id_)
        self.decisions[id_][target] = decision
        released = decision == "released"
        changed = item(
            target,
            decision,
            places=() if chosen == "idle" else ("DE", "IN") if both else ("IN",),
            cause="platform_decision" if released else None,
            unilateral=released,
            suspended=decision == "complied" and self.statuses[id_] == "stayed",
        )
        await self._tell(items(self._next(id_), changed, directive=id_, **self._case(id_)))

    async def _comply(self, argument: Any) -> None:
        """All the way: decided, withheld, applied at every point that is asked."""
        number, target = argument
        await self._item((number, target, "complied", False))
        if self.versions.get(("IN", target), 0) % 2 == 0:
            await self._withhold((target, "IN", number))
        for point in POINTS:
            await self._report((point, target, "IN", "applied"))

    async def _notice(self, argument: Any) -> None:
        number, kind = argument
        id_ = DIRECTIVES[number]
        await self._receive(id_)
        now = self.world.clock()
        event = noticed(self._next(id_), kind=kind, **self._case(id_))
        due_at = now + timedelta(seconds=2000)
        await self._tell(
            replace(event, directive=id_, notice=f"{id_}{event.notice}", notice_received_at=now, notice_due_at=due_at)
        )

    async def _reply(self, argument: Any) -> None:
        number, kind = argument
        id_ = DIRECTIVES[number]
        await self._receive(id_)
        event = replied(self._next(id_), sent_at=self.world.clock(), **self._case(id_))
        await self._tell(replace(event, directive=id_, kind=kind, reply=f"{id_}{event.reply}"))

    async def _status(self, argument: Any) -> None:
        number, status = argument
        id_ = DIRECTIVES[number]
        await self._receive(id_)
        self.statuses[id_] = status
        told = decided(self._next(id_), directive=id_, **self._case(id_))
        shared = {name: getattr(told, name) for name in ("directive", "revision", *self._case(id_)) if name != "tally"}
        shared |= {"counts": told.counts, "issued_at": told.issued_at, "received_at": told.received_at, "due_at": told.due_at}
        if status == "stayed":
            await self._tell(DirectiveStayed(**shared, suspended=1))
        else:
            await self._tell(DirectiveRescinded(**shared, released=1, withdrawn=0))

    async def _receive(self, id_: DirectiveId) -> None:
        if id_ not in self.revisions:
            self.decisions[id_] = dict.fromkeys(TARGETS, "undecided")
            self.statuses[id_] = "in_force"
            await self._tell(received(self._next(id_), directive=id_, **self._case(id_)))
            asked = (item(target, "undecided") for target in TARGETS)
            await self._tell(items(self._next(id_), *asked, directive=id_, **self._case(id_)))

    def _next(self, id_: DirectiveId) -> int:
        self.revisions[id_] = self.revisions.get(id_, 0) + 1
        return self.revisions[id_]

    def _case(self, id_: DirectiveId) -> dict[str, Any]:
        states = list(self.decisions[id_].values())
        tally = counts(
            **{state: states.count(state) for state in ("undecided", "complied", "refused")},
            released={"platform_decision": states.count("released")},
        )
        return {
            "tally": tally,
            "jurisdictions": (DE, IN),
            "legal_basis": "eu-tco",
            "status": self.statuses[id_],
            "issued_at": after(60_000_000),
        }

    async def _tell(self, event: CaseEvent) -> None:
        await self.world.tell(event)


async def ask(world: World, as_of: Any) -> Any:
    async def everything(unit: Unit) -> Any:
        cases: list[Any] = []
        for id_ in DIRECTIVES:
            try:
                cases.append(present.compliance(await report_on(unit, id_, as_of=as_of)).model_dump(mode="json"))
            except Refusal as refused:
                cases.append(str(refused))
        places = await report_places(unit, [IN, DE], as_of=as_of)
        return [*cases, *(present.jurisdiction(place).model_dump(mode="json") for place in places)]

    return await world.commands.ask(everything)


async def empty(world: World) -> None:
    async def work(connection: AsyncConnection) -> None:
        for table in metadata.sorted_tables:
            await connection.execute(delete(table))

    await world.database.write(work)
    world.clock.now = AT


async def holds(world: World, steps: list[Step]) -> None:
    await empty(world)
    story = Story(world)
    for step in steps:
        await story.take(step)
    await story.take(("ask", None))
    world.clock.advance(10_000)
    await story.take(("ask", None))

    for at, answered in story.answers:
        assert (at, await ask(world, at)) == (at, answered)


@given(steps=st.lists(STEPS, max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_was_answered_then_is_answered_to_as_of_then_on_sqlite(sqlite_world: World, steps: list[Step]) -> None:
    await holds(sqlite_world, steps)


@pytest.mark.postgres
@given(steps=st.lists(STEPS, max_size=25))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_was_answered_then_is_answered_to_as_of_then_on_postgresql(postgres_world: World, steps: list[Step]) -> None:
    await holds(postgres_world, steps)


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application(world)), base_url="http://notifier") as client:
        yield client


COMPLIANCE = f"/v1/directives/{DIRECTIVE}/compliance"


async def test_the_past_is_asked_for_by_an_instant(http: httpx2.AsyncClient, world: World) -> None:
    await world.register()
    await world.tell(received(), items(2, item(), tally=counts(complied=1)))
    await world.withhold(withholding())
    world.clock.advance(10)
    await world.report(report(at=after(10)))
    world.clock.advance(10)

    before = await http.get(COMPLIANCE, params={"as_of": "2021-01-31T06:00:09Z"})
    after_it = await http.get(COMPLIANCE, params={"as_of": "2021-01-31T11:30:10+05:30"})
    place = await http.get("/v1/jurisdictions/IN", params={"as_of": "2021-01-31T06:00:09Z"})

    assert [before.json()[name] for name in ("status", "enforced", "pending")] == ["pending", 0, 1]
    assert [after_it.json()[name] for name in ("status", "enforced", "pending")] == ["complied", 1, 0]
    assert (place.json()["withheld"], place.json()["enforcements"]["pending"]) == (1, 1)
    assert place.json()["next_due_at"] == "2021-01-31T06:01:00Z"


@pytest.mark.parametrize("path", [COMPLIANCE, "/v1/jurisdictions/IN"])
@pytest.mark.parametrize("as_of", ["2021-01-31T06:00:01Z", "2021-01-31T06:00:00", "1612072800", "yesterday"])
async def test_the_future_and_what_is_no_instant_are_refused(
    http: httpx2.AsyncClient, world: World, path: str, as_of: str
) -> None:
    await world.tell(received())

    answer = await http.get(path, params={"as_of": as_of})

    assert (answer.status_code, pointers(answer)) == (422, ["as_of"])


async def test_a_directive_that_had_not_been_heard_of_is_not_found(http: httpx2.AsyncClient, world: World) -> None:
    await world.tell(received())

    assert (await http.get(COMPLIANCE, params={"as_of": "2021-01-31T05:59:59Z"})).status_code == 404
