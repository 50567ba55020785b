"""What taking a batch back does to one item: every kind of batch, with nothing and with everything in between."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.blocklist.domain import item as rules
from services.blocklist.domain.causes import BY_PLATFORM, Cause
from services.blocklist.domain.item import Changed, Item, ItemState, Outcome, Standing
from services.blocklist.domain.undo import Kept, LeftAlone, Past, Skipped, TakenBack, undo
from shared.ids import Jurisdiction
from tests.support.builders import IN, PB, PK, live, make_item

UNDECIDED = make_item()
REFUSED = make_item(ItemState.REFUSED, ground="journalist")
COMPLIED = make_item(ItemState.COMPLIED, live(IN))
RESTORED = make_item(ItemState.RELEASED, {IN: Cause.PLATFORM_DECISION}, cause=Cause.PLATFORM_DECISION)
IN_ERROR = make_item(ItemState.RELEASED, {IN: Cause.ERROR}, cause=Cause.ERROR)
RESCINDED = make_item(ItemState.ENDED, {IN: Cause.RESCINDED}, cause=Cause.RESCINDED)
SUSPENDED = make_item(ItemState.COMPLIED, {IN: Standing.SUSPENDED}, stayed=True)


def taken_back(before: Item | None, after: Item, *since: Item) -> Item:
    outcome = undo(Past(before=before, after=after, since=since))
    assert isinstance(outcome, TakenBack)
    assert (outcome.changed.before, outcome.skipped) == ((after, *since)[-1], ())
    return outcome.changed.after


def left(before: Item | None, after: Item, *since: Item) -> tuple[Skipped, ...]:
    outcome = undo(Past(before=before, after=after, since=since))
    assert isinstance(outcome, LeftAlone)
    assert outcome.item == (after, *since)[-1]
    return outcome.skipped


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (UNDECIDED, COMPLIED, make_item(claims={IN: Cause.ERROR})),
        (REFUSED, COMPLIED, make_item(ItemState.REFUSED, {IN: Cause.ERROR}, ground="journalist")),
        (None, COMPLIED, IN_ERROR),
        (RESTORED, COMPLIED, RESTORED),
        (COMPLIED, RESTORED, COMPLIED),
        (COMPLIED, IN_ERROR, COMPLIED),
        (UNDECIDED, REFUSED, UNDECIDED),
        (REFUSED, make_item(ItemState.REFUSED, ground="activist"), REFUSED),
        (RESTORED, make_item(ItemState.REFUSED, {IN: Cause.PLATFORM_DECISION}, ground="other"), RESTORED),
        (COMPLIED, make_item(ItemState.COMPLIED, live(IN, PK)), make_item(ItemState.COMPLIED, {**live(IN), PK: Cause.ERROR})),
        (make_item(ItemState.COMPLIED, live(IN, PK)), make_item(ItemState.COMPLIED, {IN: Cause.APPEAL, **live(PK)}),
         make_item(ItemState.COMPLIED, live(IN, PK))),
        (UNDECIDED, SUSPENDED, make_item(claims={IN: Cause.ERROR}, stayed=True)),
    ],
)  # fmt: skip
def test_with_nothing_in_between_the_item_is_what_it_was_but_for_the_error(
    before: Item | None, after: Item, expected: Item
) -> None:
    assert taken_back(before, after) == expected


def test_an_item_that_came_in_undecided_has_nothing_to_take_back() -> None:
    assert left(None, UNDECIDED) == ()


@pytest.mark.parametrize(
    ("before", "after", "since"),
    [
        (UNDECIDED, COMPLIED, [IN_ERROR, COMPLIED]),
        (UNDECIDED, COMPLIED, [RESTORED]),
        (COMPLIED, RESTORED, [COMPLIED]),
        (COMPLIED, RESTORED, [COMPLIED, RESTORED]),
        (COMPLIED, RESTORED, [make_item(ItemState.REFUSED, {IN: Cause.PLATFORM_DECISION}, ground="other")]),
    ],
)
def test_a_claim_that_others_decided_about_since_is_left_alone(before: Item, after: Item, since: list[Item]) -> None:
    assert left(before, after, *since) == (Skipped(IN, Kept.CHANGED_SINCE),)


@pytest.mark.parametrize(("before", "after"), [(UNDECIDED, COMPLIED), (COMPLIED, RESTORED)])
def test_what_has_ended_finally_since_stays_ended(before: Item, after: Item) -> None:
    assert left(before, after, RESCINDED) == (Skipped(IN, Kept.ENDED_FINALLY),)


def test_a_claim_that_ended_finally_beside_one_that_stands_stays_ended() -> None:
    partly = make_item(ItemState.COMPLIED, {IN: Cause.RESCINDED, **live(PK)})

    outcome = undo(Past(before=UNDECIDED, after=make_item(ItemState.COMPLIED, live(IN, PK)), since=(partly,)))

    assert isinstance(outcome, TakenBack)
    assert outcome.skipped == (Skipped(IN, Kept.ENDED_FINALLY),)
    assert outcome.changed.after == make_item(ItemState.RELEASED, {IN: Cause.RESCINDED, PK: Cause.ERROR}, cause=Cause.ERROR)


def test_what_the_batch_itself_ended_finally_stays_ended() -> None:
    partly = make_item(ItemState.COMPLIED, {IN: Cause.RESCINDED, **live(PK)})

    assert left(make_item(ItemState.COMPLIED, live(IN, PK)), partly) == (Skipped(IN, Kept.ENDED_FINALLY),)
    assert left(COMPLIED, RESCINDED) == (Skipped(IN, Kept.ENDED_FINALLY),)


def test_a_part_of_what_ended_finally_since_is_not_claimed_again() -> None:
    both = make_item(ItemState.COMPLIED, live(PB, IN))
    released = make_item(ItemState.COMPLIED, {PB: Cause.ERROR, **live(IN)})
    lifted = make_item(ItemState.COMPLIED, {PB: Cause.ERROR, IN: Cause.RESCINDED, **live(PK)})

    assert left(both, released, lifted) == (Skipped(PB, Kept.ENDED_FINALLY),)


@pytest.mark.parametrize("since", [[UNDECIDED], [make_item(ItemState.NOT_LOCATED)], [make_item(ItemState.NOT_LOCATED), REFUSED]])
def test_a_decision_that_others_changed_since_is_left_alone(since: list[Item]) -> None:
    assert left(UNDECIDED, REFUSED, *since) == (Skipped(None, Kept.CHANGED_SINCE),)


def test_a_decision_on_an_item_that_was_withdrawn_since_is_left_alone() -> None:
    assert left(UNDECIDED, REFUSED, make_item(ItemState.WITHDRAWN)) == (Skipped(None, Kept.ENDED_FINALLY),)


def test_an_unblock_order_that_was_carried_out_is_left_alone() -> None:
    assert left(UNDECIDED, make_item(ItemState.COMPLIED)) == (Skipped(None, Kept.ENDED_FINALLY),)


@pytest.mark.parametrize("since", [[SUSPENDED], [SUSPENDED, COMPLIED]])
def test_a_stay_is_no_touch(since: Sequence[Item]) -> None:
    assert taken_back(UNDECIDED, COMPLIED, *since) == make_item(claims={IN: Cause.ERROR}, stayed=since[-1].stayed)


def test_a_claim_that_is_made_again_under_a_stay_is_suspended() -> None:
    stayed = make_item(ItemState.RELEASED, {IN: Cause.ERROR}, cause=Cause.ERROR, stayed=True)

    assert taken_back(COMPLIED, IN_ERROR, stayed) == SUSPENDED


def test_what_others_claimed_since_goes_on_to_stand() -> None:
    both = make_item(ItemState.COMPLIED, live(IN, PK))

    assert taken_back(UNDECIDED, COMPLIED, both) == make_item(ItemState.COMPLIED, {IN: Cause.ERROR, **live(PK)})


def test_a_unilateral_release_by_others_since_still_stands_afterwards() -> None:
    restored = make_item(ItemState.COMPLIED, {**live(IN), PK: Cause.PLATFORM_DECISION})

    after = undo(Past(before=UNDECIDED, after=make_item(ItemState.COMPLIED, live(IN, PK)), since=(restored,)))

    assert isinstance(after, TakenBack)
    assert (after.changed.after.state, after.changed.after.cause) == (ItemState.RELEASED, Cause.ERROR)
    assert after.changed.after.unilateral


PLACES = [IN, PK]
scopes = st.lists(st.sampled_from(PLACES), min_size=1, max_size=2, unique=True)


def _act(name: str, scope: Sequence[Jurisdiction], cause: Cause) -> Callable[[Item], Outcome]:
    acts: dict[str, Callable[[Item], Outcome]] = {
        "comply": lambda item: rules.comply(item, scope),
        "refuse": lambda item: rules.refuse(item, "other"),
        "not_located": rules.mark_not_located,
        "release": lambda item: rules.release(item, scope, cause),
        "stay": rules.stay,
        "unstay": rules.unstay,
        "end": lambda item: rules.end(item, Cause.RESCINDED),
    }
    return acts[name]


def _acts(*names: str) -> st.SearchStrategy[Callable[[Item], Outcome]]:
    return st.builds(_act, st.sampled_from(names), scopes, st.sampled_from(sorted(BY_PLATFORM)))


BATCHES = ("comply", "refuse", "not_located", "release")


def run(item: Item, acts: Sequence[Callable[[Item], Outcome]]) -> list[Item]:
    """Every version that the acts make of the item, those that are not possible passed over."""
    versions = [item]
    for act in acts:
        outcome = act(versions[-1])
        if isinstance(outcome, Changed):
            versions.append(outcome.after)
    return versions[1:]


pasts = st.builds(
    lambda acts, batch, since: (run(make_item(), acts), batch, since),
    st.lists(_acts(*BATCHES, "stay", "unstay"), max_size=4),
    _acts(*BATCHES),
    st.lists(_acts(*BATCHES, "stay", "unstay", "end"), max_size=4),
)


@given(pasts)
def test_at_once_an_undo_gives_back_the_claims_that_were_live(past: tuple[list[Item], Callable[[Item], Outcome], object]) -> None:
    earlier, batch, _ = past
    before = earlier[-1] if earlier else make_item()
    for after in run(before, [batch]):
        outcome = undo(Past(before=before, after=after))

        assert isinstance(outcome, TakenBack)
        assert outcome.changed.after.live == before.live
        assert (outcome.changed.after.state, outcome.changed.after.ground) == (before.state, before.ground)


@given(pasts)
def test_later_an_undo_changes_nothing_but_what_the_batch_did(
    past: tuple[list[Item], Callable[[Item], Outcome], list[Callable[[Item], Outcome]]],
) -> None:
    earlier, batch, later = past
    before = earlier[-1] if earlier else make_item()
    for after in run(before, [batch]):
        since = run(after, later)
        outcome = undo(Past(before=before, after=after, since=tuple(since)))

        if isinstance(outcome, TakenBack):
            now, then = outcome.changed.before, outcome.changed.after
            did = set(before.applied) ^ set(after.applied)
            assert set(now.applied) ^ set(then.applied) <= did
            assert all(now.claims[place] == then.claims[place] for place in now.claims if place not in did)
            assert (then.state is ItemState.COMPLIED) == bool(then.applied)
            assert (then.state is ItemState.RELEASED) == (then.cause is not None)
            assert not now.claims.keys() - then.claims.keys()


@given(pasts)
def test_an_undo_can_be_undone(past: tuple[list[Item], Callable[[Item], Outcome], object]) -> None:
    earlier, batch, _ = past
    before = earlier[-1] if earlier else make_item()
    for after in run(before, [batch]):
        undone = undo(Past(before=before, after=after))
        assert isinstance(undone, TakenBack)

        again = undo(Past(before=after, after=undone.changed.after))

        assert isinstance(again, TakenBack)
        assert again.changed.after.live == after.live
        assert (again.changed.after.state, again.changed.after.ground) == (after.state, after.ground)
