"""Invariants 5, 6, 7, 12 and 14, and the readers' side of 8: what the notifier and the points made of it, and when."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.checker.evidence import Applied, Evidence, Key, Violation, by_key


def invariant_5(found: Evidence) -> Iterator[Violation]:
    """The notifier has each version of each key, once, as the blocklist has it; each directive at its last revision."""
    known = by_key(found.known)
    for key in found.by_key.keys() | known.keys():
        intent = [(each.version, each.state, each.cause) for each in found.by_key.get(key, ())]
        seen = [(each.version, each.state, each.cause) for each in known.get(key, ())]
        if intent != seen:
            yield Violation(5, f"{key}: the blocklist has {intent}, the notifier knows {seen}")
    for directive in found.directives:
        told = (directive.revision, directive.status)
        if found.known_directives.get(directive.id) != told:
            yield Violation(5, f"{directive.id} is at {told}, the notifier knows {found.known_directives.get(directive.id)}")
    yield from (Violation(5, f"the notifier knows {name}, the blocklist does not") for name in _strangers(found))


def _strangers(found: Evidence) -> set[str]:
    return set(found.known_directives) - set(found.directive)


def invariant_6(found: Evidence) -> Iterator[Violation]:
    """No partition's next offset ever falls, and none is beyond the end of its topic."""
    highest: dict[tuple[str, int], int] = {}
    for moment in found.moments:
        for place, offset in moment.next_offsets.items():
            if offset < highest.get(place, 0):
                yield Violation(6, f"{place} fell from {highest[place]} to {offset} at {moment.at:.1f} s")
            highest[place] = max(offset, highest.get(place, 0))
    for place, offset in highest.items():
        if offset > found.ends.get(place, offset):
            yield Violation(6, f"{place} is read up to {offset}, the topic ends at {found.ends[place]}")


def invariant_7(found: Evidence) -> Iterator[Violation]:
    """At rest nothing waits, nothing is missing, nothing is set aside but the garbage, and both ends of each lane agree."""
    waiting = Counter(event.service for event in found.queued if not event.published and event.topic not in found.periodic)
    yield from (Violation(7, f"{number} events of the {service} wait unpublished") for service, number in waiting.items())
    if found.holes:
        yield Violation(7, f"{found.holes} holes in histories are open")
    if found.quarantined != found.deliberate.garbage:
        wrong = sorted(found.quarantined ^ found.deliberate.garbage)
        yield Violation(7, f"set aside and no garbage, or garbage and not set aside: {wrong[:5]}")
    last = found.moments[-1].next_offsets if found.moments else {}
    for place, offset in last.items():
        if offset < found.ends.get(place, 0) and place[0] not in found.periodic:
            yield Violation(7, f"{place} is read up to {offset}, the topic ends at {found.ends[place]}")
    seen = {(each.topic, each.partition): each for each in found.seen_lanes}
    for lane in found.lanes:
        reader = seen.get((lane.topic, lane.partition))
        if reader is not None and (reader.sequence, reader.digest) != (lane.sequence, lane.digest):
            yield Violation(7, f"the relay is at {lane}, the notifier has seen {reader}")


def invariant_8_of_readers(found: Evidence) -> Iterator[Violation]:
    """Key by key: no reader withholds what the blocklist does not, and none took a version after a higher one."""
    intent = {(each.key, each.version): each.state for each in found.intent}
    for version in found.known:
        if intent.get((version.key, version.version)) != version.state:
            yield Violation(8, f"the notifier has {version.key}@{version.version} {version.state}, which is not so")
    for run, applied in _runs(found).items():
        latest: dict[Key, int] = {}
        for each in applied:
            if intent.get((each.key, each.version)) != each.state:
                yield Violation(8, f"{run[0]} applied {each.key}@{each.version} as {each.state}, which was never so")
            if each.version <= latest.get(each.key, 0):
                yield Violation(8, f"{run[0]} applied {each.key}@{each.version} after {latest[each.key]}")
            latest[each.key] = each.version


def invariant_9_of_points(found: Evidence) -> Iterator[Violation]:
    """At rest each point has applied the last version of each key that concerns it, in its present life."""
    runs = _runs(found)
    for point in found.points:
        lives = [run for run in runs if run[0] == point.name]
        now = {each.key: each.version for each in runs[lives[-1]]} if lives else {}
        for key, versions in found.by_key.items():
            if key.place in point.places and now.get(key) != versions[-1].version:
                yield Violation(9, f"{point.name} has {key} at {now.get(key)}, it is at {versions[-1].version}")


def _runs(found: Evidence) -> dict[tuple[str, str], list[Applied]]:
    runs: dict[tuple[str, str], list[Applied]] = defaultdict(list)
    for each in found.applied:
        runs[each.point, each.run].append(each)
    return runs


def invariant_12(found: Evidence) -> Iterator[Violation]:
    """Overdue is raised once per version and point, never before its time; at rest whatever was applied counts as applied."""
    raised = {each.id: each for each in found.overdue}
    times = Counter((each.key, each.version, each.point) for each in raised.values())
    yield from (Violation(12, f"{name} was raised {number} times") for name, number in times.items() if number > 1)
    for each in raised.values():
        if each.at < each.due_at:
            yield Violation(12, f"{each.id} was raised {each.due_at - each.at:.3f} s before its time")
    late = {(each.key, each.version, each.point) for each in raised.values()}
    for row in found.enforcements:
        if row.state == "overdue" and (row.key, row.version, row.point) not in late:
            yield Violation(12, f"{row.point} is overdue with {row.key}@{row.version}, and nobody was told")
        if row.current and row.state != "applied":
            yield Violation(12, f"{row.point} has applied {row.key}@{row.version}, the notifier has it as {row.state}")


def invariant_14(found: Evidence) -> Iterator[Violation]:
    """After the last fault everything came to rest."""
    if found.quiet_after is None:
        yield Violation(14, "it never came to rest")
