"""Digests of states: what each jurisdiction's keys come to, as the blocklist says, compared with what ours do.

Promises: each digest is concluded once, whoever compares it; a difference that is believed is told once until both agree again,
and counted each time. Whatever differs in a key by key comparison is asked of the blocklist.
Does not promise: to see what a digest does not hash: causes, directives and times of versions.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import assert_never

from services.notifier.domain.digests import Agrees, Diverged, Doubtful, Sum, judge
from services.notifier.domain.facts import DigestCompared, StateDiverged
from services.notifier.domain.holes import WHOLE
from services.notifier.handlers.unit import Unit
from services.notifier.store import digests, gaps, holes
from services.notifier.store.digests import Told
from shared.events import StateDigested
from shared.ids import Jurisdiction, Key

PATIENCE = timedelta(hours=1)
"""Twice the longest time that can be set between two digests."""


async def record_state_digests(unit: Unit, made: Sequence[StateDigested]) -> None:
    """Keeps them, to be compared soon: that may take longer than a transaction should."""
    await digests.keep(unit.connection, made)


async def notice_silence(unit: Unit) -> None:
    """A jurisdiction of which the blocklist has not told for `PATIENCE`, while it told of others, has no key there."""
    await digests.keep_silent(unit.connection, PATIENCE)


async def to_compare(unit: Unit, topic: str) -> list[Told]:
    """Digests of the epoch that the withholdings are in, on `topic`. One of a later epoch waits for them to get there."""
    epoch = await digests.epoch_of(unit.connection, topic)
    return [told for told in await digests.uncompared(unit.connection) if epoch is None or told.epoch <= epoch]


async def conclude(unit: Unit, told: Told, own: Sum, topic: str) -> None:
    """What follows from a digest and what our own state came to as of the same instant."""
    latest = await digests.locked(unit.connection, told)
    if latest is None:
        return
    caught_up = await digests.is_caught_up(unit.connection, topic, told.jurisdiction, told.as_of)
    behind = await digests.is_behind(unit.connection, topic)
    verdict = judge(latest.sum, own, before=latest.mismatches, caught_up=caught_up, behind=behind)
    unit.found.append(DigestCompared(jurisdiction=told.jurisdiction, agrees=isinstance(verdict, Agrees)))
    match verdict:
        case Agrees():
            await digests.conclude(
                unit.connection, latest, mismatches=0, diverged_at=None, resync_at=None, agreed_as_of=latest.as_of
            )
            await _settle(unit, topic)
        case Doubtful(mismatches=mismatches):
            await digests.conclude(unit.connection, latest, mismatches=mismatches)
        case Diverged():
            await _diverge(unit, latest, own, verdict)
        case other:
            assert_never(other)


async def _settle(unit: Unit, topic: str) -> None:
    """What nobody has any more of the withholdings' events is made up for, once all that they said is known."""
    agreed = await digests.agreed_as_of(unit.connection)
    if agreed is not None:
        await gaps.settle(unit.connection, topic, found_before=agreed)


async def _diverge(unit: Unit, told: Told, own: Sum, verdict: Diverged) -> None:
    resync = {"resync_at": unit.now} if verdict.resync else {}
    since = told.diverged_at or unit.now
    await digests.conclude(unit.connection, told, mismatches=verdict.mismatches, diverged_at=since, **resync)
    if told.diverged_at is None:
        unit.found.append(StateDiverged(jurisdiction=told.jurisdiction, as_of=told.as_of, told=told.sum, own=own))


async def to_resync(unit: Unit) -> list[Told]:
    """The jurisdictions that are due to be compared key by key."""
    return await digests.to_resync(unit.connection, unit.now)


async def ask_about(unit: Unit, differing: Collection[Key]) -> None:
    """All that the blocklist has of these keys is asked for."""
    await holes.note_versions(unit.connection, dict.fromkeys(differing, WHOLE), unit.now)


async def finish_resync(unit: Unit, place: Jurisdiction) -> None:
    await digests.resync_at(unit.connection, place, None)


async def postpone_resync(unit: Unit, place: Jurisdiction, wait: timedelta) -> None:
    await digests.resync_at(unit.connection, place, unit.now + wait)
