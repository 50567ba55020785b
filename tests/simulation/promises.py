"""What has to hold at the end of every history, by the numbers of the invariants that the checker of the fault suite uses."""

from collections import defaultdict
from collections.abc import Iterator

from shared.events import Record, WithholdingChanged, decode
from shared.outbox.table import Lane
from tests.simulation.blocklist import Blocklist
from tests.simulation.broker import Broker
from tests.simulation.notifier import Projection


def violations(blocklist: Blocklist, broker: Broker, projection: Projection) -> list[str]:
    """What does not hold, in words."""
    return [
        *_numbers_are_contiguous(blocklist),
        *_the_topic_holds_what_was_committed(blocklist, broker),
        *_first_occurrences_ascend(broker),
        *_the_projection_is_the_truth(blocklist, projection),
        *_effects_happened_once(projection),
        *projection.alarms,
    ]


def _numbers_are_contiguous(blocklist: Blocklist) -> Iterator[str]:
    numbers: dict[Lane, list[int]] = defaultdict(list)
    for stored in blocklist.store.rows:
        if stored.sequence is not None:
            numbers[stored.row.lane] += range(stored.sequence, stored.sequence + stored.row.events)
    for lane, given in numbers.items():
        if sorted(given) != list(range(1, len(given) + 1)):
            yield f"2: the numbers of {lane} are {sorted(given)}"


def _the_topic_holds_what_was_committed(blocklist: Blocklist, broker: Broker) -> Iterator[str]:
    committed = {(str(key), event.version): event for key, events in blocklist.history.items() for event in events}
    seen = set()
    for record, event in _changes(broker):
        name = (record.key.decode(), event.version)
        seen.add(name)
        if committed.get(name) != event:
            yield f"3: {name} is on the topic and was not committed so"
    yield from (f"3: {name} was committed and never published" for name in committed.keys() - seen)


def _first_occurrences_ascend(broker: Broker) -> Iterator[str]:
    highest: dict[bytes, int] = defaultdict(int)
    seen: set[tuple[bytes, int]] = set()
    for record, event in _changes(broker):
        if (record.key, event.version) not in seen and event.version != highest[record.key] + 1:
            yield f"4: version {event.version} of {record.key!r} first came after {highest[record.key]}"
        seen.add((record.key, event.version))
        highest[record.key] = max(highest[record.key], event.version)


def _the_projection_is_the_truth(blocklist: Blocklist, projection: Projection) -> Iterator[str]:
    for key, events in blocklist.history.items():
        known = projection.known[key]
        if known.current is None or (known.number, known.current.state.value) != (events[-1].version, events[-1].state):
            yield f"5: {key} is known at {known.number}, and is at {events[-1].version}"
        elif set(known.past) != set(range(1, known.number)):
            yield f"5: of {key} only {sorted(known.past)} are known of the past"
    yield from (f"1: {key} is known and was never committed" for key in projection.known.keys() - blocklist.history.keys())


def _effects_happened_once(projection: Projection) -> Iterator[str]:
    yield from (f"5: {name} took effect {times} times" for name, times in projection.effects.items() if times > 1)
    for key, order in projection.order.items():
        if order != sorted(order):
            yield f"8: the versions of {key} took effect in the order {order}"


def _changes(broker: Broker) -> Iterator[tuple[Record, WithholdingChanged]]:
    for records in broker.ever.values():
        for record in records:
            data = decode(record.value, record.headers).data
            if isinstance(data, WithholdingChanged):
                yield record, data
