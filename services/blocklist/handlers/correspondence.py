"""What the authority and the platform write to each other about a directive: notices and replies."""

from dataclasses import asdict, dataclass
from datetime import datetime

from services.blocklist.domain.directive import DirectiveFact
from services.blocklist.handlers.unit import Unit, lock_directive, record, stepped
from services.blocklist.store import cases
from shared.events import DirectiveNoticed, DirectiveReplied
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An authority's follow-up. `provision` is what it cites, `due_at` a deadline it sets."""

    id: str
    directive: DirectiveId
    kind: str
    issued_at: datetime
    received_at: datetime
    provision: str | None
    text: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    id: str
    directive: DirectiveId
    kind: str
    text: str | None
    sent_at: datetime


async def add_notice(unit: Unit, notice: Notice) -> None:
    """Records a notice. Raises Refusal on a directive that has ended: there is nothing left to be noticed."""
    directive = stepped(await lock_directive(unit, notice.directive), DirectiveFact.NOTICE)
    await cases.add_notice(unit.connection, asdict(notice))
    happened = {
        "notice": notice.id,
        "kind": notice.kind,
        "provision": notice.provision,
        "notice_received_at": notice.received_at,
        "notice_due_at": notice.due_at,
    }
    await record(unit, directive, DirectiveNoticed, happened, detail={"text": notice.text} if notice.text else None)


async def add_reply(unit: Unit, reply: Reply) -> None:
    """Records what was answered. Possible on an ended directive too: its end may be what is reported."""
    directive = stepped(await lock_directive(unit, reply.directive), DirectiveFact.REPLY)
    await cases.add_reply(unit.connection, asdict(reply))
    happened = {"reply": reply.id, "kind": reply.kind, "sent_at": reply.sent_at}
    await record(unit, directive, DirectiveReplied, happened, detail={"text": reply.text} if reply.text else None)
