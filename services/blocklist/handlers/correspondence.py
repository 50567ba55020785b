"""What the authority and the platform write to each other about a directive: notices and replies."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from services.blocklist.domain.directive import DirectiveFact
from services.blocklist.handlers import elsewhere, validity
from services.blocklist.handlers.elsewhere import Reach
from services.blocklist.handlers.unit import Unit, in_time, lock_directive, record, stepped
from services.blocklist.handlers.validity import Accepted
from services.blocklist.store import cases
from shared.events import DirectiveNoticed, DirectiveReplied
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An authority's follow-up. `provision` is what it cites, `due_at` a deadline it sets, `elements` what it clarifies."""

    id: str
    directive: DirectiveId
    kind: str
    issued_at: datetime
    received_at: datetime
    provision: str | None
    text: str | None
    due_at: datetime | None
    elements: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`cause` and `impediment_ended_at` belong to an impossibility: why, and since when it is possible again."""

    id: str
    directive: DirectiveId
    kind: str
    text: str | None
    sent_at: datetime
    cause: str | None = None
    impediment_ended_at: datetime | None = None


async def add_notice(unit: Unit, notice: Notice) -> Accepted:
    """Records a notice; an order that it completes comes into force with it.

    Raises Refusal on a directive that has ended: there is nothing left to be noticed.
    """
    reach = await elsewhere.reach(unit, notice.directive, "all")
    stepped(reach.directive, DirectiveFact.NOTICE)
    in_time(reach.directive, unit.now)
    await cases.add_notice(unit.connection, {**asdict(notice), "elements": dict(notice.elements) or None})
    directive = await validity.clarified(unit, reach, notice.elements)
    happened = {
        "notice": notice.id,
        "kind": notice.kind,
        "provision": notice.provision,
        "notice_received_at": notice.received_at,
        "notice_due_at": notice.due_at,
        "supplied": tuple(notice.elements),
    }
    detail = {"text": notice.text} if notice.text else None
    directive = await record(unit, directive, DirectiveNoticed, happened, detail=detail)
    return await validity.enter_if_complete(unit, Reach(directive, reach.others))


async def add_reply(unit: Unit, reply: Reply) -> None:
    """Records what was answered. Possible on an ended directive too: its end may be what is reported."""
    directive = stepped(await lock_directive(unit, reply.directive), DirectiveFact.REPLY)
    await cases.add_reply(unit.connection, asdict(reply))
    happened = {
        "reply": reply.id,
        "kind": reply.kind,
        "sent_at": reply.sent_at,
        "cause": reply.cause,
        "impediment_ended_at": reply.impediment_ended_at,
    }
    await record(unit, directive, DirectiveReplied, happened, detail={"text": reply.text} if reply.text else None)
