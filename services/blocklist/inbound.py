"""How the wire's words become the domain's again: what was published is all that a lost database has left."""

from collections.abc import Mapping

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.retold import Act, ToldItem
from services.blocklist.domain.tally import Tally
from services.blocklist.domain.withholding import Withholding, WithholdingState
from shared.events import (
    CaseEvent,
    Counts,
    DirectiveExpired,
    DirectiveLapsed,
    DirectiveQuashed,
    DirectiveReleased,
    DirectiveRescinded,
    DirectiveStayed,
    DirectiveSuperseded,
    DirectiveUnstayed,
    ItemChanged,
    WithholdingChanged,
)
from shared.ids import Key

_ACTS: Mapping[type[CaseEvent], Act] = {
    DirectiveRescinded: Act(cause=Cause.RESCINDED),
    DirectiveExpired: Act(cause=Cause.EXPIRED),
    DirectiveLapsed: Act(cause=Cause.INTERIM_LAPSED),
    DirectiveQuashed: Act(cause=Cause.QUASHED),
    DirectiveSuperseded: Act(cause=Cause.SUPERSEDED),
    DirectiveStayed: Act(stays=True),
    DirectiveUnstayed: Act(stays=False),
}


def withholding(event: WithholdingChanged) -> Withholding:
    """The version as it was published. Who claims the key now is not for it to say."""
    return Withholding(
        key=Key(event.jurisdiction, event.target),
        version=event.version,
        state=WithholdingState(event.state),
        cause=Cause(event.cause) if event.cause else None,
        claimants=frozenset(),
        directives=event.directives,
        effective_at=event.effective_at,
        due_at=event.due_at,
        label=event.label,
    )


def act(event: CaseEvent) -> Act:
    """What the event does to the items that the next ones list."""
    if isinstance(event, DirectiveReleased):
        return Act(cause=Cause(event.cause))
    return _ACTS.get(type(event), Act())


def told_item(changed: ItemChanged) -> ToldItem:
    return ToldItem(
        target=changed.target,
        word=changed.decision,
        applied=changed.jurisdictions,
        cause=Cause(changed.cause) if changed.cause else None,
        unilateral=changed.unilateral,
        ground=changed.ground,
        suspended=changed.suspended,
    )


def tally(counts: Counts) -> Tally:
    states = ("undecided", "complied", "refused", "not_located", "withdrawn")
    slots = {state: getattr(counts, state) for state in states}
    slots |= {f"released:{cause}": count for cause, count in counts.released.items()}
    return Tally({slot: count for slot, count in slots.items() if count})
