"""One target of one directive: what was decided, and the claims that follow from it.

Promises: a decision never ends or narrows a claim; only a release, a rescission or the calendar does. What ended finally is
never claimed again. Nothing is claimed outside the scope that a caller passes, and callers pass no more than was asked.
Would break it: assigning `state` or `claims` anywhere but in this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from services.blocklist.domain.causes import FINAL, Cause
from shared.ids import Jurisdiction, Target
from shared.jurisdictions import covers, overlaps


class ItemState(StrEnum):
    """RELEASED may be decided again; ENDED (released finally) and WITHDRAWN may not. On the wire both releases are `released`."""

    UNDECIDED = "undecided"
    REFUSED = "refused"
    NOT_LOCATED = "not_located"
    COMPLIED = "complied"
    RELEASED = "released"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"

    @property
    def word(self) -> str:
        return "released" if self is ItemState.ENDED else self.value


class Decision(StrEnum):
    """The platform's answer to an item, in the words of the contract."""

    COMPLY = "comply"
    REFUSE = "refuse"
    NOT_LOCATED = "not_located"


class ItemFact(StrEnum):
    COMPLY = "comply"
    REFUSE = "refuse"
    NOT_LOCATE = "not_located"
    RELEASE = "release"
    END = "end"
    STAY = "stay"
    UNSTAY = "unstay"
    CONFIRM = "confirm"


_S, _F = ItemState, ItemFact

_DECIDABLE = {_F.COMPLY: _S.COMPLIED, _F.REFUSE: _S.REFUSED, _F.NOT_LOCATE: _S.NOT_LOCATED, _F.END: _S.WITHDRAWN}


def _while_open(state: ItemState) -> dict[ItemFact, ItemState]:
    """A stay and a confirmation reach every item that has not ended, and leave its state as it was."""
    return dict.fromkeys((_F.STAY, _F.UNSTAY, _F.CONFIRM), state)


TRANSITIONS: Mapping[ItemState, Mapping[ItemFact, ItemState]] = {
    _S.UNDECIDED: {**_DECIDABLE, **_while_open(_S.UNDECIDED)},
    _S.REFUSED: {**_DECIDABLE, **_while_open(_S.REFUSED)},
    _S.NOT_LOCATED: {**_DECIDABLE, **_while_open(_S.NOT_LOCATED)},
    _S.RELEASED: {**_DECIDABLE, **_while_open(_S.RELEASED)},
    _S.COMPLIED: {_F.COMPLY: _S.COMPLIED, _F.RELEASE: _S.RELEASED, _F.END: _S.ENDED, **_while_open(_S.COMPLIED)},
    _S.ENDED: {},
    _S.WITHDRAWN: {},
}
"""RELEASE is the release of an item's last claim; one that leaves a claim standing leaves the item `complied`."""


class Standing(StrEnum):
    """A claim that has not ended. A suspended one (a stay) does not count until it is live again."""

    LIVE = "live"
    SUSPENDED = "suspended"


Claim = Standing | Cause
"""A claim on one jurisdiction: standing, or the cause for which it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`stayed`: its claims are suspended, those to come as well. `confirmed`: it does not lapse with an interim directive."""

    target: Target
    state: ItemState = ItemState.UNDECIDED
    cause: Cause | None = None
    ground: str | None = None
    claims: Mapping[Jurisdiction, Claim] = field(default_factory=dict)
    stayed: bool = False
    confirmed: bool = False

    @property
    def live(self) -> frozenset[Jurisdiction]:
        """Where the item counts towards a withholding."""
        return frozenset(place for place, claim in self.claims.items() if claim is Standing.LIVE)

    @property
    def applied(self) -> tuple[Jurisdiction, ...]:
        """Where the item's claims stand, suspended ones included."""
        return tuple(place for place, claim in self.claims.items() if isinstance(claim, Standing))

    @property
    def suspended(self) -> bool:
        """Whether a claim stands that a stay keeps from counting."""
        return Standing.SUSPENDED in self.claims.values()

    @property
    def unilateral(self) -> bool:
        """Whether a claim that the platform ended on its own decision has not been made anew, nor the item decided otherwise."""
        open_or_released = self.state in (ItemState.COMPLIED, ItemState.RELEASED)
        return open_or_released and Cause.PLATFORM_DECISION in self.claims.values()

    def is_barred(self, place: Jurisdiction) -> bool:
        """Whether a claim on the place, on a part of it or on what it is a part of has ended finally."""
        return any(claim in FINAL and overlaps(place, ended) for ended, claim in self.claims.items())


@dataclass(frozen=True, slots=True)
class Changed:
    before: Item
    after: Item

    @property
    def ended(self) -> frozenset[Jurisdiction]:
        """Where a claim stood, live or suspended, and stands no more."""
        return frozenset(self.before.applied) - frozenset(self.after.applied)


@dataclass(frozen=True, slots=True)
class Unchanged:
    item: Item


class Obstacle(StrEnum):
    """Why an item cannot take a fact; the edge tells them apart."""

    STATE = "state"
    NARROWER = "narrower"
    ENDED_FINALLY = "ended_finally"
    NOT_CLAIMED = "not_claimed"
    PART_OF_WIDER = "part_of_wider"


@dataclass(frozen=True, slots=True)
class NotAllowed:
    item: Item
    obstacle: Obstacle
    why: str


Outcome = Changed | Unchanged | NotAllowed


def comply(item: Item, scope: Sequence[Jurisdiction]) -> Outcome:
    """Claims the target in `scope`, which lies within what was asked. Adds to what is claimed already, never takes away."""
    if ItemFact.COMPLY not in TRANSITIONS[item.state]:
        return _no_transition(item, ItemFact.COMPLY)
    allowed = [place for place in scope if not item.is_barred(place)]
    if not allowed:
        return NotAllowed(item, Obstacle.ENDED_FINALLY, "every claim in this scope has ended finally")
    missing = [place for place in allowed if not any(covers(claimed, place) for claimed in item.applied)]
    if missing:
        claims = {**item.claims, **dict.fromkeys(missing, Standing.SUSPENDED if item.stayed else Standing.LIVE)}
        return Changed(item, replace(item, state=ItemState.COMPLIED, cause=None, ground=None, claims=claims))
    if all(any(covers(place, claimed) for place in allowed) for claimed in item.applied):
        return Unchanged(item)
    return NotAllowed(item, Obstacle.NARROWER, "a decision cannot narrow what is claimed; POST /v1/releases does")


def carry_out(item: Item) -> Outcome:
    """Complies with an item of an `unblock` directive, which claims nothing."""
    state = TRANSITIONS[item.state].get(ItemFact.COMPLY)
    if state is None:
        return _no_transition(item, ItemFact.COMPLY)
    if item.state is state:
        return Unchanged(item)
    return Changed(item, replace(item, state=state, cause=None, ground=None))


def refuse(item: Item, ground: str) -> Outcome:
    return _decide_against(item, ItemFact.REFUSE, ground)


def mark_not_located(item: Item) -> Outcome:
    return _decide_against(item, ItemFact.NOT_LOCATE, None)


def release(item: Item, scope: Sequence[Jurisdiction], cause: Cause) -> Outcome:
    """Ends the item's claims inside `scope`. A part of a wider claim cannot be ended: the key is one."""
    ending = [place for place in item.applied if any(covers(wide, place) for wide in scope)]
    if not ending:
        return _nothing_to_release(item, scope)
    claims = {**item.claims, **dict.fromkeys(ending, cause)}
    after = replace(item, claims=claims)
    if not after.applied:
        after = replace(after, state=TRANSITIONS[item.state][ItemFact.RELEASE], cause=cause)
    return Changed(item, after)


def end(item: Item, cause: Cause) -> Outcome:
    """Ends the item finally: a claim in force is released with `cause`, anything else is withdrawn."""
    state = TRANSITIONS[item.state].get(ItemFact.END)
    if state is None:
        return _no_transition(item, ItemFact.END)
    claims = {**item.claims, **dict.fromkeys(item.applied, cause)}
    cause_of_end = cause if state is ItemState.ENDED else None
    return Changed(item, replace(item, state=state, cause=cause_of_end, claims=claims, stayed=False))


def lift(item: Item, scope: Sequence[Jurisdiction]) -> Outcome:
    """The authority itself unblocks: ends the claims inside `scope` finally, and the item with its last claim."""
    outcome = release(item, scope, Cause.RESCINDED)
    if isinstance(outcome, Changed) and not outcome.after.applied:
        return end(item, Cause.RESCINDED)
    return outcome


def lapse(item: Item) -> Outcome:
    """Ends an item of an interim directive whose time is up; one that was confirmed stands."""
    return Unchanged(item) if item.confirmed else end(item, Cause.INTERIM_LAPSED)


def stay(item: Item) -> Outcome:
    """Suspends the item: its live claims stop counting, and a claim made while it is stayed does not begin to."""
    if ItemFact.STAY not in TRANSITIONS[item.state]:
        return _no_transition(item, ItemFact.STAY)
    if item.stayed:
        return NotAllowed(item, Obstacle.STATE, "the item is stayed already")
    return Changed(item, replace(item, stayed=True, claims=_turned(item, Standing.LIVE, Standing.SUSPENDED)))


def unstay(item: Item) -> Outcome:
    """Takes the stay back: every claim that it suspended and that has not ended otherwise is live again."""
    if ItemFact.UNSTAY not in TRANSITIONS[item.state]:
        return _no_transition(item, ItemFact.UNSTAY)
    if not item.stayed:
        return NotAllowed(item, Obstacle.STATE, "the item is not stayed")
    return Changed(item, replace(item, stayed=False, claims=_turned(item, Standing.SUSPENDED, Standing.LIVE)))


def confirm(item: Item) -> Outcome:
    """The item of an interim directive stands for good."""
    if ItemFact.CONFIRM not in TRANSITIONS[item.state]:
        return _no_transition(item, ItemFact.CONFIRM)
    return Unchanged(item) if item.confirmed else Changed(item, replace(item, confirmed=True))


def _turned(item: Item, before: Standing, after: Standing) -> Mapping[Jurisdiction, Claim]:
    return {place: after if claim is before else claim for place, claim in item.claims.items()}


def _decide_against(item: Item, fact: ItemFact, ground: str | None) -> Outcome:
    state = TRANSITIONS[item.state].get(fact)
    if state is None:
        return _no_transition(item, fact)
    if (item.state, item.ground) == (state, ground):
        return Unchanged(item)
    return Changed(item, replace(item, state=state, ground=ground, cause=None))


def _nothing_to_release(item: Item, scope: Sequence[Jurisdiction]) -> NotAllowed:
    wider = [place for place in item.applied if any(covers(place, part) for part in scope)]
    if wider:
        why = f"the claim is on {wider[0]}, which is one key: a part of it cannot be released"
        return NotAllowed(item, Obstacle.PART_OF_WIDER, why)
    return NotAllowed(item, Obstacle.NOT_CLAIMED, "nothing is withheld here that could be released")


def _no_transition(item: Item, fact: ItemFact) -> NotAllowed:
    why = f"{fact.value!r} is not possible while the item is {item.state.word!r}"
    if item.state is ItemState.COMPLIED:
        why += "; POST /v1/releases ends a claim"
    return NotAllowed(item, Obstacle.STATE, why)
