"""What is promised stays within bounds: each block that is accepted has to be published, and Kafka may be away for long.

Promises: above the soft bound a new order to block more than so many targets is refused, above the hard one every such order and
every decision to comply; what releases never is. A refusal stores nothing; whoever repeats a request that was answered before
gets that answer.
Does not promise: an exact bound. The backlog is known as of a moment ago, and one order may bring many events.
"""

from collections.abc import Callable
from functools import partial

from shared.http.admission import AdmissionMetrics, Reason, Work
from shared.http.problems import Refusal
from shared.logs import get_logger
from shared.outbox.backlog import Backlog, Bounds

log = get_logger(__name__)


class Bound:
    def __init__(self, backlog: Backlog, bounds: Bounds, metrics: AdmissionMetrics) -> None:
        self._backlog = backlog
        self._bounds = bounds
        self._metrics = metrics
        self._warned = False

    async def refusal(self, *, targets: int) -> Callable[[], Refusal] | None:
        """What refuses to block so many targets now; None if they can be. A decision to comply counts as of no target.

        It is called when the request is refused, and not if it turns out to have been answered before.
        """
        waiting = (await self._backlog.now()).events
        self._warn(waiting)
        bulk = targets > self._bounds.bulk_targets
        if waiting < (self._bounds.soft if bulk else self._bounds.hard):
            return None
        detail = f"{waiting} events wait to be published, and nothing more can be blocked until they are fewer"
        return partial(self._metrics.refuse, Work.BULK if bulk else Work.WRITE, Reason.BACKLOG, detail)

    def _warn(self, waiting: int) -> None:
        """Once each time that the soft bound is passed."""
        above = waiting >= self._bounds.soft
        if above and not self._warned:
            log.warning("backlog_above_soft_bound", events=waiting, soft=self._bounds.soft, hard=self._bounds.hard)
        self._warned = above
