"""The faults that the product has to survive, by number; each is shown by the tests that carry `@pytest.mark.fault(number)`.

A row without such a test needs its reason in `NOT_SHOWN`. `docs/faults.md` is made from both.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    fault: str
    required: str


ROWS: Mapping[int, Row] = {
    1: Row("API killed before COMMIT", "The client sees an error, nothing is stored, a retry works."),
    2: Row("API killed after COMMIT, before its answer", "A retry with the same key gets the same 201; one event."),
    3: Row("Connection lost in COMMIT", "The outcome is looked up by key, never guessed."),
    4: Row("Client hangs up in the middle of a request", "The commit completes or is rolled back whole; the pool is clean."),
    5: Row("Same key and body, 50 at a time", "One directive, 50 equal answers."),
    6: Row("Same key, other body", "422."),
    7: Row("Two directives on one target at a time", "Versions are contiguous, both events are published."),
    8: Row("Deadlock over many targets", "Locks are sorted; 40P01 is retried, a bounded number of times."),
    9: Row("A slow writer commits late", "Nothing is lost."),
    10: Row("A writer idle in its transaction", "The relay of other rows goes on; the session is ended by its timeout."),
    11: Row("Relay killed between acknowledgement and mark", "Sent again, dropped by readers."),
    12: Row(
        "Relay stopped for 30 s, its lease taken, continued", "Its stale batch is harmless, its mark is refused by the epoch."
    ),
    13: Row("Two relays believe that they own a lane", "As 12."),
    14: Row("Broker down for long", "Accepting goes on, or is refused at the outbox's bound; drained in order."),
    15: Row("A send times out and arrives later", "No loss; the duplicate is dropped."),
    16: Row("A storm of retriable errors", "Order is kept."),
    17: Row("An error that no retry mends", "The lane halts, loudly; a new producer; nothing is skipped."),
    18: Row("Leader change, no leader", "As 14."),
    19: Row("Topic missing, wrong partition count, weak replication", "Refused at the start in strict mode."),
    20: Row("Topic wiped, retention too short", "Offset out of range raises an alarm and is replayed from the source."),
    21: Row("Consumer killed after its commit", "Its offset is in the database; no effect twice."),
    22: Row("Consumer killed before its commit", "The record is read again."),
    23: Row("Rebalance in the middle of a batch", "No loss, no effect twice, order per key is kept."),
    24: Row("Consumer stalls in silence", "The watchdog builds it anew."),
    25: Row("Kafka's commit of offsets fails for ever", "Processing goes on."),
    26: Row("Duplicate, reordered, replayed record", "Its effect happens once."),
    27: Row("An event is lost in mid-stream", "The gap is raised within seconds and filled from the source."),
    28: Row("The last event is lost", "Found by the next checkpoint."),
    29: Row("Undecodable or oversized record", "Set aside with its bytes; its key is held."),
    30: Row("Newer minor or major schema", "A minor one is read; a major one is held."),
    31: Row("Same version, other content", "An alarm."),
    32: Row("PostgreSQL restarts: fast, immediate, kill -9", "503, then recovery; nothing acknowledged is lost."),
    33: Row("PostgreSQL read-only, or a standby", "Not ready; nothing is accepted."),
    34: Row("Connection pool exhausted", "503 with Retry-After within a second; /livez answers."),
    35: Row("Disk full", "An error to the client, nothing half done, recovery when there is room."),
    36: Row("fsync fails", "No 201; the process ends and does not try the fsync again."),
    37: Row("SQLite locked, write-ahead log not checkpointed", "503 after the busy timeout; the log is bounded."),
    38: Row("Clock jumps", "No lease is stolen, no storm of false overdue."),
    39: Row("SIGTERM under load", "Unready first; work under way finishes; ends within its time."),
    40: Row("Overload", "Excess is refused with 503; memory stays flat."),
    41: Row("Enforcement point flaps, answers twice, answers for an old version", "An old answer clears nothing new."),
    42: Row("An answer never comes", "Overdue once, survives restarts."),
    43: Row("Enforcement point reverts by itself", "An alarm, kept."),
    44: Row("One row of a bulk is bad", "All or nothing, with the row named; never in silence."),
    45: Row("Audit row edited, deleted, truncated", "The verifier names it against a head kept outside."),
    46: Row("Database restored from an old backup", "A new epoch; no version is used again, no lifting is lost."),
    47: Row("A stale order applied long after its issue", "Held for confirmation."),
    48: Row("Mixed versions in a rolling upgrade", "N and N-1 work together."),
}

NOT_SHOWN: Mapping[int, str] = {
    45: "The tamper-evident audit does not exist yet.",
    47: "There is no confirmation of stale orders yet.",
}
