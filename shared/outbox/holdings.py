"""Which lanes one relay holds, and what it may do with each now. No I/O: it is told what its database answered.

A lane is idle, or busy: asked for what comes next in it, in a turn, or at rest after one that failed. One that is to go is given
up once it is idle.
"""

from collections.abc import Iterable

from shared.outbox.port import Hold
from shared.outbox.table import Lane


def fair_share(lanes: int, members: int) -> int:
    """How many lanes each of so many may hold, so that none is left over."""
    return -(-lanes // max(1, members))


class Holdings:
    def __init__(self) -> None:
        self._holds: dict[Lane, Hold] = {}
        self._busy: set[Lane] = set()
        self._leaving: set[Lane] = set()

    def __len__(self) -> int:
        return len(self._holds)

    def idle(self) -> list[Hold]:
        """What may be worked on."""
        return [hold for lane, hold in self._holds.items() if lane not in self._busy and lane not in self._leaving]

    def free_to_go(self) -> list[Hold]:
        """What is to be given up, and can be."""
        return [hold for lane, hold in self._holds.items() if lane in self._leaving and lane not in self._busy]

    def add(self, holds: Iterable[Hold]) -> None:
        self._holds |= {hold.lane: hold for hold in holds}

    def become(self, holds: Iterable[Hold]) -> int:
        """The database says that these are held, and no others. Answers how many of those that were are not any more."""
        before = set(self._holds.values())
        self._holds = {hold.lane: hold for hold in holds}
        self._leaving &= self._holds.keys()
        return len(before - set(self._holds.values()))

    def drop(self, hold: Hold) -> bool:
        """Not held any more. Whether it was."""
        if self._holds.get(hold.lane) != hold:
            return False
        del self._holds[hold.lane]
        self._leaving.discard(hold.lane)
        return True

    def begin(self, hold: Hold) -> None:
        self._busy.add(hold.lane)

    def end(self, hold: Hold) -> None:
        self._busy.discard(hold.lane)

    def settle(self, share: int) -> int:
        """Marks for giving up what is beyond the share; answers how many more lanes it leaves room for."""
        beyond = max(0, len(self._holds) - share)
        self._leaving = set(sorted(self._holds, key=_by_partition)[len(self._holds) - beyond :])
        return max(0, share - len(self._holds))


def _by_partition(lane: Lane) -> tuple[int, str]:
    return lane.partition, lane.topic
