"""A record that was set aside, as a table: state → {outcome of a try: state}. What is closed takes no further try.

A key or a directive is *held* while a record about it could not be understood, or the blocklist itself says otherwise than we:
then nobody knows how it stands, and it shows as unknown, never as released. The hold may end long before the record is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RecordState(StrEnum):
    OPEN = "open"
    RETRIED = "retried"
    REPLACED = "replaced"
    SKIPPED = "skipped"


class Verb(StrEnum):
    """RETRY reads the record again, REPLACE takes the truth from the blocklist instead, SKIP does without either."""

    RETRY = "retry"
    REPLACE = "replace"
    SKIP = "skip"


class Outcome(StrEnum):
    """What came of a verb."""

    TOOK_EFFECT = "took_effect"
    NOT_UNDERSTOOD = "not_understood"
    CONTRADICTED = "contradicted"
    FILLED = "filled"
    SOURCE_AWAY = "source_away"
    DISMISSED = "dismissed"


class FreedBy(StrEnum):
    """What ended a hold."""

    LATER_VERSION = "later_version"
    SOURCE = "source"
    OPERATOR = "operator"


_S, _O = RecordState, Outcome

TRANSITIONS: Mapping[RecordState, Mapping[Outcome, RecordState]] = {
    _S.OPEN: {
        _O.TOOK_EFFECT: _S.RETRIED,
        _O.NOT_UNDERSTOOD: _S.OPEN,
        _O.CONTRADICTED: _S.OPEN,
        _O.FILLED: _S.REPLACED,
        _O.SOURCE_AWAY: _S.OPEN,
        _O.DISMISSED: _S.SKIPPED,
    },
    _S.RETRIED: {},
    _S.REPLACED: {},
    _S.SKIPPED: {},
}


@dataclass(frozen=True, slots=True)
class Now:
    """The state after the try."""

    state: RecordState


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing is left to be tried."""

    state: RecordState

    def __str__(self) -> str:
        return f"the record is closed: it was {self.state.value}"


def conclude(state: RecordState, outcome: Outcome) -> Now | Closed:
    after = TRANSITIONS[state].get(outcome)
    return Closed(state) if after is None else Now(after)


def is_open(state: RecordState) -> bool:
    return bool(TRANSITIONS[state])


def four_eyes(approvers: tuple[str, ...]) -> bool:
    """Whether two different people are named, whatever the case and the blanks in which they are."""
    return len({" ".join(name.split()).casefold() for name in approvers}) > 1
