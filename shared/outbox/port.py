"""What the relay needs of its database, in values: who works on which lane, what comes next in it, and how far it is done.

Whoever implements it promises
 1. A lane has one holder at a time, as far as the database knows; each new one has a higher epoch. Everything that a holder does
    to its lane is refused once the epoch is another one, so that who was away too long does no harm.
 2. Numbers are given once: the lane's oldest rows get the next ones, in the order of their ids, in one transaction. Whoever asks
    again before they are marked finds the same rows with the same numbers.
 3. `mark` and the lane's progress are one transaction.
Does not promise: that no former holder is still sending. Readers drop what they have seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from shared.outbox.table import Lane

Owner = str
"""Names one run of one process, and no other."""

LEASE = timedelta(seconds=10)
"""How long a lane is held without a sign of life from its holder, on the database's clock like all that has to do with leases."""

CHECKPOINT_EVERY = timedelta(seconds=10)
"""After so long something new is told by a checkpoint."""

CHECKPOINT_ANYWAY = timedelta(seconds=60)
"""After so long a checkpoint is made even of nothing new: silence would look like a loss of the last one."""


class Hold(NamedTuple):
    """A lane that is held: whatever is done to it names the epoch in which it was taken."""

    lane: Lane
    epoch: int


@dataclass(frozen=True, slots=True)
class Roll:
    """What a sign of life is answered with: what one holds, and how many share how many lanes."""

    held: tuple[Hold, ...]
    lanes: int
    members: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row with its numbers: its events have `sequence` and those that follow."""

    id: int
    sequence: int
    events: int
    form: str
    body: bytes


class Progress(NamedTuple):
    """How far a lane is acknowledged, and what its rolling hash is there and at the last mark. Empty: not known."""

    sequence: int = 0
    digest: str = ""
    marked_sequence: int = 0
    marked_digest: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What comes next in a lane: rows that follow each other, and the progress that they start from."""

    hold: Hold
    system_epoch: int
    since: Progress
    rows: tuple[Numbered, ...]


class LeaseStore(Protocol):
    async def ensure(self, wanted: Iterable[Lane]) -> None:
        """Makes known which lanes there are to share: these, and any other that something waits in."""
        ...

    async def beat(self, owner: Owner) -> Roll:
        """A sign of life: renews what the owner holds, and tells what that is."""
        ...

    async def claim(self, owner: Owner, at_most: int) -> Sequence[Hold]:
        """Takes lanes that nobody holds, or whose holder gave no sign for as long as a lease."""
        ...

    async def give_up(self, owner: Owner, holds: Sequence[Hold]) -> None:
        """Others may claim these at once."""
        ...

    async def leave(self, owner: Owner) -> None:
        """Gives up everything, and is no member any more."""
        ...


class LaneStore(Protocol):
    async def take(self, owner: Owner, holds: Sequence[Hold], rows: int) -> Sequence[Batch]:
        """The next rows of each lane that has some, at most so many of one, numbered. Nothing of a lane that is held no more."""
        ...

    async def mark(self, owner: Owner, batch: Batch, until: Progress, *, offset: int | None, at: datetime) -> bool:
        """Called only when the broker acknowledged every event of the batch. False, and nothing done, if the hold is lost."""
        ...

    async def halt(self, owner: Owner, hold: Hold, *, reason: str, at: datetime) -> None:
        """Tells that the broker refuses what comes next. The next mark tells that it goes on."""
        ...

    async def checkpoint(self, owner: Owner, at: datetime) -> int:
        """Queues a checkpoint of each lane held for which one is due; answers how many."""
        ...


class RelayStore(LeaseStore, LaneStore, Protocol):
    """Everything that the relay needs of its database."""
