"""Places between two steps, where a crash may fall: named, so that tests can make it fall just there.

Promises: without an observer, `reached` does nothing. No code of ours sets one: only tests do, in processes that they start.
"""

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """Each is reached once what its name says has been done, and before anything that follows from it."""

    COMMAND_CARRIED_OUT = "command.carried_out"
    COMMAND_COMMITTED = "command.committed"
    WORK_DONE = "database.work_done"
    COMMITTED = "database.committed"
    ROWS_READ = "relay.rows_read"
    ROWS_NUMBERED = "relay.rows_numbered"
    BATCH_SENT = "relay.batch_sent"
    BATCH_ACKNOWLEDGED = "relay.batch_acknowledged"
    ROWS_MARKED = "relay.rows_marked"
    RECORDS_POLLED = "consumer.records_polled"
    EFFECT_RECORDED = "consumer.effect_recorded"
    EFFECT_COMMITTED = "consumer.effect_committed"
    OFFSET_HINTED = "consumer.offset_hinted"


Observer = Callable[[Step], None]

_observers: list[Observer] = []


def reached(step: Step) -> None:
    """Tells whoever observes. May not return: an observer may end the process."""
    for observer in _observers:
        observer(step)


def observe(observer: Observer) -> Callable[[], None]:
    """From now on `observer` is told of every step. Answers how to stop that."""
    _observers.append(observer)
    return lambda: _observers.remove(observer)
