"""The tables. Constraints make the wrong row impossible; what each table promises is said beside it."""

from services.notifier.tables.aside import holding, quarantine, quarantine_actions
from services.notifier.tables.base import metadata
from services.notifier.tables.cases import (
    case_item_history,
    case_items,
    directive_history,
    directive_scopes,
    directives,
    notices,
    replies,
)
from services.notifier.tables.clocks import alarmed, clock_facts, clock_history, clocks, open_clock, queued
from services.notifier.tables.digests import state_digests
from services.notifier.tables.effect import (
    dropped_enforcements,
    enforcement_points,
    enforcement_turns,
    enforcements,
    revision_holes,
    version_holes,
    waiting,
    withholding_history,
    withholdings,
)
from services.notifier.tables.stream import checkpoints, offsets, stream_gaps, stream_marks
from services.notifier.tables.telling import deliveries, outbox, relay_lanes, relay_members, subscriptions, system, unfinished

__all__ = [
    "alarmed",
    "case_item_history",
    "case_items",
    "checkpoints",
    "clock_facts",
    "clock_history",
    "clocks",
    "deliveries",
    "directive_history",
    "directive_scopes",
    "directives",
    "dropped_enforcements",
    "enforcement_points",
    "enforcement_turns",
    "enforcements",
    "holding",
    "metadata",
    "notices",
    "offsets",
    "open_clock",
    "outbox",
    "quarantine",
    "quarantine_actions",
    "queued",
    "relay_lanes",
    "relay_members",
    "replies",
    "revision_holes",
    "state_digests",
    "stream_gaps",
    "stream_marks",
    "subscriptions",
    "system",
    "unfinished",
    "version_holes",
    "waiting",
    "withholding_history",
    "withholdings",
]
