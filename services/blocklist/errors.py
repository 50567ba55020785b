"""How the domain's refusals reach a caller: each becomes one `Refusal`, with the place in the request that is at fault."""

from collections.abc import Iterable

from services.blocklist.domain.batch import BatchId
from services.blocklist.domain.directive import DirectiveStatus, NoTransition
from services.blocklist.domain.item import Obstacle
from services.blocklist.domain.selection import Impossible, Selection
from services.blocklist.domain.undo import Kept
from shared.http.fields import MAX_FAULTS
from shared.http.problems import Fault, Kind, Refusal, invalid
from shared.ids import DirectiveId, Target


def unknown_directive(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"there is no directive {id_!r}")


def duplicate_reference(existing: DirectiveId) -> Refusal:
    detail = f"this is directive {existing}"
    return Refusal(Kind.DUPLICATE, detail, (Fault(detail, pointer="/reference"),), {"directive": existing})


def unknown_batch(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"there is no batch {id_!r}")


def not_undoable(id_: BatchId) -> Refusal:
    return Refusal(Kind.CONFLICT, f"{id_} is an act of an authority, a court or the calendar: the platform cannot take it back")


def nothing_to_undo(id_: BatchId, kept: Iterable[Kept]) -> Refusal:
    """`kept` says why what the batch did is left as it is, if it did anything."""
    why = "; ".join(sorted(reason.value for reason in kept)) or "it made and ended no claim, and changed no decision"
    return Refusal(Kind.CONFLICT, f"nothing of {id_} is left to take back: {why}")


def four_eyes_needed() -> Refusal:
    return invalid("this brings a unilateral release back, which needs two different approvers", "/approvers")


def no_transition(refused: NoTransition) -> Refusal:
    return Refusal(Kind.CONFLICT, f"the directive: {refused}")


def time_is_up(ended: DirectiveStatus) -> Refusal:
    return Refusal(Kind.CONFLICT, f"the directive's time has run out: it is {ended.value!r}")


def nothing_to_stay() -> Refusal:
    return Refusal(Kind.CONFLICT, "an unblock directive makes no claims that could be suspended")


def unknown_notice(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"there is no user notice {id_!r}")


def unknown_appeal(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"there is no appeal {id_!r}")


def foreign_targets(foreign: Iterable[Target], selection: Selection) -> Refusal:
    """Targets that are named, and are no items of the directive."""
    why = "this target is not an item of the directive"
    return Refusal(Kind.INVALID, why, _at_targets(((target, why) for target in foreign), selection))


def impossible(refused: Impossible, selection: Selection) -> Refusal:
    """What stopped a decision, release or rescission. A part of a wider claim is a wrong request, the rest are conflicts."""
    if not refused.obstacles:
        return Refusal(Kind.CONFLICT, "no item is eligible")
    wrong = all(obstacle.obstacle is Obstacle.PART_OF_WIDER for obstacle in refused.obstacles)
    faults = _at_targets(((obstacle.item.target, obstacle.why) for obstacle in refused.obstacles), selection)
    return Refusal(Kind.INVALID if wrong else Kind.CONFLICT, refused.obstacles[0].why, faults)


def _at_targets(found: Iterable[tuple[Target, str]], selection: Selection) -> tuple[Fault, ...]:
    if isinstance(selection, str):
        return tuple(Fault(f"{target}: {why}", pointer="/targets") for target, why in found)[:MAX_FAULTS]
    position = {target: index for index, target in reversed(list(enumerate(selection)))}
    return tuple(Fault(why, pointer=f"/targets/{position[target]}") for target, why in found)[:MAX_FAULTS]
