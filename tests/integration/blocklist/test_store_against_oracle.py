"""Handlers and store on real databases, driven through random histories beside the oracle of `tests.support.claims_machine`."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.app import PACKAGE
from services.blocklist.domain.batch import BatchId
from services.blocklist.domain.causes import FINAL, Cause
from services.blocklist.domain.item import Decision
from services.blocklist.domain.selection import Selection
from services.blocklist.domain.tally import Tally, tally_of
from services.blocklist.handlers.decide import Decide, decide
from services.blocklist.handlers.endings import Act, expire, quash, rescind
from services.blocklist.handlers.interim import lapse
from services.blocklist.handlers.release import Release, release
from services.blocklist.handlers.staying import stay, unstay
from services.blocklist.handlers.submit import submit
from services.blocklist.handlers.supersede import Supersede, supersede
from services.blocklist.handlers.undo import Undo, undo_batch
from services.blocklist.handlers.unit import Unit
from services.blocklist.outbound import counts
from services.blocklist.store.idempotency import Answer
from services.blocklist.store.items import item_of
from shared.db import Database
from shared.events import CaseEvent, WithholdingChanged
from shared.http.problems import Refusal
from shared.ids import DirectiveId, Jurisdiction, Key, Target
from shared.migrations import migrate
from tests.support.blocklist import Rows, all_rows, decoded, delete_all, make_commands, queued
from tests.support.builders import NOON, make_order
from tests.support.claims_machine import ClaimsMachine, System
from tests.support.fakes import FakeClock

T = TypeVar("T")
Handle = Callable[[Unit], Awaitable[Answer]]


class Store(System):
    """One database for many histories; each leaves it empty."""

    def __init__(self, run: Callable[[Awaitable[Any]], Any], database: Database) -> None:
        self.run = run
        self.database = database
        self.clock = FakeClock()
        self.commands = make_commands(database, self.clock)

    def submit(self, number: int, targets: tuple[Target, ...], scope: tuple[Jurisdiction, ...], *, at_intake: bool) -> None:
        end = NOON + timedelta(hours=1)
        order = make_order(number, *targets, scope=scope, comply_at_intake=at_intake, expires_at=end, interim=True, lapses_at=end)
        assert self._carry_out(lambda unit: submit(unit, order))

    def decide(self, id_: DirectiveId, decision: Decision, selection: Selection, scope: tuple[Jurisdiction, ...] | None) -> bool:
        ground = "other" if decision is Decision.REFUSE else None
        command = Decide(directive=id_, decision=decision, ground=ground, selection=selection, scope=scope, memo=None)
        return self._carry_out(lambda unit: decide(unit, command))

    def release(self, id_: DirectiveId | None, selection: Selection, scope: tuple[Jurisdiction, ...], cause: Cause) -> bool:
        command = Release(cause=cause, directive=id_, selection=selection, scope=scope, memo="why", approvers=("a", "b"))
        return self._carry_out(lambda unit: release(unit, command))

    def rescind(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(lambda unit: rescind(unit, Act(directive=id_, selection=selection)))

    def expire(self, id_: DirectiveId) -> bool:
        return self._later(lambda unit: expire(unit, id_))

    def lapse(self, id_: DirectiveId) -> bool:
        return self._later(lambda unit: lapse(unit, id_))

    def quash(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(lambda unit: quash(unit, Act(directive=id_, selection=selection)))

    def stay(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(lambda unit: stay(unit, Act(directive=id_, selection=selection)))

    def unstay(self, id_: DirectiveId, selection: Selection) -> bool:
        return self._carry_out(lambda unit: unstay(unit, Act(directive=id_, selection=selection)))

    def supersede(self, old: DirectiveId, new: DirectiveId) -> None:
        assert self._carry_out(lambda unit: supersede(unit, Supersede(directive=old, by=new, memo=None)))

    def unblock(self, number: int, targets: tuple[Target, ...], scope: tuple[Jurisdiction, ...]) -> bool:
        order = make_order(number, *targets, scope=scope, comply_at_intake=True, kind="unblock")
        return self._carry_out(lambda unit: submit(unit, order))

    def undo(self, batch: str) -> bool:
        command = Undo(batch=BatchId(batch), memo="why", approvers=("a", "b"))
        return self._carry_out(lambda unit: undo_batch(unit, command))

    def rows(self) -> Rows:
        found: Rows = self.run(self.database.read(all_rows))
        return found

    def withheld(self) -> set[Key]:
        rows: Rows = self.run(self.database.read(all_rows))
        return {Key(row["jurisdiction"], row["target"]) for row in rows["withholdings"] if row["state"] == "withheld"}

    def check(self, flips: dict[Key, int]) -> None:
        rows: Rows = self.run(self.database.read(all_rows))
        _claims_are_counted_from_both_sides(rows)
        _versions_have_no_hole(rows, flips)
        _tallies_equal_a_recount(rows)
        _every_version_of_an_item_is_kept_with_its_batch(rows)

    def close(self) -> None:
        self.run(self.database.read(_everything_was_queued_once_and_in_order))
        self.run(self.database.write(delete_all))

    def _later(self, handle: Callable[[Unit], Awaitable[T | None]]) -> bool:
        self.clock.now = NOON + timedelta(hours=2)
        try:
            return self._carry_out(handle)
        finally:
            self.clock.now = NOON

    def _carry_out(self, handle: Callable[[Unit], Awaitable[T | None]]) -> bool:
        """A rehearsal must leave no trace and tell what the operation then does."""
        before = self.rows()
        foretold = self._told(self.commands.rehearse, handle)
        assert self.rows() == before
        done = self._told(lambda work: self.commands.answer(None, work), handle)
        assert done == foretold
        assert done is not None or self.rows() == before
        return done is not None

    def _told(
        self,
        carry_out: Callable[[Callable[[Unit], Awaitable[Answer]]], Awaitable[Answer]],
        handle: Callable[[Unit], Awaitable[T]],
    ) -> str | None:
        """What the operation says that it did; None if it did nothing."""

        async def told(unit: Unit) -> Answer:
            result = await handle(unit)
            return Answer(200, msgspec.json.encode({"told": None if result is None else repr(result)}))

        try:
            found: str | None = msgspec.json.decode(self.run(carry_out(told)).body)["told"]
        except Refusal:
            return None
        return found


class UndoMachine(ClaimsMachine):
    """Takes batches back, too. What is then claimed the oracle is told; that nothing else has changed is asserted here."""

    system: Store

    @precondition(lambda self: self.asked)
    @rule(latest=st.booleans(), number=st.integers(0, 50))
    def undo(self, latest: bool, number: int) -> None:
        before = self.system.rows()
        if not before["batches"]:
            return
        batch = before["batches"][-1 if latest else number % len(before["batches"])]

        done = self.system.undo(batch["id"])

        after = self.system.rows()
        assert done or batch["kind"] == "act" or not latest or not _can_be_taken_back(before, batch["id"])
        assert _claims(before) ^ _claims(after) <= _touched(before, batch["id"])
        assert {row for row in _ended_finally(before) if row in _claims(after)} == set()
        if latest and done:
            assert _claims(after) == _claims(before) ^ (_touched(before, batch["id"]) - _ended_finally(before))
        self.adopt(after)

    def adopt(self, rows: Rows) -> None:
        withheld = self.oracle.withheld
        self.oracle.claims = _claims(rows, "live")
        self.oracle.suspended = _claims(rows, "suspended")
        self.oracle.decided = {(row["directive"], row["target"]) for row in rows["items"] if row["state"] != "undecided"}
        for key in withheld ^ self.oracle.withheld:
            self.flips[key] = self.flips.get(key, 0) + 1


_Claim = tuple[Any, Any, Any]
_STANDING = ("live", "suspended")


def _claims(rows: Rows, *standings: str) -> set[_Claim]:
    return {
        (row["directive"], row["target"], place)
        for row in rows["items"]
        for place, claim in row["claims"].items()
        if claim in (standings or _STANDING)
    }


def _ended_finally(rows: Rows) -> set[_Claim]:
    return _claims(rows, *(cause.value for cause in FINAL))


def _touched(rows: Rows, batch: str) -> set[_Claim]:
    """The claims that the batch made or ended, by what was before each version that it made."""
    versions = {(row["directive"], row["target"], row["version"]): row for row in (*rows["item_history"], *rows["items"])}
    found: set[_Claim] = set()
    for (directive, named, version), row in versions.items():
        if row["batch"] == batch:
            earlier = versions.get((directive, named, version - 1), {"claims": {}})
            stood, stands = ({place for place, claim in each["claims"].items() if claim in _STANDING} for each in (earlier, row))
            found |= {(directive, named, place) for place in stood ^ stands}
    return found


def _can_be_taken_back(rows: Rows, batch: str) -> bool:
    return bool(_touched(rows, batch) - _ended_finally(rows))


def _claims_are_counted_from_both_sides(rows: Rows) -> None:
    made: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows["items"]:
        for place, claim in row["claims"].items():
            if claim == "live":
                made[place, row["target"]].add(row["directive"])
    assert made == {
        (row["jurisdiction"], row["target"]): set(row["claimants"]) for row in rows["withholdings"] if row["claimants"]
    }


def _versions_have_no_hole(rows: Rows, flips: dict[Key, int]) -> None:
    versions: dict[Key, list[int]] = defaultdict(list)
    for row in (*rows["withholding_history"], *rows["withholdings"]):
        versions[Key(row["jurisdiction"], row["target"])].append(row["version"])
    assert {key: sorted(found) for key, found in versions.items()} == {
        key: list(range(1, count + 1)) for key, count in flips.items()
    }


def _tallies_equal_a_recount(rows: Rows) -> None:
    for row in rows["directives"]:
        items = [item_of(item) for item in rows["items"] if item["directive"] == row["id"]]
        assert Tally(row["tally"]) == tally_of(items)


def _every_version_of_an_item_is_kept_with_its_batch(rows: Rows) -> None:
    versions: dict[tuple[str, str], list[int]] = defaultdict(list)
    items: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in (*rows["item_history"], *rows["items"]):
        versions[row["directive"], row["target"]].append(row["version"])
        items[row["batch"]].add((row["directive"], row["target"]))
    assert all(found == list(range(1, len(found) + 1)) for found in map(sorted, versions.values()))
    assert {row["id"]: row["items"] for row in rows["batches"]} == {batch: len(changed) for batch, changed in items.items()}


async def _everything_was_queued_once_and_in_order(connection: AsyncConnection) -> None:
    rows = await all_rows(connection)
    events = [envelope.data for envelope in decoded(await queued(connection))]
    _each_version_is_queued(rows, [event for event in events if isinstance(event, WithholdingChanged)])
    _each_revision_is_queued(rows, [event for event in events if isinstance(event, CaseEvent)])


def _each_version_is_queued(rows: Rows, events: list[WithholdingChanged]) -> None:
    emitted: dict[Key, list[WithholdingChanged]] = defaultdict(list)
    for event in events:
        emitted[Key(event.jurisdiction, event.target)].append(event)
    stored: dict[Key, list[tuple[Any, ...]]] = defaultdict(list)
    for row in (*rows["withholding_history"], *rows["withholdings"]):
        version = (row["version"], row["state"], row["cause"], tuple(row["directives"]), row["effective_at"])
        stored[Key(row["jurisdiction"], row["target"])].append(version)
    assert {key: sorted(versions) for key, versions in stored.items()} == {
        key: [(event.version, event.state, event.cause, event.directives, event.effective_at) for event in found]
        for key, found in emitted.items()
    }


def _each_revision_is_queued(rows: Rows, events: list[CaseEvent]) -> None:
    revisions: dict[str, list[int]] = defaultdict(list)
    for event in events:
        revisions[event.directive].append(event.revision)
        assert (
            sum(event.counts.released.values())
            + sum(getattr(event.counts, name) for name in ("undecided", "complied", "refused", "not_located", "withdrawn"))
            == event.counts.total
        )
    assert revisions == {row["id"]: list(range(1, row["revision"] + 1)) for row in rows["directives"]}
    last = {event.directive: event.counts for event in events}
    assert last == {row["id"]: counts(Tally(row["tally"])) for row in rows["directives"]}


@pytest.mark.parametrize(
    ("database", "examples"), [("sqlite_database", 15), pytest.param("postgres_database", 6, marks=pytest.mark.postgres)]
)
def test_what_is_stored_and_queued_agrees_with_the_oracle_over_any_history(
    database: str, examples: int, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(database)
    with asyncio.Runner() as runner:

        def run(work: Awaitable[Any]) -> Any:
            async def inside() -> Any:
                return await work

            return runner.run(inside())

        run(migrate(url, PACKAGE))
        store = Store(run, Database(url))

        class Machine(UndoMachine):
            def __init__(self) -> None:
                super().__init__(store)

        try:
            run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))
        finally:
            run(store.database.close())
