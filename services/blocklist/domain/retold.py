"""What a database that came from a backup makes of what was published after it.

Promises
 1. An item becomes what its events tell, one after another; claims that an event does not name any more have ended.
 2. A lifting that either side tells of is never undone: where the item and its key disagree, what is surely newer counts, and
    what may have been at the same time counts for the lifting.
 3. A block that was published stands while nothing tells of its end: what its item does not know is taken from the key.
Does not promise: what was never published, nor the flags that no event carries (which items were confirmed one by one).
Would break it: judging by the item alone, whose last events may not have been published when those of its key were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.blocklist.domain.causes import FINAL, Cause
from services.blocklist.domain.item import Claim, Item, ItemState, Standing
from services.blocklist.domain.withholding import (
    ClaimChanges,
    Emitted,
    Kept,
    Settled,
    Terms,
    Withholding,
    WithholdingState,
    settle,
)
from shared.ids import DirectiveId, Jurisdiction, Key, Target

SLACK = timedelta(seconds=30)
"""Instants are those at which transactions began: of two that are this close, the one that began first may have ended last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldItem:
    """An item as an event tells it: `word` is its state in the contract's words, `applied` where its claims stand."""

    target: Target
    word: str
    applied: tuple[Jurisdiction, ...]
    cause: Cause | None
    unilateral: bool
    ground: str | None
    suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What the event before a list of items said was done: why claims ended, and whether items were stayed (None: neither)."""

    cause: Cause | None = None
    stays: bool | None = None


def retold(before: Item, told: ToldItem, act: Act, scope: Sequence[Jurisdiction]) -> Item:
    """The item after the event. `scope` is what its directive asks, for claims of which only the end was told."""
    state = _state(told)
    gone = act.cause or told.cause or Cause.ERROR
    claims: dict[Jurisdiction, Claim] = {
        place: gone if isinstance(claim, Standing) and place not in told.applied else claim
        for place, claim in before.claims.items()
    }
    claims |= dict.fromkeys(told.applied, Standing.SUSPENDED if told.suspended else Standing.LIVE)
    claims = _with_unknown_ends(claims, told, scope)
    closed = state in (ItemState.ENDED, ItemState.WITHDRAWN)
    stayed = told.suspended or (before.stayed if act.stays is None else act.stays)
    return replace(
        before,
        state=state,
        cause=told.cause if state in (ItemState.RELEASED, ItemState.ENDED) else None,
        ground=told.ground,
        claims=claims,
        stayed=stayed and not closed,
    )


def _state(told: ToldItem) -> ItemState:
    """`released` on the wire is two states; which one follows from the cause."""
    if told.word == ItemState.RELEASED.word and told.cause in FINAL:
        return ItemState.ENDED
    return ItemState(told.word)


def _with_unknown_ends(
    claims: dict[Jurisdiction, Claim], told: ToldItem, scope: Sequence[Jurisdiction]
) -> dict[Jurisdiction, Claim]:
    """Claims that ended before anything was told of them are taken to have been on all that was asked."""
    if told.cause and not claims:
        return dict.fromkeys(scope, told.cause)
    if told.unilateral and Cause.PLATFORM_DECISION not in claims.values():
        return {**dict.fromkeys(scope, Cause.PLATFORM_DECISION), **claims}
    return claims


@dataclass(frozen=True, slots=True)
class Witness:
    """One directive's item on a key's target, and since when it is as it is."""

    item: Item
    since: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What a key and the items on its target come to.

    `claimants` hold the key from now on. Those in `claims` are made: the key names them, and their items did not know. Those in
    `ends` are ended for the cause: the key was released, and their items did not know.
    """

    claimants: frozenset[DirectiveId]
    claims: frozenset[DirectiveId] = frozenset()
    ends: frozenset[DirectiveId] = frozenset()
    cause: Cause | None = None


def judge(key: Key, known: Withholding | None, witnesses: Mapping[DirectiveId, Witness]) -> Judged:
    """`witnesses` are all items on the key's target, whatever they claim."""
    live = {id_ for id_, witness in witnesses.items() if key.jurisdiction in witness.item.live}
    if known is None:
        return Judged(frozenset(live))
    if known.state is WithholdingState.RELEASED:
        ends = {id_ for id_ in live if witnesses[id_].since <= known.effective_at + SLACK}
        return Judged(frozenset(live - ends), ends=frozenset(ends), cause=known.cause)
    named = [id_ for id_ in known.directives if id_ not in live]
    claims = {id_ for id_ in named if id_ not in witnesses or not _has_ended(witnesses[id_], key.jurisdiction, known)}
    return Judged(frozenset(live | claims), claims=frozenset(claims), cause=_last_cause(key, witnesses))


def _has_ended(witness: Witness, place: Jurisdiction, known: Withholding) -> bool:
    """Whether the claim that the version names has ended since, as far as its item tells; if in doubt it has."""
    item = witness.item
    if item.state in (ItemState.ENDED, ItemState.WITHDRAWN):
        return True
    if place in item.claims:
        return known.effective_at <= witness.since + SLACK
    return item.state is not ItemState.UNDECIDED and known.effective_at <= witness.since


def _last_cause(key: Key, witnesses: Mapping[DirectiveId, Witness]) -> Cause | None:
    """Why the claim on the key went that went last."""
    ended = [
        (witness.since, claim)
        for witness in witnesses.values()
        if isinstance(claim := witness.item.claims.get(key.jurisdiction), Cause)
    ]
    suspended = any(witness.item.claims.get(key.jurisdiction) is Standing.SUSPENDED for witness in witnesses.values())
    return max(ended, key=lambda found: found[0])[1] if ended else Cause.STAYED if suspended else None


def claimed(item: Item, place: Jurisdiction) -> Item:
    """The item with the claim that its key tells of."""
    return replace(item, state=ItemState.COMPLIED, cause=None, ground=None, claims={**item.claims, place: Standing.LIVE})


def lifted(item: Item, place: Jurisdiction, cause: Cause) -> Item:
    """The item without the claim whose end its key tells of. A stay keeps it."""
    if cause is Cause.STAYED:
        return replace(item, stayed=True, claims={**item.claims, place: Standing.SUSPENDED})
    after = replace(item, claims={**item.claims, place: cause})
    if after.applied:
        return after
    return replace(after, state=ItemState.ENDED if cause in FINAL else ItemState.RELEASED, cause=cause)


def settled(key: Key, known: Withholding | None, judged: Judged, terms: Terms, *, restate: bool = False) -> Settled | None:
    """The key as it goes on: a new version where its state is another one, or is to be told anew. None if nobody ever held it."""
    if known is None and not judged.claimants:
        return None
    held = frozenset(known.directives) if known and known.state is WithholdingState.WITHHELD else frozenset()
    before = replace(known, claimants=held) if known else None
    changes = ClaimChanges(made=set(judged.claimants - held), ended=set(held - judged.claimants))
    outcome = settle(key, before, changes, terms)
    if restate and isinstance(outcome, Kept) and known:
        told = replace(outcome.after, version=known.version + 1, effective_at=terms.at)
        return Emitted(known, told)
    return outcome
