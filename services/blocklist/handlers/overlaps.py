"""What other directives hold of what a batch changes: what a release will not release, and a block will not block anew."""

from collections import defaultdict
from dataclasses import dataclass

from services.blocklist.domain.batch import OpenBatch
from services.blocklist.handlers.unit import Unit
from services.blocklist.store import withholdings
from shared.ids import DirectiveId, Jurisdiction, Key, Target


@dataclass(frozen=True, slots=True)
class Overlap:
    """One key that the batch is about, and the directives beside it that claim it."""

    target: Target
    jurisdiction: Jurisdiction
    held_by: tuple[DirectiveId, ...]


async def overlaps(unit: Unit) -> list[Overlap]:
    """Every key of the changed items that directives beyond the batch claim now, in order of target and jurisdiction."""
    keys = _keys(unit.batch)
    found = []
    for withholding in await withholdings.claimed(unit.connection, sorted({key.target for key in keys})):
        others = withholding.claimants - keys.get(withholding.key, withholding.claimants)
        if others:
            found.append(Overlap(withholding.key.target, withholding.key.jurisdiction, tuple(sorted(others))))
    return sorted(found, key=lambda overlap: (overlap.target, overlap.jurisdiction))


def _keys(batch: OpenBatch) -> dict[Key, set[DirectiveId]]:
    """Where the changed items ask for something, or claim it, and by which directives of the batch."""
    keys: dict[Key, set[DirectiveId]] = defaultdict(set)
    for directive, changes in batch.changes.items():
        for changed in changes:
            for place in {*batch.scopes[directive], *changed.before.claims, *changed.after.claims}:
                keys[Key(place, changed.after.target)].add(directive)
    return keys
