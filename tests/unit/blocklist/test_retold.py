"""What a database that came from a backup makes of what was published after it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Claim, Item, ItemState, Standing
from services.blocklist.domain.retold import SLACK, Act, Judged, ToldItem, Witness, claimed, judge, lifted, retold, settled
from services.blocklist.domain.withholding import Emitted, Kept, Terms, Withholding, WithholdingState
from shared.ids import DirectiveId, Jurisdiction, Key
from tests.support.builders import IN, NOON, PK, directive_id, live, make_item, target

KEY = Key(IN, target())
A, B, C = (directive_id(number) for number in (1, 2, 3))
SOON = NOON + SLACK / 2
LATER = NOON + 2 * SLACK


def told(
    word: str,
    *applied: Jurisdiction,
    cause: Cause | None = None,
    unilateral: bool = False,
    ground: str | None = None,
    suspended: bool = False,
) -> ToldItem:
    return ToldItem(
        target=target(), word=word, applied=applied, cause=cause, unilateral=unilateral, ground=ground, suspended=suspended
    )


COMPLIED = make_item(ItemState.COMPLIED, live(IN, PK))
STAYED = make_item(ItemState.COMPLIED, {IN: Standing.SUSPENDED}, stayed=True)


@pytest.mark.parametrize(
    ("before", "event", "act", "after"),
    [
        pytest.param(make_item(), told("complied", IN), Act(), make_item(ItemState.COMPLIED, live(IN)), id="a decision"),
        pytest.param(
            make_item(),
            told("refused", ground="news_media"),
            Act(),
            make_item(ItemState.REFUSED, ground="news_media"),
            id="a refusal",
        ),
        pytest.param(
            COMPLIED,
            told("complied", PK),
            Act(cause=Cause.PLATFORM_DECISION),
            make_item(ItemState.COMPLIED, {IN: Cause.PLATFORM_DECISION, PK: Standing.LIVE}),
            id="a release in one of two places, for the cause of the event before",
        ),
        pytest.param(
            COMPLIED,
            told("complied", PK),
            Act(),
            make_item(ItemState.COMPLIED, {IN: Cause.ERROR, PK: Standing.LIVE}),
            id="a release in one of two places of which nobody tells why",
        ),
        pytest.param(
            COMPLIED,
            told("released", cause=Cause.ERROR),
            Act(cause=Cause.ERROR),
            make_item(ItemState.RELEASED, {IN: Cause.ERROR, PK: Cause.ERROR}, cause=Cause.ERROR),
            id="a release that may be decided again",
        ),
        pytest.param(
            COMPLIED,
            told("released", cause=Cause.RESCINDED),
            Act(cause=Cause.RESCINDED),
            make_item(ItemState.ENDED, {IN: Cause.RESCINDED, PK: Cause.RESCINDED}, cause=Cause.RESCINDED),
            id="a rescission is final",
        ),
        pytest.param(
            make_item(),
            told("released", cause=Cause.QUASHED),
            Act(cause=Cause.QUASHED),
            make_item(ItemState.ENDED, {IN: Cause.QUASHED, PK: Cause.QUASHED}, cause=Cause.QUASHED),
            id="an end of claims of which nothing was told bars all that was asked",
        ),
        pytest.param(
            make_item(),
            told("complied", PK, unilateral=True),
            Act(),
            make_item(ItemState.COMPLIED, {IN: Cause.PLATFORM_DECISION, PK: Standing.LIVE}),
            id="a unilateral release of which only the fact is told",
        ),
        pytest.param(make_item(), told("withdrawn"), Act(), make_item(ItemState.WITHDRAWN), id="what ended without a claim"),
        pytest.param(
            make_item(ItemState.COMPLIED, live(IN)),
            told("complied", IN, suspended=True),
            Act(stays=True),
            STAYED,
            id="a stay",
        ),
        pytest.param(
            STAYED, told("complied", IN), Act(stays=False), make_item(ItemState.COMPLIED, live(IN)), id="the end of a stay"
        ),
        pytest.param(
            make_item(), told("undecided"), Act(stays=True), make_item(stayed=True), id="a stay of what claims nothing yet"
        ),
        pytest.param(
            make_item(stayed=True),
            told("refused", ground="other"),
            Act(),
            make_item(ItemState.REFUSED, ground="other", stayed=True),
            id="a decision meanwhile leaves the stay",
        ),
        pytest.param(
            STAYED,
            told("released", cause=Cause.QUASHED),
            Act(cause=Cause.QUASHED),
            make_item(ItemState.ENDED, {IN: Cause.QUASHED}, cause=Cause.QUASHED),
            id="an end ends the stay, too",
        ),
    ],
)
def test_an_item_becomes_what_is_told_of_it(before: Item, event: ToldItem, act: Act, after: Item) -> None:
    assert retold(before, event, act, (IN, PK)) == after


def version(state: str, *named: DirectiveId, cause: Cause | None = None, at: datetime = NOON) -> Withholding:
    return Withholding(
        key=KEY,
        version=3,
        state=WithholdingState(state),
        cause=cause,
        claimants=frozenset(),
        directives=named,
        effective_at=at,
        due_at=None,
        label="legal_demand",
    )


def witness(claim: Claim | None, since: datetime = NOON, state: ItemState = ItemState.COMPLIED) -> Witness:
    return Witness(make_item(state, {IN: claim} if claim else {}), since)


EARLIER = NOON - timedelta(hours=1)
MUCH_LATER = NOON + timedelta(hours=1)


def test_a_key_that_nobody_published_is_held_by_its_items() -> None:
    assert judge(KEY, None, {A: witness(Standing.LIVE), B: witness(None)}) == Judged(frozenset({A}))


@pytest.mark.fault(46)
@pytest.mark.parametrize("since", [EARLIER, NOON, SOON])
def test_a_lifting_that_was_published_is_not_undone_by_an_item_that_did_not_hear_of_it(since: datetime) -> None:
    judged = judge(KEY, version("released", A, cause=Cause.RESCINDED), {A: witness(Standing.LIVE, since)})

    assert judged == Judged(frozenset(), ends=frozenset({A}), cause=Cause.RESCINDED)


def test_a_claim_that_is_surely_newer_than_the_lifting_stands() -> None:
    released = version("released", A, cause=Cause.ERROR)

    judged = judge(KEY, released, {A: witness(Standing.LIVE, MUCH_LATER), B: witness(Standing.LIVE, EARLIER)})

    assert judged == Judged(frozenset({A}), ends=frozenset({B}), cause=Cause.ERROR)


def test_a_block_whose_claimants_agree_changes_nothing() -> None:
    assert judge(KEY, version("withheld", A), {A: witness(Standing.LIVE)}) == Judged(frozenset({A}))


@pytest.mark.parametrize(
    ("known", "lifted_at_once"),
    [
        pytest.param(witness(Cause.RESCINDED, MUCH_LATER), True, id="ended later"),
        pytest.param(witness(Cause.RESCINDED, NOON - SLACK / 2), True, id="ended at about the same time"),
        pytest.param(witness(Cause.ERROR, EARLIER), False, id="ended long before: the block is another claim"),
        pytest.param(witness(Standing.SUSPENDED, MUCH_LATER), True, id="stayed later"),
        pytest.param(witness(None, MUCH_LATER, ItemState.UNDECIDED), False, id="never decided, as far as the item knows"),
        pytest.param(witness(None, MUCH_LATER, ItemState.REFUSED), True, id="refused later"),
        pytest.param(witness(None, EARLIER, ItemState.REFUSED), False, id="refused before"),
        pytest.param(witness(None, EARLIER, ItemState.WITHDRAWN), True, id="withdrawn: never to be claimed again"),
        pytest.param(witness(Cause.QUASHED, EARLIER, ItemState.ENDED), True, id="ended finally"),
    ],
)
@pytest.mark.fault(46)
def test_a_block_stands_while_nothing_tells_of_its_end(known: Witness, lifted_at_once: bool) -> None:
    judged = judge(KEY, version("withheld", A), {A: known})

    assert (not judged.claimants) is lifted_at_once
    assert judged.claims == judged.claimants


def test_a_block_of_a_directive_that_nobody_knows_stands() -> None:
    assert judge(KEY, version("withheld", A), {}) == Judged(frozenset({A}), claims=frozenset({A}))


def test_the_cause_of_a_lifting_is_that_of_the_claim_that_went_last() -> None:
    gone = {A: witness(Cause.ERROR, MUCH_LATER), B: witness(Cause.RESCINDED, MUCH_LATER + timedelta(1)), C: witness(None)}

    assert judge(KEY, version("withheld", A, B), gone).cause is Cause.RESCINDED
    assert judge(KEY, version("withheld", A), {A: witness(Standing.SUSPENDED, MUCH_LATER)}).cause is Cause.STAYED


def test_an_item_takes_the_claim_that_its_key_tells_of() -> None:
    assert claimed(make_item(ItemState.REFUSED, ground="other"), IN) == make_item(ItemState.COMPLIED, live(IN))


@pytest.mark.parametrize(
    ("item", "cause", "after"),
    [
        (make_item(ItemState.COMPLIED, live(IN)), Cause.STAYED, STAYED),
        (COMPLIED, Cause.ERROR, make_item(ItemState.COMPLIED, {IN: Cause.ERROR, PK: Standing.LIVE})),
        (
            make_item(ItemState.COMPLIED, live(IN)),
            Cause.APPEAL,
            make_item(ItemState.RELEASED, {IN: Cause.APPEAL}, cause=Cause.APPEAL),
        ),
        (
            make_item(ItemState.COMPLIED, live(IN)),
            Cause.EXPIRED,
            make_item(ItemState.ENDED, {IN: Cause.EXPIRED}, cause=Cause.EXPIRED),
        ),
    ],
)
def test_an_item_loses_the_claim_whose_end_its_key_tells_of(item: Item, cause: Cause, after: Item) -> None:
    assert lifted(item, IN, cause) == after


TERMS = Terms(at=LATER, cause=Cause.RESCINDED, due_at=None, label="legal_demand")


def test_a_key_that_nobody_ever_held_stays_unheard_of() -> None:
    assert settled(KEY, None, Judged(frozenset()), TERMS) is None


def test_a_key_whose_state_is_right_keeps_its_version() -> None:
    known = version("withheld", A)

    assert settled(KEY, known, Judged(frozenset({B})), TERMS) == Kept(replace(known, claimants=frozenset({B})))


@pytest.mark.parametrize("known", [None, version("released", A, cause=Cause.ERROR)])
def test_a_key_that_should_be_withheld_gets_the_next_version(known: Withholding | None) -> None:
    outcome = settled(KEY, known, Judged(frozenset({B})), TERMS)

    assert isinstance(outcome, Emitted)
    assert (outcome.after.version, outcome.after.state, outcome.after.directives) == (4 if known else 1, "withheld", (B,))
    assert (outcome.after.claimants, outcome.after.effective_at) == (frozenset({B}), LATER)


def test_a_key_that_should_be_released_gets_the_next_version_with_those_who_held_it() -> None:
    outcome = settled(KEY, version("withheld", A, B), Judged(frozenset()), TERMS)

    assert isinstance(outcome, Emitted)
    assert (outcome.after.version, outcome.after.state, outcome.after.cause) == (4, "released", Cause.RESCINDED)
    assert outcome.after.directives == (A, B)


def test_a_key_of_which_the_topic_tells_otherwise_is_told_anew_as_it_is() -> None:
    known = version("released", A, cause=Cause.ERROR)

    outcome = settled(KEY, known, Judged(frozenset()), TERMS, restate=True)

    assert isinstance(outcome, Emitted)
    assert outcome.after == replace(known, version=4, effective_at=LATER)
    changed = settled(KEY, known, Judged(frozenset({A})), TERMS, restate=True)
    assert isinstance(changed, Emitted)
    assert changed.after.version == 4, "a change is told once"
