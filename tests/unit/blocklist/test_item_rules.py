from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from services.blocklist.domain.causes import BY_PLATFORM, FINAL, Cause
from services.blocklist.domain.item import (
    TRANSITIONS,
    Changed,
    Decision,
    Item,
    ItemFact,
    ItemState,
    NotAllowed,
    Obstacle,
    Outcome,
    Standing,
    Unchanged,
    carry_out,
    comply,
    confirm,
    end,
    lapse,
    lift,
    mark_not_located,
    refuse,
    release,
    stay,
    unstay,
)
from shared.ids import Jurisdiction
from tests.support.builders import IN, ITEMS, PB, PK, XX, live, make_item

STATE = ItemState

ACTS: Mapping[str, Callable[[Item], Outcome]] = {
    "comply": lambda item: comply(item, [IN, PK]),
    "refuse": lambda item: refuse(item, "activist"),
    "not_located": mark_not_located,
    "release": lambda item: release(item, [IN], Cause.APPEAL),
    "end": lambda item: end(item, Cause.RESCINDED),
    "stay": stay,
    "unstay": lambda item: unstay(replace(item, stayed=True)),
    "confirm": confirm,
}

DECIDABLE = {"comply": STATE.COMPLIED, "refuse": STATE.REFUSED, "not_located": STATE.NOT_LOCATED, "end": STATE.WITHDRAWN}
STANDING = ("stay", "unstay", "confirm")

# Written from the contract, not read from the code: state → {fact: state}.
EXPECTED: Mapping[ItemState, Mapping[str, ItemState]] = {
    STATE.UNDECIDED: {**DECIDABLE, **dict.fromkeys(STANDING, STATE.UNDECIDED)},
    STATE.REFUSED: {**DECIDABLE, **dict.fromkeys(STANDING, STATE.REFUSED)},
    STATE.NOT_LOCATED: {**DECIDABLE, **dict.fromkeys(STANDING, STATE.NOT_LOCATED)},
    STATE.RELEASED: {**DECIDABLE, **dict.fromkeys(STANDING, STATE.RELEASED)},
    STATE.COMPLIED: {
        "comply": STATE.COMPLIED,
        "release": STATE.RELEASED,
        "end": STATE.ENDED,
        **dict.fromkeys(STANDING, STATE.COMPLIED),
    },
    STATE.ENDED: {},
    STATE.WITHDRAWN: {},
}


@pytest.mark.parametrize("fact", ACTS)
@pytest.mark.parametrize("state", STATE)
def test_every_fact_reaches_its_state_or_leaves_the_item_as_it_was(state: ItemState, fact: str) -> None:
    item = ITEMS[state]
    expected = EXPECTED[state].get(fact)

    outcome = ACTS[fact](item)

    match outcome:
        case Changed(before, after):
            assert (before.target, before.state, after.state) == (item.target, state, expected)
        case Unchanged(same):
            assert (same, state) == (item, expected)
        case NotAllowed(same):
            assert (same.state, expected) == (state, None)


@pytest.mark.parametrize(
    ("state", "fact"),
    [(state, fact) for state in STATE for fact in ACTS if fact != "release" and fact not in EXPECTED[state]],
)
def test_a_refusal_names_state_and_fact(state: ItemState, fact: str) -> None:
    outcome = ACTS[fact](ITEMS[state])

    assert isinstance(outcome, NotAllowed)
    assert outcome.obstacle is Obstacle.STATE
    assert repr(fact) in outcome.why
    assert repr(state.word) in outcome.why


def test_every_state_is_in_the_table_and_every_decision_is_a_fact() -> None:
    assert set(TRANSITIONS) == set(STATE)
    assert {decision.value for decision in Decision} < {fact.value for fact in ItemFact}


def test_an_end_for_good_is_a_release_in_the_words_of_the_contract() -> None:
    assert {state.word for state in STATE} == {*(state.value for state in STATE)} - {"ended"}


def test_causes_are_final_or_the_platforms_or_a_stay() -> None:
    assert FINAL | BY_PLATFORM | {Cause.STAYED} == set(Cause)
    assert not FINAL & BY_PLATFORM


@pytest.mark.parametrize("fact", ["refuse", "not_located"])
def test_a_decision_that_would_end_a_claim_names_the_way_that_does(fact: str) -> None:
    outcome = ACTS[fact](ITEMS[STATE.COMPLIED])

    assert isinstance(outcome, NotAllowed)
    assert "/v1/releases" in outcome.why


def test_comply_claims_the_scope_it_is_given() -> None:
    outcome = comply(make_item(), [IN, PK])

    assert isinstance(outcome, Changed)
    assert outcome.after.live == {IN, PK}
    assert outcome.after.applied == (IN, PK)


def test_comply_on_a_complied_item_adds_what_is_missing() -> None:
    outcome = comply(make_item(STATE.COMPLIED, live(IN)), [IN, PK])

    assert isinstance(outcome, Changed)
    assert outcome.after.claims == live(IN, PK)


@pytest.mark.parametrize(
    ("claimed", "asked"),
    [
        pytest.param((IN,), (IN,), id="the same"),
        pytest.param((IN, PK), (PK, IN), id="in another order"),
        pytest.param((IN, PB), (IN, PB), id="a country and its part"),
        pytest.param((PB, IN), (IN,), id="a country that came after its part"),
    ],
)
def test_comply_within_an_equal_scope_changes_nothing(claimed: tuple[Jurisdiction, ...], asked: tuple[Jurisdiction, ...]) -> None:
    item = make_item(STATE.COMPLIED, live(*claimed))

    assert comply(item, asked) == Unchanged(item)


@pytest.mark.parametrize(
    ("claimed", "asked"),
    [pytest.param((IN, PK), (IN,), id="fewer countries"), pytest.param((IN,), (PB,), id="a part of a country")],
)
def test_comply_never_narrows_what_is_claimed(claimed: tuple[Jurisdiction, ...], asked: tuple[Jurisdiction, ...]) -> None:
    item = make_item(STATE.COMPLIED, live(*claimed))

    outcome = comply(item, asked)

    assert isinstance(outcome, NotAllowed)
    assert (outcome.obstacle, outcome.item) == (Obstacle.NARROWER, item)
    assert "/v1/releases" in outcome.why


def test_comply_widens_a_part_to_its_country() -> None:
    outcome = comply(make_item(STATE.COMPLIED, live(PB)), [IN])

    assert isinstance(outcome, Changed)
    assert outcome.after.live == {PB, IN}


@pytest.mark.parametrize("cause", sorted(FINAL))
def test_what_ended_finally_is_never_claimed_again(cause: Cause) -> None:
    partly = make_item(STATE.COMPLIED, {IN: cause, PK: Standing.LIVE})
    wholly = make_item(STATE.RELEASED, {IN: cause}, cause=cause)

    again, refused = comply(partly, [IN, PK]), comply(wholly, [IN])

    assert again == Unchanged(partly)
    assert isinstance(refused, NotAllowed)
    assert refused.obstacle is Obstacle.ENDED_FINALLY


@pytest.mark.parametrize("cause", sorted(BY_PLATFORM))
def test_what_the_platform_released_may_be_claimed_anew(cause: Cause) -> None:
    outcome = comply(make_item(STATE.RELEASED, {IN: cause}, cause=cause), [IN])

    assert isinstance(outcome, Changed)
    assert outcome.after == make_item(STATE.COMPLIED, live(IN))


def test_a_decision_replaces_the_ground_of_the_one_before() -> None:
    refused = make_item(STATE.REFUSED, ground="news_media")

    another, located = refuse(refused, "activist"), mark_not_located(refused)

    assert isinstance(another, Changed)
    assert isinstance(located, Changed)
    assert (another.after.ground, located.after.ground) == ("activist", None)


@pytest.mark.parametrize(
    ("item", "act"),
    [(ITEMS[STATE.REFUSED], lambda item: refuse(item, "news_media")), (ITEMS[STATE.NOT_LOCATED], mark_not_located)],
)
def test_a_repeated_decision_changes_nothing(item: Item, act: Callable[[Item], Outcome]) -> None:
    assert act(item) == Unchanged(item)


def test_a_release_in_some_jurisdictions_leaves_the_item_complied_in_the_others() -> None:
    outcome = release(make_item(STATE.COMPLIED, live(IN, PK)), [PK], Cause.ERROR)

    assert isinstance(outcome, Changed)
    assert (outcome.after.state, outcome.after.cause, outcome.after.applied) == (STATE.COMPLIED, None, (IN,))
    assert outcome.after.claims == {IN: Standing.LIVE, PK: Cause.ERROR}


def test_the_release_of_the_last_claim_releases_the_item_with_its_cause() -> None:
    item = make_item(STATE.COMPLIED, {IN: Standing.LIVE, PK: Cause.ERROR})

    outcome = release(item, [IN], Cause.APPEAL)

    assert isinstance(outcome, Changed)
    assert (outcome.after.state, outcome.after.cause, outcome.after.applied) == (STATE.RELEASED, Cause.APPEAL, ())


def test_a_release_in_a_country_ends_the_claims_on_its_parts() -> None:
    outcome = release(make_item(STATE.COMPLIED, live(PB, PK)), [IN], Cause.ERROR)

    assert isinstance(outcome, Changed)
    assert outcome.after.applied == (PK,)


@pytest.mark.parametrize(("wide", "part"), [(XX, IN), (IN, PB)])
def test_a_part_of_a_wider_key_cannot_be_released(wide: Jurisdiction, part: Jurisdiction) -> None:
    item = make_item(STATE.COMPLIED, live(wide))

    outcome = release(item, [part], Cause.ERROR)

    assert isinstance(outcome, NotAllowed)
    assert (outcome.obstacle, outcome.item) == (Obstacle.PART_OF_WIDER, item)
    assert wide in outcome.why


@pytest.mark.parametrize("item", [*(ITEMS[state] for state in STATE if state is not STATE.COMPLIED)])
def test_nothing_can_be_released_where_nothing_is_claimed(item: Item) -> None:
    outcome = release(item, [IN], Cause.ERROR)

    assert isinstance(outcome, NotAllowed)
    assert outcome.obstacle is Obstacle.NOT_CLAIMED


def test_a_suspended_claim_stands_but_does_not_count() -> None:
    item = make_item(STATE.COMPLIED, {IN: Standing.SUSPENDED, PK: Standing.LIVE})

    assert item.live == {PK}
    assert item.applied == (IN, PK)


def test_an_end_takes_suspended_claims_with_it() -> None:
    outcome = end(make_item(STATE.COMPLIED, {IN: Standing.SUSPENDED, PK: Cause.ERROR}), Cause.QUASHED)

    assert isinstance(outcome, Changed)
    assert outcome.after.claims == {IN: Cause.QUASHED, PK: Cause.ERROR}
    assert (outcome.after.state, outcome.after.cause) == (STATE.ENDED, Cause.QUASHED)


@pytest.mark.parametrize("state", [STATE.UNDECIDED, STATE.REFUSED, STATE.NOT_LOCATED, STATE.RELEASED])
def test_the_end_of_an_item_without_claims_withdraws_it(state: ItemState) -> None:
    outcome = end(ITEMS[state], Cause.EXPIRED)

    assert isinstance(outcome, Changed)
    assert (outcome.after.state, outcome.after.cause) == (STATE.WITHDRAWN, None)


def test_a_unilateral_release_stands_until_it_is_claimed_anew_decided_otherwise_or_ended() -> None:
    released = ITEMS[STATE.RELEASED]
    partly = make_item(STATE.COMPLIED, {IN: Cause.PLATFORM_DECISION, PK: Standing.LIVE})

    after = [comply(released, [IN]), refuse(released, "other"), mark_not_located(released), end(released, Cause.RESCINDED)]

    assert released.unilateral
    assert partly.unilateral
    assert [outcome.after.unilateral for outcome in after if isinstance(outcome, Changed)] == [False] * 4


@pytest.mark.parametrize("cause", [Cause.ERROR, Cause.APPEAL])
def test_a_correction_is_no_unilateral_release(cause: Cause) -> None:
    assert not make_item(STATE.RELEASED, {IN: cause}, cause=cause).unilateral


def test_a_stay_suspends_what_is_live_and_leaves_what_has_ended() -> None:
    item = make_item(STATE.COMPLIED, {IN: Standing.LIVE, PK: Cause.ERROR})

    outcome = stay(item)

    assert isinstance(outcome, Changed)
    assert outcome.after == replace(item, stayed=True, claims={IN: Standing.SUSPENDED, PK: Cause.ERROR})
    assert (outcome.after.live, outcome.after.applied, outcome.after.suspended) == (frozenset(), (IN,), True)
    assert outcome.ended == frozenset()


def test_unstay_restores_exactly_what_has_not_ended_otherwise() -> None:
    stayed = make_item(STATE.COMPLIED, {IN: Standing.SUSPENDED, PK: Cause.ERROR, XX: Cause.QUASHED}, stayed=True)

    outcome = unstay(stayed)

    assert isinstance(outcome, Changed)
    assert outcome.after == make_item(STATE.COMPLIED, {IN: Standing.LIVE, PK: Cause.ERROR, XX: Cause.QUASHED})


@pytest.mark.parametrize("state", [STATE.UNDECIDED, STATE.REFUSED, STATE.NOT_LOCATED, STATE.RELEASED])
def test_what_is_complied_with_while_stayed_is_suspended_from_the_start(state: ItemState) -> None:
    outcome = comply(replace(ITEMS[state], stayed=True), [IN])

    assert isinstance(outcome, Changed)
    assert (outcome.after.state, outcome.after.live, outcome.after.applied) == (STATE.COMPLIED, frozenset(), (IN,))


def test_an_item_is_stayed_once_and_unstayed_only_when_it_is() -> None:
    stayed = replace(ITEMS[STATE.COMPLIED], stayed=True)

    outcomes = [stay(stayed), unstay(ITEMS[STATE.COMPLIED])]

    assert [type(outcome) for outcome in outcomes] == [NotAllowed, NotAllowed]


def test_a_suspended_claim_can_be_released_and_ends_there() -> None:
    stayed = make_item(STATE.COMPLIED, {IN: Standing.SUSPENDED}, stayed=True)

    outcome = release(stayed, [IN], Cause.ERROR)

    assert isinstance(outcome, Changed)
    assert (outcome.after.state, outcome.after.stayed, outcome.ended) == (STATE.RELEASED, True, frozenset({IN}))


def test_what_has_ended_is_not_stayed_any_more() -> None:
    outcome = end(make_item(STATE.COMPLIED, {IN: Standing.SUSPENDED}, stayed=True), Cause.QUASHED)

    assert isinstance(outcome, Changed)
    assert (outcome.after.stayed, outcome.ended) == (False, frozenset({IN}))


def test_an_unblock_that_is_carried_out_claims_nothing() -> None:
    outcome = carry_out(ITEMS[STATE.REFUSED])

    assert isinstance(outcome, Changed)
    assert outcome.after == make_item(STATE.COMPLIED)
    assert carry_out(outcome.after) == Unchanged(outcome.after)


@pytest.mark.parametrize("state", [STATE.ENDED, STATE.WITHDRAWN])
def test_an_unblock_that_has_ended_is_not_carried_out(state: ItemState) -> None:
    assert isinstance(carry_out(ITEMS[state]), NotAllowed)


def test_what_the_authority_lifts_in_part_stays_complied_with_in_the_rest_and_is_never_claimed_again() -> None:
    outcome = lift(make_item(STATE.COMPLIED, live(IN, PK)), [PK])

    assert isinstance(outcome, Changed)
    assert outcome.after == make_item(STATE.COMPLIED, {IN: Standing.LIVE, PK: Cause.RESCINDED})
    assert isinstance(comply(outcome.after, [PK]), NotAllowed)


@pytest.mark.parametrize(("lifted", "asked"), [(IN, PB), (PB, IN)])
def test_neither_a_part_of_what_was_lifted_nor_what_it_is_a_part_of_is_claimed_again(
    lifted: Jurisdiction, asked: Jurisdiction
) -> None:
    item = make_item(STATE.COMPLIED, {lifted: Cause.RESCINDED, PK: Standing.LIVE})

    outcome = comply(item, [asked])

    assert isinstance(outcome, NotAllowed)
    assert outcome.obstacle is Obstacle.ENDED_FINALLY


def test_the_lifting_of_the_last_claim_ends_the_item() -> None:
    outcome = lift(make_item(STATE.COMPLIED, {IN: Standing.LIVE, PK: Cause.ERROR}), [IN])

    assert isinstance(outcome, Changed)
    assert (outcome.after.state, outcome.after.cause) == (STATE.ENDED, Cause.RESCINDED)
    assert outcome.after.claims == {IN: Cause.RESCINDED, PK: Cause.ERROR}


def test_a_part_of_a_wider_key_cannot_be_lifted() -> None:
    outcome = lift(make_item(STATE.COMPLIED, live(IN)), [PB])

    assert isinstance(outcome, NotAllowed)
    assert outcome.obstacle is Obstacle.PART_OF_WIDER


def test_what_was_confirmed_does_not_lapse() -> None:
    confirmed = confirm(ITEMS[STATE.COMPLIED])
    assert isinstance(confirmed, Changed)

    kept, lapsed = lapse(confirmed.after), lapse(ITEMS[STATE.COMPLIED])

    assert kept == Unchanged(confirmed.after)
    assert isinstance(lapsed, Changed)
    assert (lapsed.after.state, lapsed.after.cause) == (STATE.ENDED, Cause.INTERIM_LAPSED)


def test_a_confirmation_may_be_repeated() -> None:
    confirmed = replace(ITEMS[STATE.UNDECIDED], confirmed=True)

    assert confirm(confirmed) == Unchanged(confirmed)
