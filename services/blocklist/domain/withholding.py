"""The state of one key, derived from the directives that claim it. Nothing sets it by hand.

Promises: `withheld` exactly while at least one claim is live; each change of state is the next version, without holes; a change
of claims that does not change the state makes no version.
Would break it: calling `settle` without holding the key's row lock, or storing anything else than what it returned.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Changed
from shared.ids import DirectiveId, Key


class WithholdingState(StrEnum):
    WITHHELD = "withheld"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """One key at one version. `claimants` are the directives whose claims are live now; `directives` those of this version."""

    key: Key
    version: int
    state: WithholdingState
    cause: Cause | None
    claimants: frozenset[DirectiveId]
    directives: tuple[DirectiveId, ...]
    effective_at: datetime
    due_at: datetime | None
    label: str


@dataclass(slots=True)
class ClaimChanges:
    """What one transaction does to the live claims on one key; nothing, if all it did was to end a suspended one."""

    made: set[DirectiveId] = field(default_factory=set)
    ended: set[DirectiveId] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the transaction lends to the versions it makes: when, why a release, and how a new withholding is due and labelled."""

    at: datetime
    cause: Cause | None
    due_at: datetime | None
    label: str


@dataclass(frozen=True, slots=True)
class Emitted:
    """A new version, to be stored and published. `before` is None for a key never withheld until now."""

    before: Withholding | None
    after: Withholding


@dataclass(frozen=True, slots=True)
class Kept:
    """Other claimants, the same state and version: to be stored, not published."""

    after: Withholding


Settled = Emitted | Kept


def claim_changes(changes: Iterable[tuple[DirectiveId, Changed]]) -> dict[Key, ClaimChanges]:
    """Collects per key what the changed items of any number of directives make and end.

    The key of a suspended claim that ends is among them, with nothing made or ended: somebody else may hold it, which is asked.
    """
    found: dict[Key, ClaimChanges] = {}
    for directive, changed in changes:
        before, after, target = changed.before.live, changed.after.live, changed.after.target
        for place in changed.ended:
            found.setdefault(Key(place, target), ClaimChanges())
        for place in after - before:
            found.setdefault(Key(place, target), ClaimChanges()).made.add(directive)
        for place in before - after:
            found.setdefault(Key(place, target), ClaimChanges()).ended.add(directive)
    return found


def settle(key: Key, before: Withholding | None, changes: ClaimChanges, terms: Terms) -> Settled:
    """The key after the changes. Made and ended in one transaction is no flicker: only the net state counts."""
    claimants = ((before.claimants if before else frozenset()) | changes.made) - changes.ended
    state = WithholdingState.WITHHELD if claimants else WithholdingState.RELEASED
    if before and before.state is state:
        return Kept(replace(before, claimants=claimants))
    withheld = state is WithholdingState.WITHHELD
    return Emitted(
        before,
        Withholding(
            key=key,
            version=before.version + 1 if before else 1,
            state=state,
            cause=None if withheld else terms.cause,
            claimants=claimants,
            directives=tuple(sorted(claimants if withheld else changes.ended)),
            effective_at=terms.at,
            due_at=terms.due_at if withheld else None,
            label=terms.label if withheld or not before else before.label,
        ),
    )


def settle_all(changes: Mapping[Key, ClaimChanges], before: Mapping[Key, Withholding], terms: Terms) -> list[Settled]:
    """Every key of a transaction, in key order; without those that nobody has ever withheld, and nobody withholds now."""
    known = [key for key in sorted(changes) if key in before or changes[key].made]
    return [settle(key, before.get(key), changes[key], terms) for key in known]
