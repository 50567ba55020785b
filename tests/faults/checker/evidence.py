"""Everything that the checker looks at, as plain values: who wants to try the checker writes them by hand.

Nothing here knows the product. `tests.faults.collect` fills it from the history, both databases, the topics and the points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from tests.faults.history import Told

Place = tuple[str, int, int]
"""Topic, partition, offset."""


class Key(NamedTuple):
    place: str
    target: str

    def __str__(self) -> str:
        return f"{self.place}/{self.target}"


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, with what shows it."""

    invariant: int
    what: str

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.what}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is stored for an idempotency key."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    id: str
    authority: str
    reference: str
    kind: str
    scope: Sequence[str]
    status: str
    revision: int
    supersedes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemVersion:
    """One version of one item. `claims` maps each place to live, suspended, or the cause for which the claim ended."""

    directive: str
    target: str
    version: int
    state: str
    claims: Mapping[str, str]
    stayed: bool = False
    batch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    id: str
    items: int
    withholdings_changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One version of one key, in the blocklist or as the notifier knows it. `claimants` only of the blocklist's latest."""

    key: Key
    version: int
    state: str
    cause: str | None = None
    directives: Sequence[str] = ()
    claimants: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One event of the outbox of either service: which row, in which lane, whether it is marked as published."""

    service: str
    row: int
    topic: str
    partition: int
    key: str
    id: str
    value: bytes | None
    published: bool
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One record of a topic. `sequence` and `epoch` are None on records that no relay of today has written."""

    topic: str
    partition: int
    offset: int
    key: str
    id: str
    value: bytes | None
    sequence: int | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an enforcement point did. `run` numbers the lives of its process: each begins with the whole topic."""

    point: str
    run: str
    key: Key
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point and the places whose keys concern it."""

    name: str
    places: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """What the notifier knows of one version at one point."""

    point: str
    key: Key
    version: int
    state: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """An event that a point is late. Times are the service's, in seconds."""

    id: str
    point: str
    key: Key
    version: int
    due_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the notifier had got at one moment: the next offset of each partition."""

    at: float
    next_offsets: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """How far a lane's own numbering went: by its relay, or as its reader has seen it."""

    topic: str
    partition: int
    sequence: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliberate:
    """What the nemesis did to the topics itself, and the checker must not hold against the product.

    `written`: where it produced garbage and repetitions; `garbage`: which of that cannot be understood; `removed`: ids of events
    that it made disappear.
    """

    written: frozenset[Place] = frozenset()
    removed: frozenset[str] = frozenset()
    garbage: frozenset[Place] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One run, after everything was healed. `quiet_after`: seconds from the last heal until nothing moved; None: it never did.

    `periodic`: topics whose events come with time alone, so that one may always be under way.
    """

    told: Sequence[Told] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    directives: Sequence[Directive] = ()
    items: Sequence[ItemVersion] = ()
    batches: Sequence[Batch] = ()
    intent: Sequence[KeyVersion] = ()
    queued: Sequence[Queued] = ()
    published: Sequence[Published] = ()
    known: Sequence[KeyVersion] = ()
    known_directives: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    holes: int = 0
    quarantined: frozenset[Place] = frozenset()
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict)
    moments: Sequence[Moment] = ()
    lanes: Sequence[Lane] = ()
    seen_lanes: Sequence[Lane] = ()
    points: Sequence[Point] = ()
    applied: Sequence[Applied] = ()
    enforcements: Sequence[Enforcement] = ()
    overdue: Sequence[Overdue] = ()
    deliberate: Deliberate = Deliberate()
    state_topic: str = "geowithhold.withholdings.v1"
    periodic: frozenset[str] = frozenset({"geowithhold.checkpoints.v1"})
    quiet_after: float | None = 0.0

    @cached_property
    def by_key(self) -> Mapping[Key, Sequence[KeyVersion]]:
        """Every version that the blocklist has of each key, in the order of the versions."""
        return by_key(self.intent)

    @cached_property
    def directive(self) -> Mapping[str, Directive]:
        return {each.id: each for each in self.directives}

    @cached_property
    def told_by_key(self) -> Mapping[str, Told]:
        return {each.request.key: each for each in self.told}

    @cached_property
    def told_by_batch(self) -> Mapping[str, Told]:
        """Which request made a batch, by the answer that was stored with it."""
        return {
            str(answer.body["batch"]): self.told_by_key[key]
            for key, answer in self.answers.items()
            if "batch" in answer.body and key in self.told_by_key
        }

    @cached_property
    def genuine(self) -> Sequence[Published]:
        """What is on the topics and was not put there by the nemesis, in the order of each partition."""
        written = self.deliberate.written
        return [each for each in self.published if (each.topic, each.partition, each.offset) not in written]


def by_key(versions: Sequence[KeyVersion]) -> dict[Key, list[KeyVersion]]:
    found: dict[Key, list[KeyVersion]] = {}
    for each in versions:
        found.setdefault(each.key, []).append(each)
    for each_key in found.values():
        each_key.sort(key=lambda version: version.version)
    return found
