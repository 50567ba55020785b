"""From events of directives to what clocks follow from."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from services.notifier.domain.compliance import FINAL_STATUSES
from services.notifier.domain.course import Happened, Happening
from shared.events import (
    CaseEvent,
    DirectiveAccepted,
    DirectiveConfirmed,
    DirectiveExpired,
    DirectiveInformed,
    DirectiveItems,
    DirectiveLapsed,
    DirectiveNoticed,
    DirectiveQuashed,
    DirectiveReceived,
    DirectiveReleased,
    DirectiveReplied,
    DirectiveRescinded,
    DirectiveStayed,
    DirectiveSuperseded,
    DirectiveUnstayed,
)

AWAITING = "awaiting_clarification"
STAYED = "stayed"


class CaseRecord(NamedTuple):
    """An event, and when it happened."""

    event: CaseEvent
    at: datetime


_ENDING = (
    DirectiveReleased,
    DirectiveRescinded,
    DirectiveExpired,
    DirectiveLapsed,
    DirectiveQuashed,
    DirectiveSuperseded,
)


_PLAIN: Mapping[type[CaseEvent], Happened] = {DirectiveAccepted: Happened.ACCEPTED, DirectiveLapsed: Happened.LAPSED}


def happenings_of(record: CaseRecord) -> Iterator[Happening]:
    """What the event says of it. Chunks of items say nothing that another event does not."""
    event, at = record
    if isinstance(event, DirectiveItems):
        return
    yield from _word(event, at)
    if (isinstance(event, _ENDING) and event.released) or (isinstance(event, DirectiveStayed) and event.suspended):
        yield _happening(event, Happened.CLAIMS_ENDED, at)
    if event.status in FINAL_STATUSES:
        yield _happening(event, Happened.ENDED, at)


def _word(event: CaseEvent, at: datetime) -> Iterator[Happening]:
    match event:
        case DirectiveReceived() if event.status == AWAITING:
            yield _happening(event, Happened.INCOMPLETE, event.received_at)
        case DirectiveAccepted() | DirectiveLapsed():
            yield _happening(event, _PLAIN[type(event)], at)
        case DirectiveInformed() | DirectiveConfirmed():
            yield from _done(event)
        case DirectiveStayed() if event.status == STAYED:
            yield _happening(event, Happened.STAYED, at)
        case DirectiveUnstayed() if event.status != STAYED:
            yield _happening(event, Happened.UNSTAYED, at)
        case DirectiveNoticed():
            yield _noticed(event)
        case DirectiveReplied():
            yield from _replied(event)
        case _:
            pass


def _done(event: DirectiveInformed | DirectiveConfirmed) -> Iterator[Happening]:
    """A confirmation that leaves something to lapse is none."""
    if isinstance(event, DirectiveInformed):
        yield _happening(event, Happened.INFORMED, event.informed_at)
    elif event.lapses_at is None:
        yield _happening(event, Happened.CONFIRMED, event.confirmed_at)


def _noticed(event: DirectiveNoticed) -> Happening:
    return Happening(
        directive=event.directive,
        revision=event.revision,
        what=Happened.NOTICE,
        at=event.notice_received_at,
        kind=event.kind,
        due_at=event.notice_due_at,
        provision=event.provision,
    )


def _replied(event: DirectiveReplied) -> Iterator[Happening]:
    """A reply that says when an impediment ended asks nobody to wait for what is over."""
    over = event.impediment_ended_at
    kind = None if over is not None and over <= event.sent_at else event.kind
    yield Happening(directive=event.directive, revision=event.revision, what=Happened.REPLY, at=event.sent_at, kind=kind)
    if over is not None:
        yield _happening(event, Happened.IMPEDIMENT_ENDED, over)


def _happening(event: CaseEvent, what: Happened, at: datetime) -> Happening:
    return Happening(directive=event.directive, revision=event.revision, what=what, at=at)
