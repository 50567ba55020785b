"""What is still published by somebody who does not know that the blocklist was restored from a backup is dropped.

Promises: once a record of an epoch has come in a partition, none of an earlier epoch counts there any more.
Would break it: one `Epochs` for several topics.
"""

from collections.abc import Iterable

from shared.events import position_of


class Epochs:
    """The highest epoch of each partition of one topic; `stale` records were dropped because of it."""

    def __init__(self) -> None:
        self.stale = 0
        self._highest: dict[int, int] = {}

    def admits(self, partition: int, headers: Iterable[tuple[str, bytes]]) -> bool:
        """Whether the record counts. One that nobody numbered does."""
        position = position_of(headers)
        if position is None:
            return True
        if position.epoch < self._highest.get(partition, 0):
            self.stale += 1
            return False
        self._highest[partition] = position.epoch
        return True
