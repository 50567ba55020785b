"""What is withheld where, in memory, exact, fed from the state topic.

Promises: a key is at the highest version that was applied, whatever the order and however often records come; of one version
that comes twice with other content, the one of the later epoch counts. A lookup in a subdivision counts what is withheld in its
country and worldwide. Keys are compared whole: nobody can collide with one.
Does not promise: to be current. It knows what it was fed.
"""

from dataclasses import dataclass

from shared.events import WithholdingChanged
from shared.ids import Jurisdiction, Key, Target
from shared.jurisdictions import lookup_keys, parse_jurisdiction


@dataclass(frozen=True, slots=True)
class _Known:
    version: int
    withheld: bool
    epoch: int

    def gives_way_to(self, other: "_Known") -> bool:
        if other.version != self.version:
            return other.version > self.version
        return other.epoch > self.epoch and other.withheld is not self.withheld


class WithholdingView:
    def __init__(self) -> None:
        self._known: dict[Key, _Known] = {}

    def apply(self, change: WithholdingChanged, *, epoch: int = 0) -> bool:
        """Takes a change, and answers whether it was news: any version higher than the one known is applied at once.

        `epoch` is the one under which it was published, as `Envelope.epoch` has it.
        """
        key = Key(change.jurisdiction, change.target)
        known, told = self._known.get(key), _Known(change.version, change.state == "withheld", epoch)
        if known is not None and not known.gives_way_to(told):
            return False
        self._known[key] = told
        return True

    def is_withheld(self, target: str, jurisdiction: str) -> bool:
        """Whether somebody in the jurisdiction must not see the canonical target. Raises JurisdictionError for a wrong code."""
        return any(self._withholds(Key(place, Target(target))) for place in lookup_keys(parse_jurisdiction(jurisdiction)))

    def withheld_in(self, target: str) -> frozenset[Jurisdiction]:
        """The jurisdictions that withhold the canonical target."""
        return frozenset(key.jurisdiction for key, known in self._known.items() if key.target == target and known.withheld)

    def version(self, key: Key) -> int:
        """The version that is applied; 0 for a key never heard of."""
        known = self._known.get(key)
        return known.version if known else 0

    def __len__(self) -> int:
        """How many keys are withheld."""
        return sum(known.withheld for known in self._known.values())

    def _withholds(self, key: Key) -> bool:
        known = self._known.get(key)
        return known is not None and known.withheld
