"""Directives change: events of any directives, in the order of their arrival.

Promises: each directive ends as its highest revision tells it, each item as the highest revision that named it, each notice and
reply is there once; what was before is kept, with the time of its event; a revision that is skipped is recorded as missing in the
same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from services.notifier.domain.case import OFFICIAL, Directive, Item, succession
from services.notifier.domain.compliance import ItemCounts
from services.notifier.domain.facts import ReleasedUnilaterally, RevisionHoleFound
from services.notifier.domain.holes import Hole, hole_before
from services.notifier.handlers.clocks import look_soon, run_clocks
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.unit import Unit
from services.notifier.store import correspondence, directives, holes, items
from services.notifier.store.correspondence import Notice, Reply
from shared.events import CaseEvent, DirectiveItems, DirectiveNoticed, DirectiveReceived, DirectiveReplied
from shared.ids import DirectiveId


async def record_case_events(unit: Unit, records: Sequence[CaseRecord]) -> None:
    if not records:
        return
    before = await directives.locked(unit.connection, {record.event.directive for record in records})
    changed = await _advance(unit, before, records)
    learnt = _lapses(before | changed, records)
    changed |= {id_: replace((before | changed)[id_], lapses_at=at) for id_, at in learnt.items()}
    await directives.save(unit.connection, list(changed.values()), before=before)
    await directives.lapse_at(unit.connection, learnt)
    await directives.describe(unit.connection, _receipts(records))
    await _save_items(unit, before, before | changed, records)
    await correspondence.add_notices(unit.connection, _notices(records))
    await correspondence.add_replies(unit.connection, _replies(records))
    await run_clocks(unit, before, changed, records)
    await look_soon(unit, {record.event.directive for record in records})


async def _advance(
    unit: Unit, before: dict[DirectiveId, Directive], records: Iterable[CaseRecord]
) -> dict[DirectiveId, Directive]:
    """The directives that a higher revision changes. Keeps those below, and notes the revisions that were skipped on the way."""
    changed: dict[DirectiveId, Directive] = {}
    past: list[Directive] = []
    missing: dict[DirectiveId, Hole] = {}
    for event, at in records:
        present = changed.get(event.directive) or before.get(event.directive)
        revision = present.revision if present else 0
        told = _directive(event, at, present)
        if event.revision > revision:
            changed[event.directive] = told
        past += [each for each in (present, told) if each and each.revision < max(event.revision, revision)]
        hole = hole_before(event.revision, revision)
        if hole:
            earlier = missing.get(event.directive)
            missing[event.directive] = earlier.joined(hole) if earlier else hole
            unit.found.append(RevisionHoleFound(changed[event.directive], hole))
    await holes.note_revisions(unit.connection, missing, unit.now)
    await directives.archive(unit.connection, past)
    return changed


async def _save_items(
    unit: Unit, before: Mapping[DirectiveId, Directive], cases: Mapping[DirectiveId, Directive], records: Iterable[CaseRecord]
) -> None:
    """Stores items as they are now, and as they were. Of a directive that is new there is nothing to be looked for."""
    arrived = [item for event, at in records if isinstance(event, DirectiveItems) for item in _changed_items(event, at)]
    present = await items.present(unit.connection, [item.id for item in arrived if item.directive in before])
    changed, past = succession(present, arrived)
    await items.archive(unit.connection, past)
    await _store_items(unit, cases, changed)


async def _store_items(unit: Unit, cases: Mapping[DirectiveId, Directive], changed: Sequence[Item]) -> None:
    """Stores items, and notes the directives that stand and of which a unilateral release stands from now on."""
    concerned = sorted({item.directive for item in changed if item.unilateral and not cases[item.directive].closed})
    before = await items.count_unilateral(unit.connection, concerned, at_most=1)
    await items.save(unit.connection, changed)
    became = [id_ for id_ in concerned if not before[id_]]
    for id_, number in (await items.count_unilateral(unit.connection, became)).items():
        if number:
            unit.found.append(ReleasedUnilaterally(cases[id_], number))


def _receipts(records: Iterable[CaseRecord]) -> list[Directive]:
    return [_directive(event, at, None) for event, at in records if isinstance(event, DirectiveReceived)]


def _lapses(known: Mapping[DirectiveId, Directive], records: Iterable[CaseRecord]) -> dict[DirectiveId, datetime]:
    """When directives lapse of which that was not known, by whichever event told it."""
    told = {event.directive: event.lapses_at for event, _ in records if event.lapses_at is not None}
    return {id_: at for id_, at in told.items() if known[id_].lapses_at is None}


def _changed_items(event: DirectiveItems, at: datetime) -> Iterable[Item]:
    for changed in event.items:
        yield Item(
            directive=event.directive,
            target=changed.target,
            decision=changed.decision,
            jurisdictions=changed.jurisdictions,
            cause=changed.cause,
            unilateral=changed.unilateral,
            revision=event.revision,
            changed_at=at,
            ground=changed.ground,
            suspended=changed.suspended,
        )


def _notices(records: Iterable[CaseRecord]) -> list[Notice]:
    return [
        Notice(
            id=event.notice,
            directive=event.directive,
            kind=event.kind,
            provision=event.provision,
            received_at=event.notice_received_at,
            due_at=event.notice_due_at,
            supplied=event.supplied,
            recorded_at=at,
        )
        for event, at in records
        if isinstance(event, DirectiveNoticed)
    ]


def _replies(records: Iterable[CaseRecord]) -> list[Reply]:
    return [
        Reply(
            id=event.reply,
            directive=event.directive,
            kind=event.kind,
            sent_at=event.sent_at,
            cause=event.cause,
            impediment_ended_at=event.impediment_ended_at,
            recorded_at=at,
        )
        for event, at in records
        if isinstance(event, DirectiveReplied)
    ]


def _directive(event: CaseEvent, at: datetime, known: Directive | None) -> Directive:
    """As the event tells it; what this event does not tell stays as it is known."""
    receipt = event if isinstance(event, DirectiveReceived) else None
    return Directive(
        id=event.directive,
        revision=event.revision,
        jurisdictions=event.jurisdictions,
        legal_basis=event.legal_basis,
        status=event.status,
        issued_at=event.issued_at,
        received_at=event.received_at,
        due_at=event.due_at,
        counts=ItemCounts(**asdict(event.counts)),
        changed_at=at,
        authority=event.authority or (known.authority if known else None),
        reference=event.reference or (known.reference if known else None),
        kind=receipt.kind if receipt else known.kind if known else None,
        channel=known.channel if known and known.channel != OFFICIAL else event.channel,
        sealed=event.sealed or bool(known and known.sealed),
        missing=receipt.missing if receipt else known.missing if known else (),
        lapses_at=(known.lapses_at if known else None) or event.lapses_at,
    )
