"""One directive is brought from the backup's revision to the last that was published."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import inbound
from services.blocklist.domain.batch import BatchId
from services.blocklist.domain.directive import BLOCK, OFFICIAL, Directive, DirectiveStatus, NewDirective, begun
from services.blocklist.domain.item import Item
from services.blocklist.domain.retold import Act, retold
from services.blocklist.domain.tally import Tally
from services.blocklist.handlers.forward.cases import Told
from services.blocklist.handlers.forward.correspondence import bring_correspondence
from services.blocklist.handlers.forward.report import Report
from services.blocklist.store import cases, directives, items
from shared.events import (
    CaseEvent,
    DirectiveAccepted,
    DirectiveConfirmed,
    DirectiveItems,
    DirectiveNoticed,
    DirectiveReceived,
    DirectiveSuperseded,
)
from shared.ids import DirectiveId, Key, Target
from shared.registry import Intake, Registry

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Forward:
    """Where directives are brought to: the open transaction, the law, and the report of what could not be known."""

    connection: AsyncConnection
    registry: Registry
    report: Report
    _awaited: dict[DirectiveId, DirectiveId] = field(default_factory=dict)
    _superseded: dict[DirectiveId, set[DirectiveId]] = field(default_factory=lambda: defaultdict(set))

    async def bring(self, id_: DirectiveId, known: int, told: Sequence[Told]) -> set[Key]:
        """`known` is the directive's revision in the database, 0 if it is not there. Answers the keys that its items touched."""
        if not known:
            await self._create(told[0])
        self._name_holes(id_, known, told)
        directive = (await directives.locked(self.connection, [id_]))[id_]
        await cases.bring(self.connection, [(each.event, each.at) for each in told])
        await bring_correspondence(self.connection, told, self.report)
        keys = await self._items(directive, told)
        for each in told:
            directive = self._advanced(directive, each.event)
        await directives.save(self.connection, directive)
        self.report.count("directives_advanced" if known else "directives_created")
        self.report.count("events", len(told))
        return keys

    async def succeed(self) -> None:
        """Says which directive supersedes which, once all are there. Of one that was declared to do so after its receipt, only
        the events of the other tell it.
        """
        for by, old in sorted(self._awaited.items()):
            locked = await directives.locked(self.connection, [by, old])
            if old in locked:
                await directives.save(self.connection, replace(locked[by], supersedes=old))
            else:
                self.report.name("supersedes_an_unknown", by)
        for by, ended in sorted(self._superseded.items()):
            locked = await directives.locked(self.connection, sorted({by, *ended}))
            chain = ended - {locked[id_].supersedes for id_ in ended if id_ in locked}
            if by in locked and locked[by].supersedes is None and len(chain) == 1:
                await directives.save(self.connection, replace(locked[by], supersedes=chain.pop()))

    async def _create(self, first: Told) -> None:
        order = _order(first.event, self.registry)
        if not isinstance(first.event, DirectiveReceived):
            self.report.name("received_before_what_is_published", order.id)
        if order.supersedes:
            self._awaited[order.id] = order.supersedes
            order = replace(order, supersedes=None)
        if await directives.add(self.connection, order, _directive(order, first.event)):
            self.report.name("reference_taken", order.id)
            renamed = replace(order, reference=f"{order.reference[:150]} ({order.id})")
            await directives.add(self.connection, renamed, _directive(renamed, first.event))

    def _name_holes(self, id_: DirectiveId, known: int, told: Sequence[Told]) -> None:
        revisions = [known, *(each.event.revision for each in told)]
        if revisions[-1] - known != len(told):
            self.report.name("events_missing", id_)

    async def _items(self, directive: Directive, told: Sequence[Told]) -> set[Key]:
        """What each list of items tells, in order. A list belongs to the event before it, if that is there."""
        touched: set[Key] = set()
        act, last = Act(), 0
        for event, at, _ in told:
            if isinstance(event, DirectiveItems):
                touched |= await self._apply(directive, event, at, act if event.revision == last + 1 else Act())
            else:
                act = inbound.act(event)
            last = event.revision
        return touched

    async def _apply(self, directive: Directive, event: DirectiveItems, at: datetime, act: Act) -> set[Key]:
        told = {changed.target: inbound.told_item(changed) for changed in event.items}
        stored = {item.target: item for item in await items.select_items(self.connection, directive.id, tuple(told))}
        after = {target: retold(stored.get(target) or Item(target=target), told[target], act, directive.scope) for target in told}
        batch = BatchId(event.batch) if event.batch else None
        new = [item for target, item in after.items() if target not in stored]
        changed = [item for target, item in after.items() if target in stored and item != stored[target]]
        if new:
            position = await items.last_position(self.connection, directive.id) + 1
            received: dict[Target, list[Any]] = {item.target: [item.target] for item in new}
            await items.add(self.connection, directive.id, received, new, at=at, batch=batch, first_position=position)
        await items.save(self.connection, directive.id, changed, at=at, batch=batch)
        self.report.count("items", len(new) + len(changed))
        return {
            Key(place, item.target)
            for target, item in after.items()
            for place in {**item.claims, **(stored[target].claims if target in stored else {})}
        }

    def _advanced(self, directive: Directive, event: CaseEvent) -> Directive:
        after = replace(
            directive,
            status=DirectiveStatus(event.status),
            lapses_at=event.lapses_at,
            revision=event.revision,
            tally=inbound.tally(event.counts),
        )
        match event:
            case DirectiveConfirmed():
                if event.lapses_at:
                    self.report.name("confirmed_in_part", directive.id)
                return replace(after, confirmed_at=event.confirmed_at)
            case DirectiveNoticed():
                return replace(after, missing=tuple(each for each in after.missing if each not in event.supplied))
            case DirectiveAccepted():
                return replace(after, missing=())
            case DirectiveSuperseded():
                self._superseded[event.by].add(directive.id)
                return after
            case _:
                return after


def _order(event: CaseEvent, registry: Registry) -> NewDirective:
    """As much of the order as its event tells; the rest follows from the law, or is unknown."""
    receipt = event if isinstance(event, DirectiveReceived) else None
    basis = registry.basis(event.legal_basis, event.issued_at)
    kind = receipt.kind if receipt else BLOCK
    official = event.channel == OFFICIAL
    return NewDirective(
        id=event.directive,
        authority=event.authority or UNKNOWN,
        reference=event.reference or event.directive,
        legal_basis=event.legal_basis,
        kind=kind,
        issued_at=event.issued_at,
        received_at=event.received_at,
        requested_jurisdictions=tuple(event.jurisdictions),
        scope=event.jurisdictions,
        targets={},
        reason=None,
        due_at=event.due_at,
        expires_at=receipt.expires_at if receipt else None,
        supplements=None,
        supersedes=receipt.supersedes if receipt else None,
        document=None,
        label=basis.label.value if basis else "legal_demand",
        user_notice=basis.user_notice.value if basis else "delayed",
        comply_at_intake=bool(basis and official and basis.intake is Intake.COMPLY),
        interim=bool(basis and official and kind == BLOCK and basis.interim),
        lapses_at=event.lapses_at,
        channel=event.channel,
        sealed=event.sealed,
    )


def _directive(order: NewDirective, event: CaseEvent) -> Directive:
    """As it stood before its first event that there is, which tells the rest."""
    told_missing = event.missing if isinstance(event, DirectiveReceived) else ()
    return begun(order, DirectiveStatus(event.status), Tally({}), told_missing)
