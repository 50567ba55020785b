"""What a batch of numbered rows becomes: the records as they are sent, and how far the lane is once they are acknowledged."""

from collections.abc import Callable, Iterable, Sequence

from shared.events import Record
from shared.events.chain import BEGINNING, MARK_EVERY, after
from shared.events.wire import Position, placed
from shared.outbox.failures import Undecodable
from shared.outbox.port import Batch, Numbered, Progress

Read = Callable[[str, bytes], Iterable[Record]]
"""The events of a row's body, by its form."""


def events_of(batch: Batch, read: Read) -> list[Record]:
    """The events, in order. Raises Undecodable for a row that is not what it says: numbers would be wrong."""
    return [event for row in batch.rows for event in row_events(row, read)]


def as_sent(batch: Batch, events: Sequence[Record]) -> list[Record]:
    """The events with their positions."""
    epoch, first = batch.system_epoch, batch.rows[0].sequence
    return [placed(event, Position(epoch, number)) for number, event in enumerate(events, first)]


def progress_after(since: Progress, events: Sequence[Record]) -> Progress:
    """How far the lane is once these are acknowledged. A rolling hash that was not known stays so."""
    if since.sequence and not since.digest:
        return since._replace(sequence=since.sequence + len(events))
    digest, marked = bytes.fromhex(since.digest) or BEGINNING, (since.marked_sequence, since.marked_digest)
    for sequence, event in enumerate(events, since.sequence + 1):
        digest = after(digest, event)
        if sequence % MARK_EVERY == 0:
            marked = (sequence, digest.hex())
    return Progress(since.sequence + len(events), digest.hex(), *marked)


def row_events(row: Numbered, read: Read) -> Sequence[Record]:
    """The events of one row. Raises Undecodable."""
    try:
        events = list(read(row.form, row.body))
    except Exception as error:
        raise Undecodable(f"row {row.id} of form {row.form!r} cannot be read: {error!r}") from error
    if len(events) != row.events:
        raise Undecodable(f"row {row.id} has {len(events)} events, and says {row.events}")
    return events
