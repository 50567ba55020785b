"""What taking a batch back does to one item.

Promises
 1. Only what the batch did is taken back, and only where nobody has touched it since: a claim that it made and that has stood
    ever since ends; a claim that the platform ended in it and that nobody has decided about since is made again; a decision
    that stands as the batch left it gives way to the one before it.
 2. What an authority, a court or the calendar ended stays ended.
 3. Whatever is left as it is although the batch did it is named, with the reason.
A stay is no touch: a claim that is suspended, or live again after one, is still the claim that it was.
Would break it: judging by the item as it is now alone. That a claim stands does not say who made it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Changed, Claim, Item, ItemState, Standing
from shared.ids import Jurisdiction


class Kept(Enum):
    """Why something that the batch did is left as it is."""

    ENDED_FINALLY = "it has ended finally"
    CHANGED_SINCE = "it has been changed since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An item around a batch: before it (None if the batch brought it in), after it, and every version since, in order."""

    before: Item | None
    after: Item
    since: tuple[Item, ...] = ()

    @property
    def now(self) -> Item:
        return self.since[-1] if self.since else self.after

    @property
    def origin(self) -> Item:
        return self.before or Item(target=self.after.target)


@dataclass(frozen=True, slots=True)
class Skipped:
    """One claim that is left as it is, or the decision, where `place` is None."""

    place: Jurisdiction | None
    why: Kept


@dataclass(frozen=True, slots=True)
class TakenBack:
    changed: Changed
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Nothing to take back. Without `skipped`, because the batch did nothing that could be."""

    item: Item
    skipped: tuple[Skipped, ...]


Outcome = TakenBack | LeftAlone

_CLOSED = frozenset({ItemState.ENDED, ItemState.WITHDRAWN})
_DECIDED_AGAINST = frozenset({ItemState.REFUSED, ItemState.NOT_LOCATED})


def undo(past: Past) -> Outcome:
    """The item after the batch is taken back."""
    did = _claimed(past)
    if past.now.state in _CLOSED:
        places: list[Jurisdiction | None] = [*did] or [None] * _changed_decision(past)
        return LeftAlone(past.now, tuple(Skipped(place, Kept.ENDED_FINALLY) for place in places))
    verdicts = {place: _claim_again(past, place) for place in did}
    claims = {place: claim for place, claim in verdicts.items() if not isinstance(claim, Kept)}
    skipped = [Skipped(place, why) for place, why in verdicts.items() if isinstance(why, Kept)]
    kept = None if did else _decision_kept(past)
    if kept:
        skipped.append(Skipped(None, kept))
    after = _decided(past, replace(past.now, claims={**past.now.claims, **claims}))
    return LeftAlone(past.now, tuple(skipped)) if after == past.now else TakenBack(Changed(past.now, after), tuple(skipped))


def _claimed(past: Past) -> list[Jurisdiction]:
    """Where the batch made or ended a claim."""
    before, after = set(past.origin.applied), set(past.after.applied)
    return [place for place in past.after.claims if (place in before) != (place in after)]


def _claim_again(past: Past, place: Jurisdiction) -> Claim | Kept:
    """What becomes of one claim that the batch made or ended."""
    became = past.after.claims[place]
    if isinstance(became, Standing):
        stood = all(place in later.applied for later in past.since)
        return past.origin.claims.get(place, Cause.ERROR) if stood else _why(past.now, place)
    untouched = all(later.claims[place] is became and later.state not in _DECIDED_AGAINST for later in past.since)
    if not untouched or past.now.is_barred(place):
        return _why(past.now, place)
    return Standing.SUSPENDED if past.now.stayed else Standing.LIVE


def _why(now: Item, place: Jurisdiction) -> Kept:
    return Kept.ENDED_FINALLY if now.is_barred(place) else Kept.CHANGED_SINCE


def _decided(past: Past, item: Item) -> Item:
    """The item with the decision that its claims leave it, and what was decided before the batch and since."""
    if item.applied:
        return replace(item, state=ItemState.COMPLIED, cause=None, ground=None)
    if past.now.applied:
        return _as_before(past, item) if _is_untouched(past) else _released_for_error(item)
    return _as_before(past, item) if _changed_decision(past) and not _decision_kept(past) else item


def _as_before(past: Past, item: Item) -> Item:
    """With the decision before the batch. An item that was complied with at intake had none: its claim was an error."""
    if past.before is None:
        return _released_for_error(item)
    return replace(item, state=past.before.state, cause=past.before.cause, ground=past.before.ground)


def _released_for_error(item: Item) -> Item:
    return replace(item, state=ItemState.RELEASED, cause=Cause.ERROR, ground=None)


def _is_untouched(past: Past) -> bool:
    return all(_without_stay(later) == _without_stay(past.after) for later in past.since)


def _without_stay(item: Item) -> tuple[object, Mapping[Jurisdiction, object]]:
    claims = {place: isinstance(claim, Standing) or claim for place, claim in item.claims.items()}
    return _decision_of(item), claims


def _changed_decision(past: Past) -> bool:
    return _decision_of(past.origin) != _decision_of(past.after)


def _decision_kept(past: Past) -> Kept | None:
    """Why a decision that the batch changed cannot give way to the one before, if it cannot."""
    if not _changed_decision(past):
        return None
    if ItemState.COMPLIED in (past.origin.state, past.after.state):
        return Kept.ENDED_FINALLY  # complied with, and yet no claim to take back: it lifted what others claimed, and for good
    touched = any(_decision_of(later) != _decision_of(past.after) for later in past.since)
    return Kept.CHANGED_SINCE if touched else None


def _decision_of(item: Item) -> tuple[ItemState, Cause | None, str | None]:
    return item.state, item.cause, item.ground
