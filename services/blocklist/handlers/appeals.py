"""Somebody affected appeals, and the platform answers: upheld ends the directive's claim on the target, rejected changes nothing.

Promises: an appeal is concluded once; its outcome, the release that follows and their events are one transaction. Its text is in
no event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.blocklist import errors
from services.blocklist.domain.appeal import AppealOutcome, AppealState, conclude
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, NoTransition
from services.blocklist.domain.item import Item
from services.blocklist.handlers.release import Release, release
from services.blocklist.handlers.unit import Effects, Unit, lock_directive, record
from services.blocklist.store import appeals, items
from services.blocklist.store.rows import Row
from shared.events import DirectiveAppealed
from shared.http.problems import Kind, Refusal, invalid
from shared.ids import DirectiveId, Target

_NOTHING = Effects(0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAppeal:
    id: str
    directive: DirectiveId
    target: Target
    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """`approvers` are unverified names for now."""

    appeal: str
    outcome: AppealOutcome
    memo: str
    approvers: Sequence[str]


async def receive(unit: Unit, new: NewAppeal) -> Row:
    """Records an appeal. Raises Refusal if the directive claims nothing on the target that an appeal could end."""
    directive = await lock_directive(unit, new.directive)
    item = await _item(unit, directive, new.target)
    if item is None:
        raise invalid("this target is not an item of the directive", "/target")
    if not item.applied:
        raise Refusal(Kind.CONFLICT, "the directive claims nothing on this target that an appeal could end")
    values: dict[str, Any] = {
        "id": new.id,
        "directive": new.directive,
        "target": new.target,
        "text": new.text,
        "received_at": new.received_at,
        "state": AppealState.RECEIVED,
    }
    await appeals.add(unit.connection, values)
    await record(unit, directive, DirectiveAppealed, {"appeal": new.id, "target": new.target})
    return await _found(unit, new.id)


async def answer(unit: Unit, conclusion: Conclusion) -> tuple[Row, Effects]:
    """Concludes the appeal, and ends what it was about if it is upheld and still stands."""
    directive = await lock_directive(unit, (await _found(unit, conclusion.appeal))["directive"])
    appeal = await _found(unit, conclusion.appeal)
    state = conclude(AppealState(appeal["state"]), conclusion.outcome)
    if isinstance(state, NoTransition):
        raise Refusal(Kind.CONFLICT, f"the appeal: {state}")
    outcome = {
        "state": state,
        "concluded_at": unit.now,
        "memo": conclusion.memo,
        "approvers": list(conclusion.approvers),
    }
    await appeals.conclude(unit.connection, conclusion.appeal, outcome)
    happened = {"appeal": conclusion.appeal, "target": appeal["target"], "outcome": conclusion.outcome.value}
    detail = {"memo": conclusion.memo, "approvers": list(conclusion.approvers), "approvers_verified": False}
    await record(unit, directive, DirectiveAppealed, happened, detail=detail)
    done = await _end(unit, directive, appeal["target"], conclusion) if state is AppealState.UPHELD else _NOTHING
    return await _found(unit, conclusion.appeal), done


async def _end(unit: Unit, directive: Directive, target: Target, conclusion: Conclusion) -> Effects:
    item = await _item(unit, directive, target)
    if item is None or not item.applied:
        return _NOTHING
    command = Release(
        cause=Cause.APPEAL,
        directive=directive.id,
        selection=(target,),
        scope=directive.scope,
        memo=conclusion.memo,
        approvers=tuple(conclusion.approvers),
    )
    return await release(unit, command)


async def _item(unit: Unit, directive: Directive, target: Target) -> Item | None:
    found = await items.select_items(unit.connection, directive.id, (target,))
    return found[0] if found else None


async def _found(unit: Unit, id_: str) -> Row:
    row = await appeals.find(unit.connection, id_)
    if row is None:
        raise errors.unknown_appeal(id_)
    return row
