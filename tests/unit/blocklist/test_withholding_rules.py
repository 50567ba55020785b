from dataclasses import replace
from datetime import timedelta

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Changed, ItemState, Standing
from services.blocklist.domain.withholding import (
    ClaimChanges,
    Emitted,
    Kept,
    Terms,
    WithholdingState,
    claim_changes,
    settle,
    settle_all,
)
from shared.ids import Key
from tests.support.builders import IN, NOON, PK, directive_id, live, make_item, make_withholding, target

KEY = Key(IN, target())
ONE, TWO = directive_id(1), directive_id(2)
DUE = NOON + timedelta(hours=36)
BLOCK = Terms(at=NOON, cause=None, due_at=DUE, label="legal_demand")
LIFT = Terms(at=NOON, cause=Cause.APPEAL, due_at=None, label="")


def test_the_first_claim_makes_version_one() -> None:
    outcome = settle(KEY, None, ClaimChanges(made={ONE}), BLOCK)

    assert isinstance(outcome, Emitted)
    assert (outcome.before, outcome.after.version, outcome.after.state) == (None, 1, WithholdingState.WITHHELD)
    assert (outcome.after.directives, outcome.after.due_at, outcome.after.label) == ((ONE,), DUE, "legal_demand")
    assert outcome.after.cause is None


def test_a_second_claim_is_kept_and_makes_no_version() -> None:
    before = make_withholding(KEY, ONE)

    outcome = settle(KEY, before, ClaimChanges(made={TWO}), BLOCK)

    assert isinstance(outcome, Kept)
    assert (outcome.after.version, outcome.after.claimants, outcome.after.directives) == (1, frozenset({ONE, TWO}), (ONE,))


def test_the_first_of_two_claims_to_go_makes_no_version() -> None:
    outcome = settle(KEY, make_withholding(KEY, ONE, TWO), ClaimChanges(ended={ONE}), LIFT)

    assert isinstance(outcome, Kept)
    assert outcome.after.claimants == {TWO}


def test_the_last_claim_to_go_releases_with_its_cause() -> None:
    before = make_withholding(KEY, TWO, version=3)

    outcome = settle(KEY, before, ClaimChanges(ended={TWO}), LIFT)

    assert isinstance(outcome, Emitted)
    assert (outcome.before, outcome.after.version, outcome.after.state) == (before, 4, WithholdingState.RELEASED)
    assert (outcome.after.cause, outcome.after.directives, outcome.after.claimants) == (Cause.APPEAL, (TWO,), frozenset())


def test_a_release_keeps_the_label_of_what_it_releases() -> None:
    outcome = settle(KEY, make_withholding(KEY, ONE), ClaimChanges(ended={ONE}), LIFT)

    assert (outcome.after.label, outcome.after.due_at) == ("legal_demand", None)


def test_a_block_after_a_release_is_the_next_version_on_its_own_terms() -> None:
    before = make_withholding(KEY, version=2)

    outcome = settle(KEY, before, ClaimChanges(made={TWO}), Terms(at=DUE, cause=None, due_at=None, label="local_law"))

    assert (outcome.after.version, outcome.after.effective_at, outcome.after.label) == (3, DUE, "local_law")


def test_a_claim_that_moves_between_directives_in_one_transaction_does_not_flicker() -> None:
    outcome = settle(KEY, make_withholding(KEY, ONE), ClaimChanges(made={TWO}, ended={ONE}), LIFT)

    assert isinstance(outcome, Kept)
    assert outcome.after.claimants == {TWO}


def test_claims_that_two_directives_end_together_are_both_named() -> None:
    outcome = settle(KEY, make_withholding(KEY, ONE, TWO), ClaimChanges(ended={TWO, ONE}), LIFT)

    assert outcome.after.directives == (ONE, TWO)


def test_claim_changes_are_collected_per_key_over_directives() -> None:
    empty, full = make_item(), make_item(ItemState.COMPLIED, live(IN, PK))

    found = claim_changes([(ONE, Changed(empty, full)), (TWO, Changed(full, empty)), (TWO, Changed(full, full))])

    assert found == {Key(place, target()): ClaimChanges(made={ONE}, ended={TWO}) for place in (IN, PK)}


def test_every_key_is_settled_in_key_order() -> None:
    keys = [Key(PK, target("a")), Key(IN, target("b")), Key(IN, target("a"))]
    before = {keys[0]: make_withholding(keys[0], ONE)}

    settled = settle_all({key: ClaimChanges(made={TWO}) for key in keys}, before, BLOCK)

    assert [outcome.after.key for outcome in settled] == sorted(keys)
    assert [type(outcome) for outcome in settled] == [Emitted, Emitted, Kept]


def test_a_suspended_claim_that_ends_is_told_with_nothing_made_or_ended() -> None:
    stayed, ended = make_item(ItemState.COMPLIED, {IN: Standing.SUSPENDED}), make_item(ItemState.ENDED, {IN: Cause.QUASHED})

    assert claim_changes([(ONE, Changed(stayed, ended))]) == {KEY: ClaimChanges()}


def test_a_key_that_nobody_has_ever_withheld_gets_no_version_from_a_suspended_claim() -> None:
    assert settle_all({KEY: ClaimChanges()}, {}, LIFT) == []


def test_a_key_whose_suspended_claim_ends_is_kept_as_it_was() -> None:
    before = make_withholding(KEY, TWO)

    assert settle_all({KEY: ClaimChanges()}, {KEY: before}, LIFT) == [Kept(before)]


def test_a_stay_releases_with_its_own_cause_and_its_end_is_the_next_version() -> None:
    stayed = settle(KEY, make_withholding(KEY, ONE), ClaimChanges(ended={ONE}), replace(LIFT, cause=Cause.STAYED)).after

    restored = settle(KEY, stayed, ClaimChanges(made={ONE}), BLOCK).after

    assert (stayed.state, stayed.cause, stayed.version) == (WithholdingState.RELEASED, Cause.STAYED, 2)
    assert (restored.state, restored.cause, restored.version) == (WithholdingState.WITHHELD, None, 3)
