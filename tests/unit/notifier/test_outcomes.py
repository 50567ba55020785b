"""What is told to an authority about each item, and when."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.notifier.domain.case import Item
from services.notifier.domain.outcomes import Line, Outcome, lines_of
from services.notifier.domain.traces import Trace
from shared.ids import Key
from tests.unit.notifier.builders import AT, OTHER_DIRECTIVE, after
from tests.unit.notifier.test_traces import APPLIED, IN, PENDING, directive, told, traced


def line(*states: Item, traces: dict[Key, Trace] | None = None, kind: str = "block") -> Line:
    (found,) = lines_of(replace(directive(), kind=kind), {states[-1].target: states}, traces or {})
    return found


@pytest.mark.parametrize(
    ("states", "traces", "outcome", "seconds"),
    [
        pytest.param([told("complied", "IN")], traced((APPLIED, after(5))), Outcome.GIVEN, 5, id="applied"),
        pytest.param(
            [told("undecided"), told("complied", "IN", changed_at=after(9))],
            traced((APPLIED, after(5))),
            Outcome.GIVEN,
            9,
            id="withheld already for another directive",
        ),
        pytest.param(
            [told("complied", "IN", changed_at=after(1)), told("complied", "IN", changed_at=after(9))],
            traced((APPLIED, after(5))),
            Outcome.GIVEN,
            5,
            id="told again since",
        ),
        pytest.param([told("complied", "IN")], traced((PENDING, None)), Outcome.NOT_YET, None, id="not applied"),
        pytest.param([told("complied", "IN", suspended=True)], {}, Outcome.SUSPENDED, 0, id="stayed"),
        pytest.param([told("refused", ground="journalist")], {}, Outcome.REFUSED, 0, id="refused"),
        pytest.param([told("not_located")], {}, Outcome.NOT_LOCATED, 0, id="not located"),
        pytest.param([told("released", cause="quashed")], {}, Outcome.ENDED, 0, id="released"),
        pytest.param([told("withdrawn")], {}, Outcome.WITHDRAWN, 0, id="withdrawn"),
        pytest.param([told("undecided")], {}, Outcome.UNDECIDED, None, id="undecided"),
        pytest.param([told("something new")], {}, Outcome.UNDECIDED, None, id="a decision of a later version"),
    ],
)
def test_the_outcome_of_an_item_and_its_time(states: Sequence[Item], traces: Any, outcome: Outcome, seconds: int | None) -> None:
    found = line(*states, traces=traces)

    assert (found.outcome, found.at) == (outcome, None if seconds is None else after(seconds))


@pytest.mark.parametrize(
    ("traces", "outcome", "seconds"),
    [
        ({}, Outcome.GIVEN, 0),
        (traced((APPLIED, after(5)), released=True, by=OTHER_DIRECTIVE), Outcome.GIVEN, 5),
        (traced((PENDING, None), released=True, by=OTHER_DIRECTIVE), Outcome.NOT_YET, None),
        (traced((PENDING, None), released=True, place="DE"), Outcome.GIVEN, 0),
        (traced((PENDING, None), by=OTHER_DIRECTIVE), Outcome.GIVEN, 0),
    ],
)
def test_an_order_to_unblock_takes_effect_when_the_releases_are_applied(
    traces: Any, outcome: Outcome, seconds: int | None
) -> None:
    found = line(told("complied"), traces=traces, kind="unblock")

    assert (found.outcome, found.at, found.places) == (outcome, None if seconds is None else after(seconds), ())


def test_a_line_says_where_and_why() -> None:
    assert line(told("complied", "IN"), traces=traced((APPLIED, AT))).places == (IN,)
    assert line(told("refused", ground="journalist")).ground == "journalist"
    assert line(told("released", cause="quashed")).cause == "quashed"
