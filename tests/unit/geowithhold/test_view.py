"""The view answers what is withheld where, whatever the order in which it was told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geowithhold import WithholdingView
from shared.ids import Jurisdiction, Key, Target
from shared.jurisdictions import JurisdictionError
from tests.unit.geowithhold.changes import State, change

ACCOUNT = "account:acct_42"


def fed(*changes: tuple[str, int, State, str]) -> WithholdingView:
    view = WithholdingView()
    for target, version, state, place in changes:
        view.apply(change(target, version, state, jurisdiction=place))
    return view


def test_an_empty_view_withholds_nothing() -> None:
    view = WithholdingView()

    assert not view.is_withheld(ACCOUNT, "IN")
    assert view.withheld_in(ACCOUNT) == frozenset()
    assert len(view) == 0


@pytest.mark.parametrize(
    ("withheld_in", "asked", "answer"),
    [
        ("IN", "IN", True),
        ("IN", "IN-PB", True),
        ("IN-PB", "IN", False),
        ("XX", "IN-PB", True),
        ("IN", "XX", False),
        ("IN", "DE", False),
    ],
)
def test_a_lookup_counts_what_lies_above_and_never_what_lies_below(withheld_in: str, asked: str, *, answer: bool) -> None:
    assert fed((ACCOUNT, 1, "withheld", withheld_in)).is_withheld(ACCOUNT, asked) is answer


def test_a_release_shows_the_target_again() -> None:
    view = fed((ACCOUNT, 1, "withheld", "IN"), (ACCOUNT, 2, "released", "IN"))

    assert not view.is_withheld(ACCOUNT, "IN")
    assert len(view) == 0
    assert view.version(Key(Jurisdiction("IN"), Target(ACCOUNT))) == 2


def test_an_older_version_is_no_news_and_changes_nothing() -> None:
    view = fed((ACCOUNT, 2, "released", "IN"))

    assert view.apply(change(ACCOUNT, 1)) is False
    assert view.apply(change(ACCOUNT, 2, "released")) is False
    assert not view.is_withheld(ACCOUNT, "IN")


def test_it_names_the_jurisdictions_that_withhold_a_target() -> None:
    view = fed((ACCOUNT, 1, "withheld", "IN"), (ACCOUNT, 1, "withheld", "DE"), (ACCOUNT, 2, "released", "DE"))

    assert view.withheld_in(ACCOUNT) == {"IN"}


def test_a_wrong_jurisdiction_is_refused_and_not_answered_with_no() -> None:
    with pytest.raises(JurisdictionError):
        WithholdingView().is_withheld(ACCOUNT, "in")


@given(st.permutations(range(1, 7)), st.lists(st.integers(1, 6), max_size=6))
def test_any_order_with_any_repeats_ends_at_the_last_version(order: list[int], repeats: list[int]) -> None:
    view = WithholdingView()
    states: dict[int, State] = {version: "withheld" if version % 2 else "released" for version in range(1, 7)}

    for version in [*order, *repeats]:
        view.apply(change(ACCOUNT, version, states[version]))

    assert view.version(Key(Jurisdiction("IN"), Target(ACCOUNT))) == 6
    assert not view.is_withheld(ACCOUNT, "IN")


def test_of_one_version_told_twice_the_later_epoch_counts() -> None:
    view = WithholdingView()
    view.apply(change(ACCOUNT, 3), epoch=1)

    assert view.apply(change(ACCOUNT, 3, "released"), epoch=2) is True
    assert not view.is_withheld(ACCOUNT, "IN")
    assert view.apply(change(ACCOUNT, 3), epoch=1) is False
    assert view.apply(change(ACCOUNT, 3), epoch=2) is False
    assert view.apply(change(ACCOUNT, 2), epoch=3) is False, "a replay of what is known is no news"
    assert not view.is_withheld(ACCOUNT, "IN")
