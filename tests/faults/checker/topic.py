"""Invariants 2, 3 and 4: what is queued, what is on the topics, and in which order."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.faults.checker.evidence import Evidence, Key, KeyVersion, Published, Queued, Violation

_VERSIONED = re.compile(r"@[0-9]+$")
"""The ids of states and case events: their key, and its version or revision."""


def invariant_2(found: Evidence) -> Iterator[Violation]:
    """Versions of a key are 1 to n, without a hole or a repetition, in the tables and in the order of the outbox's rows."""
    for key, versions in found.by_key.items():
        numbers = [version.version for version in versions]
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation(2, f"{key} has the versions {numbers}")
        states = [version.state for version in versions]
        if states != [("withheld", "released")[place % 2] for place in range(len(states))]:
            yield Violation(2, f"{key} went through the states {states}")
    yield from _queued_in_order(found)


def _queued_in_order(found: Evidence) -> Iterator[Violation]:
    queued: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for event in _state_rows(found):
        if event.id not in seen:  # of a version that was replayed the first row counts
            seen.add(event.id)
            queued[event.key].append(_version(event.id))
    for name, order in queued.items():
        if order != list(range(1, len(order) + 1)):
            yield Violation(2, f"{name} is queued in the order {order}")
    counts = {str(key): len(versions) for key, versions in found.by_key.items()}
    for name in counts.keys() | queued.keys():
        if counts.get(name, 0) != len(queued.get(name, ())):
            yield Violation(2, f"{name} has {counts.get(name, 0)} versions, {len(queued.get(name, ()))} are queued")


def _state_rows(found: Evidence) -> list[Queued]:
    rows = [event for event in found.queued if event.topic == found.state_topic]
    return sorted(rows, key=lambda event: event.row)


def _version(event_id: str) -> int:
    return int(event_id.rpartition("@")[2])


def invariant_3(found: Evidence) -> Iterator[Violation]:
    """Every event that was committed is on its topic, every record on a topic was committed, byte for byte."""
    committed: dict[tuple[str, str], list[Queued]] = defaultdict(list)
    for event in found.queued:
        committed[event.topic, event.id].append(event)
    seen: set[tuple[str, str]] = set()
    topics = {event.topic for event in found.queued}
    for record in found.genuine:
        if record.topic in topics:
            seen.add((record.topic, record.id))
            yield from _genuine(record, committed.get((record.topic, record.id), ()))
    for event in (events[0] for name, events in committed.items() if name not in seen):
        if event.id in found.deliberate.removed or event.topic in found.periodic:
            continue
        yield Violation(3, f"{event.id} was committed (row {event.row}), and is not on {event.topic}")
    yield from _told_as_stored(found)


def _genuine(record: Published, events: Sequence[Queued]) -> Iterator[Violation]:
    """The record is one of these events, which have the same id: a version that was replayed is queued more than once."""
    where = f"{record.topic}/{record.partition}@{record.offset}"
    if not events:
        yield Violation(3, f"{where} holds {record.id}, which was never committed")
        return
    if all((record.key, record.value, record.partition) != (each.key, each.value, each.partition) for each in events):
        yield Violation(3, f"{where} holds {record.id} otherwise than it was committed")
    if record.sequence not in {each.sequence for each in events}:
        numbers = [each.sequence for each in events]
        yield Violation(3, f"{where} numbers {record.id} as {record.sequence}, the outbox as {numbers}")


def _told_as_stored(found: Evidence) -> Iterator[Violation]:
    """The queued states say what the tables say, in words that are compared here without the product's help."""
    stored = {(str(each.key), each.version): each for each in found.intent}
    for event in _state_rows(found):
        version = stored.get((event.key, _version(event.id)))
        if version is not None and event.value is not None and not _says(json.loads(event.value), version):
            yield Violation(3, f"{event.id} tells {event.value!r}, stored is {version}")


def _says(told: dict[str, object], version: KeyVersion) -> bool:
    key = Key(str(told["jurisdiction"]), str(told["target"]))
    same = (key, told["version"], told["state"], told["cause"]) == (version.key, version.version, version.state, version.cause)
    return same and told["directives"] == list(version.directives)


def invariant_4(found: Evidence) -> Iterator[Violation]:
    """A key lives in one partition, and its events first appear there in the order of their versions; so does the numbering.

    What the nemesis made the broker lose may appear by a replay; that it does so late is not the relay's doing.
    """
    partitions: dict[tuple[str, str], set[int]] = defaultdict(set)
    first: dict[tuple[str, str], list[int]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    numbers: dict[tuple[str, int], int] = defaultdict(int)
    holders: dict[tuple[str, int, int], str] = {}
    for record in sorted(found.genuine, key=lambda each: (each.topic, each.partition, each.offset)):
        partitions[record.topic, record.key].add(record.partition)
        if (record.topic, record.id) not in seen:
            seen.add((record.topic, record.id))
            if _VERSIONED.search(record.id) and record.id not in found.deliberate.removed:
                first[record.topic, record.key].append(_version(record.id))
        if record.sequence is not None:
            yield from _numbered(record, numbers, holders, removed=bool(found.deliberate.removed))
    yield from (
        Violation(4, f"{key} is in the partitions {sorted(where)}") for key, where in partitions.items() if len(where) > 1
    )
    yield from (
        Violation(4, f"{key} first appears in the order {order}") for key, order in first.items() if order != sorted(order)
    )


def _numbered(
    record: Published, numbers: dict[tuple[str, int], int], holders: dict[tuple[str, int, int], str], *, removed: bool
) -> Iterator[Violation]:
    lane, sequence = (record.topic, record.partition), record.sequence or 0
    where = f"{record.topic}/{record.partition}@{record.offset}"
    if holders.setdefault((*lane, sequence), record.id) != record.id:
        yield Violation(4, f"{where} has the number {sequence} for {record.id}, which is that of {holders[*lane, sequence]}")
    if sequence > numbers[lane] + 1 and not removed:
        yield Violation(4, f"{where} has the number {sequence}, the highest so far was {numbers[lane]}")
    numbers[lane] = max(numbers[lane], sequence)
