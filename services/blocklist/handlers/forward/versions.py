"""Versions of keys beyond the backup are taken as they were published, so that none is ever used again.

Promises: each key ends at the highest version that was published, and keeps every earlier one that is still there. Of two that
have one number the one of the later epoch counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import inbound
from services.blocklist.domain.withholding import Withholding
from services.blocklist.handlers.forward.report import Report
from services.blocklist.store import withholdings
from shared.events import WithholdingChanged
from shared.ids import Key


class PublishedVersion(NamedTuple):
    event: WithholdingChanged
    epoch: int


@dataclass(slots=True)
class Versions:
    """`epoch` is the backup's. `began` has the keys that changed, each with its version in the backup; `restated` those of which
    the topic tells a version otherwise than the database, with no later epoch to decide it.
    """

    epoch: int
    report: Report
    began: dict[Key, int] = field(default_factory=dict)
    restated: set[Key] = field(default_factory=set)
    _epochs: dict[Key, int] = field(default_factory=dict)

    async def take(self, connection: AsyncConnection, published: Sequence[PublishedVersion]) -> None:
        """Takes records of one partition, in their order."""
        versions = [(inbound.withholding(event), epoch) for event, epoch in published]
        present = await withholdings.locked(connection, {version.key for version, _ in versions})
        changed: dict[Key, Withholding] = {}
        past: list[Withholding] = []
        for version, epoch in versions:
            known = present.get(version.key)
            if self._is_next(version, epoch, known):
                past += [known] if known and known.version < version.version else []
                present[version.key] = changed[version.key] = version
            elif known and self.began.get(version.key, known.version) < version.version < known.version:
                past.append(version)
        self.report.count("versions", len(past))
        await withholdings.bring(connection, list(changed.values()), past)

    def _is_next(self, version: Withholding, epoch: int, known: Withholding | None) -> bool:
        key, before = version.key, known.version if known else 0
        if version.version > before:
            self.began.setdefault(key, before)
            self._epochs[key] = epoch
            return True
        if known is None or version.version < before or _same(version, known):
            return False
        return self._contradicts(version, epoch)

    def _contradicts(self, version: Withholding, epoch: int) -> bool:
        """Whether the version takes the place of the one with the same number."""
        key = version.key
        self.report.name("told_otherwise", f"{key}@{version.version}")
        self.began.setdefault(key, version.version)
        if epoch > self._epochs.get(key, self.epoch):
            self._epochs[key] = epoch
            return True
        self.restated.add(key)
        return False


def _same(one: Withholding, other: Withholding) -> bool:
    return replace(one, claimants=frozenset()) == replace(other, claimants=frozenset())
