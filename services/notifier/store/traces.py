"""What directives had left at the enforcement points by an instant, read from what is kept of the past.

Costs what its rows cost: every item of the directives, every key that these may claim, every answer to these. It is for questions
about the past and for documents; how things stand now is counted where the rows are, in `effects`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import RowMapping, Subquery, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.case import Directive, Item
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.domain.traces import Answer, Trace
from services.notifier.store import items, withholdings
from services.notifier.store.keys import slices
from services.notifier.store.versions_at import answers_at, answers_to, versions_at, versions_until
from services.notifier.store.withholdings import version_of
from shared.ids import DirectiveId, Jurisdiction, Key, PointId, Target
from shared.jurisdictions import covers

ToldOf = dict[DirectiveId, dict[Target, list[Item]]]


@dataclass(frozen=True, slots=True)
class Past:
    """`told` is all that was told of the items of each directive by then, in the order of the revisions."""

    told: ToldOf
    keys: dict[DirectiveId, list[Key]]
    traces: dict[Key, Trace]

    def items(self, directive: DirectiveId) -> list[Item]:
        """The items as they were then."""
        return [states[-1] for states in self.told.get(directive, {}).values()]

    def traces_of(self, directive: DirectiveId) -> dict[Key, Trace]:
        """The keys that its items may have claimed, as far as they had a version."""
        return {key: self.traces[key] for key in self.keys[directive] if key in self.traces}


async def past_of(connection: AsyncConnection, found: Collection[Directive], at: datetime) -> Past:
    told, keys = await told_of(connection, found, at)
    return Past(told, keys, await traces_at(connection, chain.from_iterable(keys.values()), at))


async def told_of(
    connection: AsyncConnection, found: Collection[Directive], at: datetime
) -> tuple[ToldOf, dict[DirectiveId, list[Key]]]:
    """All that had been told of the items of each directive, and the keys that have to do with them."""
    told: ToldOf = defaultdict(lambda: defaultdict(list))
    for item in await items.told_until(connection, [directive.id for directive in found], at):
        told[item.directive][item.target].append(item)
    targets = {target for states in told.values() for target in states}
    places = await withholdings.places_of(connection, targets)
    keys = {directive.id: list(_keys(directive, told[directive.id], places)) for directive in found}
    return told, keys


async def chronicle_of(connection: AsyncConnection, wanted: Iterable[Key], at: datetime) -> dict[Key, list[Trace]]:
    """Every version that each of the keys had had by then, in their order, with the answers that had come by then."""
    found: dict[Key, list[Trace]] = defaultdict(list)
    for condition in slices(wanted):
        for trace in await _traces(connection, versions_until(at, condition), answers_at(at, condition)):
            found[trace.version.key].append(trace)
    for traces in found.values():
        traces.sort(key=lambda trace: trace.version.number)
    return found


async def traces_at(connection: AsyncConnection, wanted: Iterable[Key], at: datetime) -> dict[Key, Trace]:
    """Each of the keys that had a version then."""
    found: dict[Key, Trace] = {}
    for condition in slices(wanted):
        traces = await _traces(connection, versions_at(at, condition), answers_at(at, condition))
        found |= {trace.version.key: trace for trace in traces}
    return found


async def _traces(connection: AsyncConnection, versions: Subquery, answers: Subquery) -> list[Trace]:
    replies: dict[tuple[Key, int], list[Answer]] = defaultdict(list)
    for row in (await connection.execute(select(*answers.c).join(versions, answers_to(answers, versions)))).mappings():
        replies[_key(row), row["version"]].append(_answer(row))
    rows = (await connection.execute(select(*versions.c))).mappings()
    return [Trace(version=version, answers=tuple(replies[version.key, version.number])) for version in map(version_of, rows)]


def _keys(directive: Directive, told: Mapping[Target, list[Item]], places: Mapping[Target, set[Jurisdiction]]) -> Iterator[Key]:
    """The keys that have to do with an item: in the directive's scope, in parts of that, and wherever it was claimed."""
    for target, states in told.items():
        claimed = {place for state in states for place in state.jurisdictions}
        for place in places.get(target, set()):
            if place in claimed or any(covers(asked, place) for asked in directive.scope):
                yield Key(place, target)


def _key(row: RowMapping) -> Key:
    return Key(Jurisdiction(row["jurisdiction"]), Target(row["target"]))


def _answer(row: RowMapping) -> Answer:
    return Answer(
        point=PointId(row["point"]),
        state=EnforcementState(row["state"]),
        applied_at=row["applied_at"],
        due_at=row["due_at"],
    )
