"""Directives and their items become what their events beyond the backup tell.

Promises: every directive that any event names is there afterwards, at the highest revision that was published; its timeline has
every event that is still on the topic. Of two events with one revision the one of the later epoch counts.
Does not promise: what no event carries. Directives of which events are missing are named in the report.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.handlers.forward.report import Report
from services.blocklist.store import directives
from shared.events import CaseEvent
from shared.ids import DirectiveId


class Told(NamedTuple):
    """An event as it was published, with the time at which it happened."""

    event: CaseEvent
    at: datetime
    epoch: int


@dataclass(slots=True)
class Cases:
    """Events beyond the backup, by directive and revision; `epoch` is the backup's."""

    epoch: int
    report: Report
    found: dict[DirectiveId, dict[int, Told]] = field(default_factory=lambda: defaultdict(dict))
    _revisions: dict[DirectiveId, int] = field(default_factory=dict)

    async def collect(self, connection: AsyncConnection, told: Sequence[Told]) -> None:
        """Keeps what the database does not know, of records of one partition in their order."""
        await self._look_up(connection, {each.event.directive for each in told})
        for each in told:
            id_, revision = each.event.directive, each.event.revision
            if revision > self._revisions[id_]:
                known = self.found[id_].get(revision)
                if known is None or each.epoch > known.epoch:
                    self.found[id_][revision] = each

    def in_order(self) -> Iterable[tuple[DirectiveId, int, list[Told]]]:
        """Each directive, its revision in the backup (0: not there), and its events in order; older directives first."""
        events = {id_: [by_revision[revision] for revision in sorted(by_revision)] for id_, by_revision in self.found.items()}
        for id_ in sorted(events, key=lambda each: (events[each][0].at, each)):
            yield id_, self._revisions[id_], events[id_]

    async def _look_up(self, connection: AsyncConnection, ids: Collection[DirectiveId]) -> None:
        unknown = ids - self._revisions.keys()
        if unknown:
            known: Mapping[DirectiveId, int] = await directives.revisions(connection, unknown)
            self._revisions |= {id_: known.get(id_, 0) for id_ in unknown}
