"""Telling a user: when it is due, what has to be told, and what has been done about it.

A task is derived, never stored: it is an item whose claims came to count or ceased to, and about which nobody was told since.
What is stored is what was done: told, or waived.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import NoTransition
from services.blocklist.domain.item import Claim, Standing
from shared.ids import DirectiveId, Jurisdiction, Target

PREFIX = "unt_"


class Rule(StrEnum):
    """Whether the law lets the platform tell: at once, once somebody says so or the directive has ended, or never."""

    ALLOWED = "allowed"
    DELAYED = "delayed"
    FORBIDDEN = "forbidden"


class NoticeState(StrEnum):
    DUE = "due"
    DELAYED = "delayed"
    FORBIDDEN = "forbidden"
    SENT = "sent"
    WAIVED = "waived"


class NoticeFact(StrEnum):
    DIRECTIVE_ENDED = "directive_ended"
    SEND = "send"
    WAIVE = "waive"


_S, _F = NoticeState, NoticeFact

TRANSITIONS: Mapping[NoticeState, Mapping[NoticeFact, NoticeState]] = {
    _S.DUE: {_F.DIRECTIVE_ENDED: _S.DUE, _F.SEND: _S.SENT, _F.WAIVE: _S.WAIVED},
    _S.DELAYED: {_F.DIRECTIVE_ENDED: _S.DUE, _F.SEND: _S.SENT, _F.WAIVE: _S.WAIVED},
    _S.FORBIDDEN: {_F.DIRECTIVE_ENDED: _S.FORBIDDEN},
    _S.SENT: {_F.DIRECTIVE_ENDED: _S.SENT},
    _S.WAIVED: {_F.DIRECTIVE_ENDED: _S.WAIVED},
}
"""SEND from `delayed` is for whoever can say why the delay is over; the edge asks for it."""

_FIRST = {Rule.ALLOWED: _S.DUE, Rule.DELAYED: _S.DELAYED, Rule.FORBIDDEN: _S.FORBIDDEN}


class Change(StrEnum):
    """What the user is told: it is withheld somewhere now, or nowhere any more."""

    WITHHELD = "withheld"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell of an item: where it is withheld now, or where it was, and why that ended if one cause did it."""

    change: Change
    places: tuple[Jurisdiction, ...]
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class TaskId:
    """Which item, and which claims were to be told. Claims that have changed since make another task."""

    directive: DirectiveId
    target: Target
    told: str

    def __str__(self) -> str:
        parts = json.dumps([self.directive, self.target, self.told], ensure_ascii=False, separators=(",", ":"))
        return PREFIX + base64.urlsafe_b64encode(parts.encode()).decode().rstrip("=")


def begin(rule: Rule, *, sealed: bool, ended: bool) -> NoticeState:
    """The state of a task about which nothing was done yet."""
    first = NoticeState.FORBIDDEN if sealed else _FIRST[rule]
    return TRANSITIONS[first][NoticeFact.DIRECTIVE_ENDED] if ended else first


def step(state: NoticeState, fact: NoticeFact) -> NoticeState | NoTransition:
    return TRANSITIONS[state].get(fact) or NoTransition(state, fact)


def told_of(claims: Mapping[Jurisdiction, Claim]) -> Told:
    """What the claims, of which there is at least one, say to a user."""
    live = tuple(place for place, claim in claims.items() if claim is Standing.LIVE)
    if live:
        return Told(Change.WITHHELD, live, None)
    causes = {claim if isinstance(claim, Cause) else Cause.STAYED for claim in claims.values()}
    return Told(Change.RELEASED, tuple(claims), causes.pop() if len(causes) == 1 else None)


def task_id(directive: DirectiveId, target: Target, claims: Mapping[Jurisdiction, Claim]) -> TaskId:
    canonical = json.dumps(sorted((place, str(claim)) for place, claim in claims.items()))
    return TaskId(directive, target, hashlib.sha256(canonical.encode()).hexdigest()[:16])


def parse_task_id(text: str) -> TaskId | None:
    """Reads what `str(TaskId)` wrote; None for what cannot be one. Like every text from outside, its parts may be anything."""
    body = text.removeprefix(PREFIX)
    if body == text:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return None
    match parts:
        case [str(directive), str(target), str(told)]:
            return TaskId(DirectiveId(directive), Target(target), told)
        case _:
            return None
