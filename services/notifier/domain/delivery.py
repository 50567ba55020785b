"""One message to one subscriber, as a table: state → {fact: state}. What the table does not list is refused. Pure.

Promises: a message has the same id and the same content on every try; after `at_most` tries in vain it is dead, and stays so
until somebody asks for it to be delivered again.
Does not promise: order, or that a message arrives once: a subscriber knows by the id what it has had already.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notifier.domain.subscription import SubscriptionId

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)

ALONE_AT_MOST = 20
"""So many waiting events are sent one by one; more become a digest."""

DIGEST_AT_MOST = 500


class DeliveryState(StrEnum):
    """FAILED is tried again by itself, DEAD only when somebody asks for it."""

    WAITING = "waiting"
    FAILED = "failed"
    SENT = "sent"
    DEAD = "dead"


class DeliveryFact(StrEnum):
    ARRIVED = "arrived"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    ASKED_AGAIN = "asked_again"


_S, _F = DeliveryState, DeliveryFact

TRANSITIONS: Mapping[DeliveryState, Mapping[DeliveryFact, DeliveryState]] = {
    _S.WAITING: {_F.ARRIVED: _S.SENT, _F.REFUSED: _S.FAILED, _F.GIVEN_UP: _S.DEAD},
    _S.FAILED: {_F.ARRIVED: _S.SENT, _F.REFUSED: _S.FAILED, _F.GIVEN_UP: _S.DEAD},
    _S.SENT: {},
    _S.DEAD: {_F.ASKED_AGAIN: _S.WAITING},
}

UNFINISHED = (_S.WAITING, _S.FAILED)
"""The states that a try may still change."""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The fact does not fit the state."""

    state: DeliveryState
    fact: DeliveryFact

    def __str__(self) -> str:
        return f"{self.fact.value!r} is not possible while the delivery is {self.state.value!r}"


def step(state: DeliveryState, fact: DeliveryFact) -> DeliveryState | NotPossible:
    after = TRANSITIONS[state].get(fact)
    return NotPossible(state, fact) if after is None else after


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one subscriber. `message` is the id under which it was first tried, alone or with others; `body` its JSON."""

    seq: int
    id: str
    subscription: SubscriptionId
    event: str
    type: str
    body: bytes
    state: DeliveryState
    attempts: int
    message: str | None
    created_at: datetime
    next_at: datetime | None
    sent_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once: one event, or a digest of many."""

    id: str
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Arrived:
    """The subscriber has taken it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It has not, or nobody knows; worth another try."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The subscriber says that it wants no more of this."""

    reason: str


Outcome = Arrived | Failed | Gone


def named(untried: Sequence[Delivery], new_digest: Callable[[], str]) -> list[tuple[str, Sequence[Delivery]]]:
    """The ids under which events that nobody has tried to send yet are sent from now on, each with its events."""
    if len(untried) <= ALONE_AT_MOST:
        return [(delivery.id, [delivery]) for delivery in untried]
    chunks = [untried[start : start + DIGEST_AT_MOST] for start in range(0, len(untried), DIGEST_AT_MOST)]
    return [(new_digest(), chunk) for chunk in chunks]


def tried(delivery: Delivery, outcome: Outcome, *, now: datetime, jitter: float, at_most: int) -> Delivery | NotPossible:
    """The delivery after a try. `jitter` is drawn from [0, 1) by the caller, once for all events of a message."""
    attempts = delivery.attempts + 1
    fact = _fact(outcome, attempts, at_most)
    state = step(delivery.state, fact)
    if isinstance(state, NotPossible):
        return state
    return replace(
        delivery,
        state=state,
        attempts=attempts,
        next_at=now + wait_after(attempts, jitter) if state is DeliveryState.FAILED else None,
        sent_at=now if state is DeliveryState.SENT else None,
        error=None if isinstance(outcome, Arrived) else outcome.reason,
    )


def asked_again(delivery: Delivery, now: datetime) -> Delivery | NotPossible:
    """A dead delivery with all its tries before it again, at once and under the id that it had."""
    state = step(delivery.state, DeliveryFact.ASKED_AGAIN)
    return state if isinstance(state, NotPossible) else replace(delivery, state=state, attempts=0, next_at=now)


def wait_after(attempts: int, jitter: float) -> timedelta:
    """Full jitter: between nothing and a ceiling that doubles with each try, up to an hour."""
    ceiling: timedelta = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 30))
    return ceiling * jitter


def _fact(outcome: Outcome, attempts: int, at_most: int) -> DeliveryFact:
    if isinstance(outcome, Arrived):
        return DeliveryFact.ARRIVED
    last = isinstance(outcome, Gone) or attempts >= at_most
    return DeliveryFact.GIVEN_UP if last else DeliveryFact.REFUSED
