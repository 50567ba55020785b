"""What is found is queued for the compliance topic, in the transaction in which it was found."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.outbox import OUTBOX
from shared.events import compliance
from shared.ids import PointId, Target
from tests.integration.notifier.world import TOPICS, World
from tests.support.outbox import waiting_lanes
from tests.unit.notifier.builders import (
    AT,
    DIRECTIVE,
    IN,
    OTHER_DIRECTIVE,
    after,
    counts,
    item,
    items,
    received,
    report,
    rescinded,
    withholding,
)

OF_KEY: dict[str, Any] = {"target": Target("account:a"), "jurisdiction": IN}
OF_CASE: dict[str, Any] = {"directive": DIRECTIVE, "jurisdictions": (IN,), "legal_basis": "in-it-act-69a"}


async def told(world: World) -> list[Any]:
    """All but that clocks started, which every directive tells of."""
    found = [envelope.data for envelope in await world.findings()]
    return [finding for finding in found if not isinstance(finding, compliance.ClockStarted)]


@pytest.mark.fault(42)
async def test_a_point_that_does_not_answer_in_time_is_told(world: World) -> None:
    await world.register(ack_within=60)
    await world.withhold(withholding())
    world.clock.advance(61)

    await world.let_time_work()
    await world.let_time_work()

    overdue = compliance.EnforcementOverdue(**OF_KEY, point=PointId("search"), version=1, due_at=after(60), at=after(61))
    assert await told(world) == [overdue]
    assert world.metric("geowithhold_answers_overdue_total", jurisdiction="IN") == 1.0


@pytest.mark.fault(43)
async def test_a_point_that_undoes_what_it_had_applied_is_told(world: World) -> None:
    await world.register()
    await world.withhold(withholding())

    await world.report(report(), report(state="reverted", at=after(5)), report(state="reverted", at=after(6)))

    assert await told(world) == [compliance.EnforcementReverted(**OF_KEY, point=PointId("search"), version=1, at=AT)]
    assert world.metric("geowithhold_enforcements_reverted_total", jurisdiction="IN") == 1.0


async def test_a_revert_of_what_nobody_asked_of_the_point_is_not_told(world: World) -> None:
    await world.withhold(withholding())

    await world.report(report(), report(state="reverted", at=after(5)))

    assert await told(world) == []


async def test_versions_that_are_missing_are_told(world: World) -> None:
    await world.withhold(withholding(), withholding(version=4))

    assert await told(world) == [compliance.HistoryIncomplete(**OF_KEY, first=2, last=3, at=AT)]


async def test_events_of_a_directive_that_are_missing_are_told(world: World) -> None:
    await world.tell(received(1), items(4, item()))

    assert await told(world) == [compliance.CaseIncomplete(**OF_CASE, first=2, last=3, at=AT)]


async def test_a_clock_that_runs_out_unmet_is_told(world: World) -> None:
    await world.tell(received(due_at=after(10), tally=counts(undecided=1)))
    world.clock.advance(11)

    await world.let_time_work()

    breached = compliance.ClockBreached(
        **OF_CASE, duty="restrict", starts_at=AT, due_at=after(10), verified=True, at=world.clock.now
    )
    assert [finding for finding in await told(world) if isinstance(finding, compliance.ClockBreached)] == [breached]


RESTORED: dict[str, Any] = {"decision": "released", "cause": "platform_decision", "unilateral": True}


def restored(revision: int, *targets: str, **other: Any) -> Any:
    return items(
        revision,
        *(item(target, **RESTORED) for target in targets),
        tally=counts(released={"platform_decision": len(targets)}),
        **other,
    )


async def test_a_unilateral_release_is_told_once_while_it_stands(world: World) -> None:
    await world.tell(received(1), restored(2, "account:a", "account:b"))

    await world.tell(restored(3, "account:c"))

    assert await told(world) == [compliance.ReleasedUnilaterally(**OF_CASE, items=2, at=AT)]


async def test_a_unilateral_release_is_told_anew_when_it_had_ended(world: World) -> None:
    await world.tell(received(1), restored(2, "account:a"))
    await world.tell(items(3, item("account:a")))

    await world.tell(restored(4, "account:a"))

    assert [type(finding) for finding in await told(world)] == [compliance.ReleasedUnilaterally] * 2


async def test_a_late_chunk_that_is_overtaken_tells_of_no_unilateral_release(world: World) -> None:
    await world.tell(received(1), items(3, item("account:a")))

    await world.tell(restored(2, "account:a"))

    assert [type(finding) for finding in await told(world)] == [compliance.CaseIncomplete]


async def test_a_directive_that_has_ended_has_no_unilateral_release(world: World) -> None:
    await world.tell(received(1), rescinded(3, tally=counts(released={"rescinded": 1})))

    await world.tell(restored(2, "account:a"))

    assert [type(finding) for finding in await told(world)] == [compliance.CaseIncomplete]


async def test_each_finding_has_an_id_of_its_own_and_the_key_of_what_it_is_about(world: World) -> None:
    other = replace(received(1), directive=OTHER_DIRECTIVE)
    await world.tell(received(1), other, restored(2, "account:a"), restored(2, "account:a", directive=OTHER_DIRECTIVE))
    await world.withhold(withholding(version=2))

    envelopes = [envelope for envelope in await world.findings() if not isinstance(envelope.data, compliance.ClockStarted)]

    assert [envelope.subject for envelope in envelopes] == [DIRECTIVE, OTHER_DIRECTIVE, "IN/account:a"]
    assert len({envelope.id for envelope in envelopes}) == 3
    assert {(envelope.source, envelope.time) for envelope in envelopes} == {("/geowithhold/notifier", AT)}
    lanes = await world.database.read(lambda connection: waiting_lanes(connection, OUTBOX))
    assert lanes == sorted({(TOPICS.compliance, TOPICS.partition_of(envelope.subject)) for envelope in envelopes})


async def test_what_is_rolled_back_is_not_told(world: World) -> None:
    async def fail(unit: Unit) -> None:
        await record_withholdings(unit, [withholding(version=3)])
        raise LookupError

    with pytest.raises(LookupError):
        await world.commands.run(fail)

    assert (await told(world), await world.present()) == ([], {})


async def test_what_has_no_event_is_only_counted(world: World) -> None:
    await world.register()
    await world.withhold(withholding())

    await world.report(report(at=AT + timedelta(seconds=1)))

    assert await told(world) == []
    assert world.metric("geowithhold_time_to_enforce_seconds_count", jurisdiction="IN", change="block") == 1.0


async def test_the_backlog_is_what_nobody_has_published(world: World) -> None:
    await world.withhold(withholding(version=3), withholding("account:b", version=5))

    assert await world.database.read(OUTBOX.backlog) == (2, AT)
