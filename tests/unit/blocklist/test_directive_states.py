from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from services.blocklist.domain.directive import TRANSITIONS, DirectiveFact, DirectiveStatus, NoTransition, step
from tests.support.builders import NOON, make_directive, make_order, target

STATUS, FACT = DirectiveStatus, DirectiveFact
HOUR = timedelta(hours=1)

ENDINGS = {
    FACT.RESCIND: STATUS.RESCINDED,
    FACT.SUPERSEDE: STATUS.SUPERSEDED,
    FACT.EXPIRE: STATUS.EXPIRED,
    FACT.QUASH: STATUS.QUASHED,
    FACT.LAPSE: STATUS.INTERIM_LAPSED,
}
WORK = (FACT.DECIDE, FACT.RELEASE, FACT.CONFIRM, FACT.NOTICE, FACT.REPLY, FACT.END_SOME)

# Written from the contract, not read from the code: state → {fact: state}.
EXPECTED: Mapping[DirectiveStatus, Mapping[DirectiveFact, DirectiveStatus]] = {
    STATUS.RECEIVED: {
        FACT.ACCEPT: STATUS.IN_FORCE,
        FACT.ASK_CLARIFICATION: STATUS.AWAITING_CLARIFICATION,
        FACT.REJECT: STATUS.REJECTED,
    },
    STATUS.AWAITING_CLARIFICATION: {
        FACT.ACCEPT: STATUS.IN_FORCE,
        FACT.REJECT: STATUS.REJECTED,
        FACT.NOTICE: STATUS.AWAITING_CLARIFICATION,
        FACT.REPLY: STATUS.AWAITING_CLARIFICATION,
    },
    STATUS.IN_FORCE: {
        **dict.fromkeys((*WORK, FACT.STAY_SOME, FACT.UNSTAY), STATUS.IN_FORCE),
        FACT.STAY: STATUS.STAYED,
        **ENDINGS,
    },
    STATUS.STAYED: {**dict.fromkeys(WORK, STATUS.STAYED), FACT.UNSTAY: STATUS.IN_FORCE, **ENDINGS},
    **{
        final: {FACT.REPLY: final}
        for final in (
            STATUS.REJECTED,
            STATUS.RESCINDED,
            STATUS.SUPERSEDED,
            STATUS.EXPIRED,
            STATUS.QUASHED,
            STATUS.INTERIM_LAPSED,
        )
    },
}


@pytest.mark.parametrize("fact", FACT)
@pytest.mark.parametrize("status", STATUS)
def test_every_fact_reaches_its_state_or_is_refused_with_both_names(status: DirectiveStatus, fact: DirectiveFact) -> None:
    expected = EXPECTED[status].get(fact)

    reached = step(status, fact)

    if expected:
        assert reached is expected
    else:
        assert reached == NoTransition(status, fact)
        assert (repr(status.value) in str(reached), repr(fact.value) in str(reached)) == (True, True)


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(DirectiveStatus)


def test_a_directive_is_a_value_that_nobody_can_change() -> None:
    with pytest.raises(AttributeError):
        make_directive().status = DirectiveStatus.RESCINDED  # type: ignore[misc]


def test_lines_that_name_one_target_twice_count_as_duplicates() -> None:
    order = make_order(targets={target("a"): ["@a", "@A", "account:a"], target("b"): ["@b"]})

    assert order.duplicates == 2


@pytest.mark.parametrize(
    ("expires", "lapses", "ended"),
    [
        (None, None, None),
        (HOUR, HOUR, None),
        (timedelta(), None, STATUS.EXPIRED),
        (None, timedelta(), STATUS.INTERIM_LAPSED),
        (HOUR, -HOUR, STATUS.INTERIM_LAPSED),
        (-HOUR, -HOUR, STATUS.EXPIRED),
    ],
)
def test_the_calendar_ends_a_directive_from_the_very_instant_on(
    expires: timedelta | None, lapses: timedelta | None, ended: DirectiveStatus | None
) -> None:
    expires_at, lapses_at = (None if after is None else NOON + after for after in (expires, lapses))
    directive = replace(make_directive(), expires_at=expires_at, lapses_at=lapses_at)

    assert directive.run_out(NOON) is ended


def test_only_an_unblock_unblocks() -> None:
    kinds = ("block", "unblock")

    assert [replace(make_directive(), kind=kind).unblocks for kind in kinds] == [False, True]
    assert [make_order(kind=kind).unblocks for kind in kinds] == [False, True]
