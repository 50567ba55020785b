"""What nobody knows shows as unknown, until somebody knows."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.holes import Hole
from services.notifier.doubts import certain
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.healer import Healer
from services.notifier.metrics import StateMetrics
from services.notifier.store import holes, offsets
from services.notifier.tables import enforcements, quarantine, version_holes
from shared.events import MAX_VALUE_BYTES, Record
from tests.integration.notifier.fakes import DIRECTIVES, ENFORCEMENTS, TOPICS, WITHHOLDINGS, FakeBlocklist, FakeKafka
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import AT, DIRECTIVE, counts, decided, item, items, key, received, record, report, withholding

KEY = "IN/account:a"
GARBAGE = Record(KEY.encode(), b"\xff\x00", ())
STORY = [received(), items(2, item()), decided(3, tally=counts(complied=1))]


async def consume(world: World, kafka: FakeKafka) -> None:
    await Rig(world, kafka).turn()


async def heal(world: World, blocklist: FakeBlocklist) -> None:
    await Healer(commands=world.commands, source=blocklist).run_once(asyncio.Event())


async def held(world: World) -> list[tuple[str | None, str | None, str | None]]:
    """Place, target and directive of what is held, in the order of arrival."""
    c = quarantine.c
    wanted = select(c.jurisdiction, c.target, c.directive).where(c.holds, c.freed_at.is_(None)).order_by(c.id)
    return [(place, target, directive) for place, target, directive in await world.rows(wanted)]


async def freed_by(world: World) -> list[str | None]:
    return [by for (by,) in await world.rows(select(quarantine.c.freed_by).order_by(quarantine.c.id))]


def broken(event: Any, **changes: Any) -> Record:
    return record(event)._replace(**changes)


def of_type(event: Any, name: str) -> Record:
    written = record(event)
    headers = tuple((header, name.encode() if header == "ce_type" else value) for header, value in written.headers)
    return written._replace(headers=headers)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(GARBAGE, marks=pytest.mark.fault(29), id="garbage"),
        pytest.param(
            broken(withholding(version=2), value=b" " * (MAX_VALUE_BYTES + 1)), marks=pytest.mark.fault(29), id="oversized"
        ),
        pytest.param(
            of_type(withholding(version=2), "org.geowithhold.withholding.changed.v2"), marks=pytest.mark.fault(30), id="major"
        ),
        pytest.param(broken(withholding("account:b"), key=KEY.encode()), id="another key"),
    ],
)
async def test_a_key_whose_record_cannot_be_understood_is_held_and_its_bytes_are_kept(
    world: World, kafka: FakeKafka, bad: Record
) -> None:
    kafka.write(WITHHOLDINGS, withholding(), bad, withholding("account:c"))

    await consume(world, kafka)

    assert await held(world) == [("IN", "account:a", None)]
    assert await world.rows(select(quarantine.c.value)) == [(bad.value,)]
    assert await world.present() == {KEY: (1, "withheld"), "IN/account:c": (1, "withheld")}
    assert await world.holes() == {KEY: (1, None)}
    assert world.metric("geowithhold_set_aside_total", topic=TOPICS.withholdings) == 1


async def test_a_later_version_of_the_key_ends_the_hold(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    await consume(world, kafka)

    kafka.write(WITHHOLDINGS, withholding(version=3))
    await consume(world, kafka)

    assert await held(world) == []
    assert await freed_by(world) == ["later_version"]


async def test_a_later_version_in_the_same_batch_keeps_the_key_from_being_held(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE, withholding(version=3))

    await consume(world, kafka)

    assert await held(world) == []
    assert await world.count(quarantine) == 1
    assert await world.holes() == {KEY: (1, None)}


async def test_what_is_not_new_ends_no_hold(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    await consume(world, kafka)

    kafka.write(WITHHOLDINGS, withholding(), withholding("account:b"), Record(KEY.encode(), None, ()))
    await consume(world, kafka)

    assert await held(world) == [("IN", "account:a", None)]


async def test_what_the_blocklist_says_ends_the_hold(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    await consume(world, kafka)
    blocklist = FakeBlocklist(published=[withholding(), withholding(version=2)], away=True)

    await heal(world, blocklist)
    assert await held(world) == [("IN", "account:a", None)]
    blocklist.away = False
    world.clock.advance(60)
    await heal(world, blocklist)

    assert await held(world) == []
    assert await freed_by(world) == ["source"]
    assert await world.present() == {KEY: (2, "released")}


async def test_an_answer_from_before_the_record_does_not_end_its_hold(world: World, kafka: FakeKafka) -> None:
    """The blocklist was asked for another reason, and answered before the record that nobody can read came."""

    class Slow(FakeBlocklist):
        async def versions(self, key: Any) -> Any:
            answer = await FakeBlocklist.versions(self, key)
            world.clock.advance(1)
            kafka.write(WITHHOLDINGS, GARBAGE)
            await consume(world, kafka)
            return answer

    await world.withhold(withholding(version=2))
    await heal(world, Slow(published=[withholding(), withholding(version=2)]))

    assert await held(world) == [("IN", "account:a", None)]
    assert await world.holes() == {KEY: (1, None)}


async def test_a_record_that_is_read_again_is_set_aside_once(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)
    await world.database.write(rewind)

    await consume(world, kafka)

    assert await world.count(quarantine) == 1


async def rewind(connection: AsyncConnection) -> None:
    await offsets.rewind(connection, TOPICS.withholdings, 0, 0)


async def test_a_directive_whose_record_cannot_be_understood_is_held_until_its_timeline_is_there(
    world: World, kafka: FakeKafka
) -> None:
    """A later event does not tell of the items that an earlier one named."""
    kafka.write(DIRECTIVES, STORY[0], Record(DIRECTIVE.encode(), b"garbage", ()), STORY[2])
    await consume(world, kafka)
    assert await held(world) == [(None, None, DIRECTIVE)]

    await heal(world, FakeBlocklist(told=[CaseRecord(event, AT) for event in STORY]))

    assert await held(world) == []
    assert await freed_by(world) == ["source"]


async def test_an_answer_from_before_the_record_leaves_the_directive_held(world: World, kafka: FakeKafka) -> None:
    class Slow(FakeBlocklist):
        async def timeline(self, directive: Any) -> Any:
            answer = await FakeBlocklist.timeline(self, directive)
            world.clock.advance(1)
            kafka.write(DIRECTIVES, Record(DIRECTIVE.encode(), b"garbage", ()))
            await consume(world, kafka)
            return answer

    await world.tell(STORY[0], STORY[2])
    await heal(world, Slow(told=[CaseRecord(event, AT) for event in STORY]))

    assert await held(world) == [(None, None, DIRECTIVE)]


@pytest.mark.fault(29)
async def test_a_report_that_cannot_be_understood_marks_nothing(world: World, kafka: FakeKafka) -> None:
    await world.register()
    kafka.write(WITHHOLDINGS, withholding())
    kafka.write(ENFORCEMENTS, broken(report(), value=b"garbage"))

    await consume(world, kafka)

    assert await held(world) == []
    assert await world.answers() == [("search", "account:a", 1, "pending")]
    assert await world.count(quarantine) == 1


@pytest.mark.fault(29)
@pytest.mark.parametrize("raw", [b"\xff", b"account:a", b""])
async def test_a_record_whose_key_cannot_be_read_holds_nothing_and_stops_nobody(
    world: World, kafka: FakeKafka, raw: bytes
) -> None:
    kafka.write(WITHHOLDINGS, Record(raw, b"garbage", ()), withholding())

    await consume(world, kafka)

    assert await held(world) == []
    assert await world.present() == {KEY: (1, "withheld")}
    assert await world.rows(select(quarantine.c.key, quarantine.c.value)) == [(raw, b"garbage")]


@pytest.mark.fault(31)
async def test_what_contradicts_on_the_topic_is_an_alarm_and_what_is_stored_stays(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), withholding(label="local_law"))

    await consume(world, kafka)

    assert await held(world) == []
    assert world.metric("geowithhold_contradictions_total") == 1
    assert await world.count(quarantine) == 1
    assert await world.present() == {KEY: (1, "withheld")}


@pytest.mark.fault(31)
async def test_a_key_of_which_the_blocklist_itself_says_something_else_is_held(world: World) -> None:
    await world.withhold(withholding())
    await ask(world)

    for _ in range(2):
        await heal(world, FakeBlocklist(published=[withholding(label="local_law")]))
        await ask(world)

    assert await held(world) == [("IN", "account:a", None)]
    assert await world.rows(select(quarantine.c.topic, quarantine.c.partition, quarantine.c.offset)) == [("blocklist", -1, -1)]
    assert await world.present() == {KEY: (1, "withheld")}


async def ask(world: World) -> None:
    await world.commands.run(lambda unit: holes.note_versions(unit.connection, {key(): Hole(1, None)}, world.clock()))


async def test_a_key_of_which_we_have_a_version_that_the_blocklist_has_not_is_held(world: World) -> None:
    await world.withhold(withholding(), withholding(version=2), withholding(version=3))
    await ask(world)
    world.clock.advance(61)

    await heal(world, FakeBlocklist(published=[withholding(), withholding(version=2)]))

    assert await held(world) == [("IN", "account:a", None)]
    assert await world.rows(select(quarantine.c.reason)) == [("the blocklist has no version 3",)]
    assert await world.count(version_holes) == 0


async def test_a_key_that_the_blocklist_never_heard_of_is_held(world: World) -> None:
    await world.withhold(withholding())
    await ask(world)
    world.clock.advance(61)

    await heal(world, FakeBlocklist())

    assert await held(world) == [("IN", "account:a", None)]
    assert await world.rows(select(quarantine.c.value)) == [(None,)]


async def test_a_version_that_came_while_the_blocklist_was_asked_is_no_contradiction(world: World) -> None:
    await world.withhold(withholding(), withholding(version=2), withholding(version=3))
    await ask(world)
    world.clock.advance(59)

    await heal(world, FakeBlocklist(published=[withholding(), withholding(version=2)]))

    assert await held(world) == []


async def test_the_gauges_show_what_is_open_and_what_is_held(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE, GARBAGE, Record(b"DE/account:a", b"garbage", ()), Record(b"?", b"garbage", ()))
    kafka.write(DIRECTIVES, Record(DIRECTIVE.encode(), b"garbage", ()))
    await consume(world, kafka)
    shown = StateMetrics(world.instruments, world.database, world.clock, dict)

    await shown.refresh()

    assert world.metric("geowithhold_quarantined") == 5
    assert world.metric("geowithhold_held_keys", jurisdiction="IN") == 1
    assert world.metric("geowithhold_held_keys", jurisdiction="DE") == 1
    assert world.metric("geowithhold_held_directives") == 1

    await heal(world, FakeBlocklist())
    await shown.refresh()
    assert world.metric("geowithhold_quarantined") == 5
    assert world.metric("geowithhold_held_keys", jurisdiction="IN") is None
    assert world.metric("geowithhold_held_directives") == 0


async def test_no_enforcement_is_lost_by_a_hold(world: World, kafka: FakeKafka) -> None:
    await world.register()
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    kafka.write(ENFORCEMENTS, report())

    await consume(world, kafka)

    assert await world.rows(select(enforcements.c.state)) == [("applied",)]


async def test_readiness_tells_what_is_not_certain_and_stays_ready(world: World, kafka: FakeKafka) -> None:
    check = certain(world.database)
    assert (await check()).degraded is None
    kafka.write(WITHHOLDINGS, GARBAGE, Record(b"?", b"garbage", ()))
    await consume(world, kafka)

    said = await check()

    assert said.ready
    assert said.degraded
    assert said.details == {
        "quarantined": 2,
        "quarantined_about_nobody_knows_what": 1,
        "held_keys": 1,
        "held_directives": 0,
        "diverged_jurisdictions": 0,
    }
