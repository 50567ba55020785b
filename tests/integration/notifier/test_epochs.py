"""The blocklist was restored from a backup: what its new epoch says is so, and nothing of the lost history comes through."""

from dataclasses import replace

import pytest

from services.notifier.handlers.withholdings import record_withholdings
from shared.events import Position, Record, WithholdingChanged, placed
from tests.integration.notifier.fakes import TOPICS, WITHHOLDINGS, FakeKafka
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import record, report, withholding

KEY = "IN/account:a"
TOPIC = {"topic": TOPICS.withholdings}

pytestmark = pytest.mark.fault(46)


def numbered(sequence: int, event: WithholdingChanged, *, epoch: int) -> Record:
    return placed(record(event), Position(epoch, sequence))


def otherwise(version: int) -> WithholdingChanged:
    """The version as the restored blocklist has it: the other state."""
    return replace(withholding(version=version + 1), version=version)


async def test_a_new_epoch_goes_on_counted_and_without_a_gap(world: World) -> None:
    kafka = FakeKafka()
    kafka.write(WITHHOLDINGS, numbered(1, withholding(), epoch=1), numbered(2, withholding(version=2), epoch=2))

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (2, "released")}
    assert world.metric("geowithhold_epochs_begun_total", **TOPIC) == 1
    assert world.metric("geowithhold_stream_gaps_total", **TOPIC) is None


async def test_what_a_relay_of_the_lost_history_still_publishes_is_dropped(world: World) -> None:
    kafka = FakeKafka()
    kafka.write(
        WITHHOLDINGS,
        numbered(1, withholding(), epoch=1),
        numbered(2, withholding(version=2), epoch=2),
        numbered(2, otherwise(2), epoch=1),
        numbered(3, withholding(version=3), epoch=1),
    )

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (2, "released")}
    assert world.metric("geowithhold_stale_epoch_total", **TOPIC) == 2
    assert world.metric("geowithhold_contradictions_total") == 0


async def test_a_version_that_the_new_epoch_tells_otherwise_is_corrected_and_no_alarm(world: World) -> None:
    await world.register()
    kafka = FakeKafka()
    kafka.write(WITHHOLDINGS, *(numbered(number, withholding(version=number), epoch=1) for number in (1, 2, 3)))
    await Rig(world, kafka).turn()
    await world.report(report(version=3))

    kafka.write(WITHHOLDINGS, numbered(4, otherwise(2), epoch=2))
    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (2, "withheld")}
    assert await world.past() == [1]
    assert await world.answers() == [("search", "account:a", 2, "pending")], "the point is asked for what it never applied"
    assert await world.answers(current=False) == [], "nor is an old answer taken for one"
    assert world.metric("geowithhold_corrections_total") == 1
    assert world.metric("geowithhold_contradictions_total") == 0


async def test_after_a_correction_the_new_history_goes_on(world: World) -> None:
    kafka = FakeKafka()
    kafka.write(WITHHOLDINGS, *(numbered(number, withholding(version=number), epoch=1) for number in (1, 2, 3)))
    kafka.write(WITHHOLDINGS, numbered(2, otherwise(2), epoch=2), numbered(3, otherwise(3), epoch=2))

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (3, "released")}
    assert await world.past() == [1, 2]
    assert world.metric("geowithhold_corrections_total") == 1


async def test_two_contents_under_one_epoch_stay_an_alarm(world: World) -> None:
    kafka = FakeKafka()
    kafka.write(WITHHOLDINGS, numbered(1, withholding(), epoch=2), numbered(2, otherwise(1), epoch=2))

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (1, "withheld")}
    assert world.metric("geowithhold_contradictions_total") == 1


async def test_what_comes_without_an_epoch_corrects_nothing(world: World) -> None:
    await world.withhold(withholding())

    await world.commands.run(lambda unit: record_withholdings(unit, [otherwise(1)]))

    assert await world.present() == {KEY: (1, "withheld")}
