"""A directive takes the place of an older one: as it comes in, or declared afterwards."""

from dataclasses import dataclass, replace

from services.blocklist import errors
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.directive import Directive, DirectiveFact, DirectiveStatus, NewDirective
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers import elsewhere
from services.blocklist.handlers.unit import Effects, Unit, effects, in_time, settle_claims, stepped
from services.blocklist.store import directives, items
from shared.http.problems import Fault, Kind, Refusal, invalid
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class Supersede:
    """`by` is the newer directive."""

    directive: DirectiveId
    by: DirectiveId
    memo: str | None


async def supersede(unit: Unit, command: Supersede) -> Effects:
    """Ends what the newer directive, which is in force, does not list or has decided; the rest ends as it decides."""
    unit.batch.begin(BatchKind.ACT, memo=command.memo)
    chain = await directives.predecessors(unit.connection, command.directive)
    locked = await directives.locked(unit.connection, [command.by, *chain])
    old, by = _named(command, locked)
    elsewhere.check_chain(locked, chain)
    _fits(old, by)
    await check_old(unit, old, pointer="/by")
    by = replace(by, supersedes=old.id)
    await directives.save(unit.connection, by)
    return await _take_over(unit, by, tuple(locked[id_] for id_ in chain), command.memo)


async def check_order(unit: Unit, order: NewDirective, others: tuple[Directive, ...]) -> None:
    """Raises Refusal unless the order may take the place of the directive that it names. The caller has locked that one."""
    if order.supersedes is None:
        return
    if not await directives.exists(unit.connection, order.supersedes, authority=order.authority):
        raise invalid(f"{order.authority} has issued no directive {order.supersedes!r}", "/supersedes")
    old = next((other for other in others if other.id == order.supersedes), None)
    if old is None:
        raise _conflict(f"directive {order.supersedes} has ended already", "/supersedes")
    if order.unblocks or old.unblocks:
        raise invalid("an unblock directive neither supersedes nor is superseded", "/supersedes")
    await check_old(unit, old, pointer="/supersedes")


async def check_old(unit: Unit, old: Directive, *, pointer: str) -> None:
    """Raises Refusal if the directive has ended, or another one is about to take its place."""
    stepped(old, DirectiveFact.SUPERSEDE)
    in_time(old, unit.now)
    newer = await directives.successor(unit.connection, old.id)
    if newer:
        raise _conflict(f"directive {newer} supersedes it already", pointer)


def _named(command: Supersede, locked: dict[DirectiveId, Directive]) -> tuple[Directive, Directive]:
    old, by = locked.get(command.directive), locked.get(command.by)
    if old is None:
        raise errors.unknown_directive(command.directive)
    if by is None or by.authority != old.authority:
        raise invalid(f"{old.authority} has issued no directive {command.by!r}", "/by")
    return old, by


def _fits(old: Directive, by: Directive) -> None:
    if by.id == old.id or by.issued_at < old.issued_at:
        raise invalid("a directive is superseded by a newer one", "/by")
    if by.unblocks or old.unblocks:
        raise invalid("an unblock directive neither supersedes nor is superseded", "/by")
    if by.status is not DirectiveStatus.IN_FORCE:
        raise _conflict(f"directive {by.id} is not in force, but {by.status.value!r}", "/by")
    if by.supersedes:
        raise _conflict(f"directive {by.id} supersedes {by.supersedes} already", "/by")


async def _take_over(unit: Unit, by: Directive, chain: tuple[Directive, ...], memo: str | None) -> Effects:
    own = await items.select_items(unit.connection, by.id, "all")
    found = await elsewhere.end_at_start(unit, by, elsewhere.standing(chain), own)
    changes = list(elsewhere.changes_of(found))
    settled = await settle_claims(unit, changes, Terms(at=unit.now, cause=elsewhere.cause(by), due_at=None, label=""))
    await elsewhere.tell(unit, by, found, memo)
    return effects([changed for _, changed in changes], settled)


def _conflict(detail: str, pointer: str) -> Refusal:
    return Refusal(Kind.CONFLICT, detail, (Fault(detail, pointer=pointer),))
