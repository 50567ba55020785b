"""Figures of orders, by value."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from services.notifier.domain.case import Directive, Item
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.domain.traces import Trace
from services.notifier.domain.transparency import (
    Correspondence,
    Figures,
    RowKey,
    by_row,
    effect_after,
    figures_of,
    median,
    percentile,
    together,
)
from tests.unit.notifier.builders import AT, after, key
from tests.unit.notifier.test_traces import APPLIED, DE, IN, PENDING, directive, told, traced

SILENCE = Correspondence(first_reply_at=None, notices=(), breaches=())
FAILED = EnforcementState.FAILED


def version(number: int, at: datetime, *answers: tuple[EnforcementState, datetime | None], released: bool = False) -> Trace:
    (trace,) = traced(*answers, released=released).values()
    return replace(trace, version=replace(trace.version, number=number, effective_at=at))


def effect(states: Sequence[Item], *versions: Trace, of: Directive | None = None) -> float | None:
    return effect_after(of or directive(), states, {key(): versions})


def complied(seconds: float = 0, *places: str, **other: Any) -> Item:
    return told("complied", *(places or ("IN",)), changed_at=after(seconds), **other)


@pytest.mark.parametrize(
    ("states", "versions", "seconds"),
    [
        pytest.param([complied()], [version(1, AT, (APPLIED, after(5)), (APPLIED, after(9)))], 9, id="the last point"),
        pytest.param([complied()], [version(1, AT, (APPLIED, after(5)), (PENDING, None))], None, id="one point has not"),
        pytest.param([complied()], [version(1, AT)], None, id="no point has to"),
        pytest.param([complied()], [], None, id="nothing was withheld"),
        pytest.param([told("refused")], [version(1, AT, (APPLIED, after(5)))], None, id="never complied with"),
        pytest.param([told("complied")], [version(1, AT, (APPLIED, after(5)))], None, id="claims nothing"),
        pytest.param(
            [told("undecided"), complied(60)], [version(1, AT, (APPLIED, after(5)))], 60, id="withheld before the decision"
        ),
        pytest.param(
            [complied(10)],
            [
                version(1, AT, (APPLIED, after(1))),
                version(2, after(2), (APPLIED, after(3)), released=True),
                version(3, after(10), (APPLIED, after(14))),
            ],
            14,
            id="withheld again with the decision",
        ),
        pytest.param(
            [complied(), told("released", changed_at=after(20)), complied(50)],
            [
                version(1, AT, (EnforcementState.REVERTED, after(4))),
                version(2, after(20), (APPLIED, after(21)), released=True),
                version(3, after(50), (APPLIED, after(70))),
            ],
            4,
            id="the first time counts, also when it was undone",
        ),
    ],
)
def test_how_long_it_took_until_an_item_had_effect(states: list[Item], versions: list[Trace], seconds: float | None) -> None:
    assert effect(states, *versions) == seconds


def test_an_item_has_effect_once_it_has_in_all_its_jurisdictions() -> None:
    chronicle = {key(): [version(1, AT, (APPLIED, after(5)))], key(jurisdiction="DE"): [version(1, AT, (APPLIED, after(8)))]}

    assert effect_after(directive("IN", "DE"), [complied(0, "IN", "DE")], chronicle) == 8
    assert effect_after(directive("IN", "DE"), [complied(0, "IN", "DE")], {key(): chronicle[key()]}) is None


def test_nothing_has_effect_before_it_is_received() -> None:
    late = replace(directive(), received_at=after(100))

    assert effect([complied()], version(1, AT, (APPLIED, after(5))), of=late) == 0


def test_items_count_as_they_stand_and_what_happened_to_them_counts_once() -> None:
    states: dict[Any, Sequence[Item]] = {
        "account:a": [complied(), told("released", cause="platform_decision"), complied(9)],
        "account:b": [told("refused", ground="news_media")],
        "account:c": [told("refused", ground="journalist"), told("refused")],
        "hashtag:d": [complied(0, suspended=True)],
        "post:1": [told("released", cause="error"), told("released", cause="error")],
    }
    items = {target: [replace(state, target=target) for state in found] for target, found in states.items()}

    found = figures_of(directive(), items, {}, SILENCE)

    assert found.decisions == Counter(complied=2, refused=2, released=1)
    assert found.refused == Counter(news_media=1, not_stated=1)
    assert found.withheld == Counter(account=1)
    assert found.released == Counter(platform_decision=1, error=1)
    assert found.targeted == Counter(news_media=1, journalist=1)


def test_what_was_written_and_missed_counts() -> None:
    written = Correspondence(first_reply_at=after(90), notices=["reminder", "hearing", "reminder"], breaches=["ack"])

    found = figures_of(replace(directive(), kind="unblock", sealed=True), {}, {}, written)

    assert (found.directives, found.sealed) == (Counter(unblock=1), Counter(sealed=1))
    assert (found.notices, found.breaches) == (Counter(reminder=2, hearing=1), Counter(ack=1))
    assert found.acknowledged_after == [90]


def test_a_request_outside_the_official_way_counts_as_such_alone() -> None:
    item = complied()

    found = figures_of(replace(directive(), channel="informal"), {item.target: [item]}, {}, SILENCE)

    assert (found.unofficial_requests.total(), found.unofficial_targets.total()) == (1, 1)
    assert (found.directives.total(), found.decisions.total()) == (0, 0)


def test_a_directive_counts_in_each_jurisdiction_and_once_in_the_total() -> None:
    both, one = replace(directive("IN", "DE"), authority="x"), replace(directive("IN"), authority="x")
    found = [(each, figures_of(each, {}, {}, SILENCE)) for each in (both, one)]

    rows = by_row(found)

    assert {row: figures.directives.total() for row, figures in rows.items()} == {
        RowKey(DE, "x", "in-it-act-69a"): 1,
        RowKey(IN, "x", "in-it-act-69a"): 2,
    }
    assert list(by_row(found, DE)) == [RowKey(DE, "x", "in-it-act-69a")]
    assert together(figures for _, figures in found).directives.total() == 2


def test_figures_that_nobody_asked_for_are_not_touched_by_adding() -> None:
    one, more = Figures(), Figures()
    more.effect_after.append(3)

    one.add(more)
    one.add(more)

    assert (one.effect_after, more.effect_after) == ([3, 3], [3])


@pytest.mark.parametrize(
    ("seconds", "middle", "high"),
    [([], None, None), ([7], 7, 7), ([4, 1], 2.5, 4), (list(range(1, 101)), 50.5, 95), (list(range(1, 21)), 10.5, 19)],
)
def test_median_and_95th_percentile(seconds: list[float], middle: float | None, high: float | None) -> None:
    assert (median(seconds), percentile(seconds, 95)) == (middle, high)
