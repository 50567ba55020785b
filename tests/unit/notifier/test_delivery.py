from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.delivery import (
    ALONE_AT_MOST,
    DIGEST_AT_MOST,
    FIRST_WAIT,
    LONGEST_WAIT,
    UNFINISHED,
    Arrived,
    Delivery,
    DeliveryFact,
    DeliveryState,
    Failed,
    Gone,
    NotPossible,
    Outcome,
    asked_again,
    named,
    step,
    tried,
    wait_after,
)
from services.notifier.domain.subscription import SubscriptionId
from tests.unit.notifier.builders import AT

S, F = DeliveryState, DeliveryFact

TABLE = {
    (S.WAITING, F.ARRIVED): S.SENT,
    (S.WAITING, F.REFUSED): S.FAILED,
    (S.WAITING, F.GIVEN_UP): S.DEAD,
    (S.FAILED, F.ARRIVED): S.SENT,
    (S.FAILED, F.REFUSED): S.FAILED,
    (S.FAILED, F.GIVEN_UP): S.DEAD,
    (S.DEAD, F.ASKED_AGAIN): S.WAITING,
}


def delivery(number: int = 1, **other: object) -> Delivery:
    made = Delivery(
        seq=number,
        id=f"dlv_{number}",
        subscription=SubscriptionId("desk"),
        event=f"fnd_{number}",
        type="t",
        body=b"{}",
        state=S.WAITING,
        attempts=0,
        message=None,
        created_at=AT,
        next_at=AT,
        sent_at=None,
        error=None,
    )
    return replace(made, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("fact", F)
def test_the_whole_table(state: DeliveryState, fact: DeliveryFact) -> None:
    assert step(state, fact) == TABLE.get((state, fact), NotPossible(state, fact))


def test_what_is_not_possible_names_both() -> None:
    assert str(step(S.SENT, F.ASKED_AGAIN)) == "'asked_again' is not possible while the delivery is 'sent'"


def test_only_what_is_unfinished_has_a_next_try() -> None:
    assert {state for state in S if F.ARRIVED in {fact for before, fact in TABLE if before is state}} == set(UNFINISHED)


@pytest.mark.parametrize(
    ("attempts", "outcome", "expected"),
    [
        (0, Arrived(), (S.SENT, 1, None, AT, None)),
        (2, Arrived(), (S.SENT, 3, None, AT, None)),
        (0, Failed("no"), (S.FAILED, 1, AT + FIRST_WAIT / 2, None, "no")),
        (1, Failed("no"), (S.FAILED, 2, AT + FIRST_WAIT, None, "no")),
        (3, Failed("no"), (S.DEAD, 4, None, None, "no")),
        (0, Gone("410"), (S.DEAD, 1, None, None, "410")),
    ],
)
def test_what_a_try_makes_of_a_delivery(attempts: int, outcome: Outcome, expected: tuple[object, ...]) -> None:
    before = delivery(attempts=attempts, state=S.FAILED if attempts else S.WAITING)

    after = tried(before, outcome, now=AT, jitter=0.5, at_most=4)

    assert isinstance(after, Delivery)
    assert (after.state, after.attempts, after.next_at, after.sent_at, after.error) == expected


@pytest.mark.parametrize("state", [S.SENT, S.DEAD])
def test_a_try_changes_nothing_that_has_ended(state: DeliveryState) -> None:
    assert tried(delivery(state=state), Arrived(), now=AT, jitter=0, at_most=4) == NotPossible(state, F.ARRIVED)


def test_a_dead_delivery_has_all_its_tries_again_under_its_id() -> None:
    dead = delivery(state=S.DEAD, attempts=24, message="dgs_1", next_at=None, error="no")

    again = asked_again(dead, AT)

    assert again == replace(dead, state=S.WAITING, attempts=0, next_at=AT)


def test_only_a_dead_delivery_is_asked_for_again() -> None:
    assert asked_again(delivery(), AT) == NotPossible(S.WAITING, F.ASKED_AGAIN)


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_waits_grow_up_to_an_hour_and_are_anything_below(attempts: int, jitter: float) -> None:
    wait, ceiling = wait_after(attempts, jitter), wait_after(attempts, 1)

    assert timedelta(0) <= wait <= ceiling <= LONGEST_WAIT
    assert ceiling == min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempts - 1, 20))


@pytest.mark.parametrize(
    ("waiting", "sizes"),
    [
        (0, []),
        (1, [1]),
        (ALONE_AT_MOST, [1] * ALONE_AT_MOST),
        (ALONE_AT_MOST + 1, [ALONE_AT_MOST + 1]),
        (DIGEST_AT_MOST + 3, [DIGEST_AT_MOST, 3]),
    ],
)
def test_few_are_sent_one_by_one_and_many_as_a_digest(waiting: int, sizes: list[int]) -> None:
    numbers = count(1)
    deliveries = [delivery(number) for number in range(waiting)]

    messages = named(deliveries, lambda: f"dgs_{next(numbers)}")

    assert [len(together) for _, together in messages] == sizes
    assert [each for _, together in messages for each in together] == deliveries
    assert len({id_ for id_, _ in messages}) == len(messages)
    assert all(id_ == together[0].id or id_.startswith("dgs_") for id_, together in messages)
