from typing import Any

import pytest

from services.notifier.domain.clocks import ClockState
from services.notifier.domain.compliance import (
    CAUSES,
    FINAL_CAUSES,
    FINAL_STATUSES,
    Compliance,
    Effect,
    ItemCounts,
    Standing,
    compliance,
)
from tests.unit.notifier.builders import after
from tests.unit.notifier.builders import counts as event_counts

ALL_DONE = {"complied": 2}
EFFECT = Effect(enforced=2, met=2)


def counts(*, released: dict[str, int] | None = None, **states: int) -> ItemCounts:
    told = event_counts(released=released, **states)
    return ItemCounts(**{name: getattr(told, name) for name in ItemCounts.__slots__})


def standing(**other: Any) -> Standing:
    values: dict[str, Any] = {
        "status": "in_force",
        "counts": counts(complied=2),
        "effect": EFFECT,
        "non_compliance_noticed": False,
        "clocks": (),
    }
    return Standing(**(values | other))


EVERYTHING_WRONG = {
    "counts": counts(complied=2, refused=1, undecided=1),
    "effect": Effect(unilateral=1),
    "non_compliance_noticed": True,
    "clocks": (ClockState.BREACHED,),
}


@pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
def test_a_directive_that_has_ended_is_closed_whatever_else_there_is(status: str) -> None:
    assert compliance(standing(status=status, **EVERYTHING_WRONG)) is Compliance.CLOSED


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(EVERYTHING_WRONG, Compliance.NON_COMPLIANT, id="non-compliance goes before all that is open"),
        pytest.param({"effect": Effect(enforced=2, met=2, unilateral=1)}, Compliance.NON_COMPLIANT, id="unilateral release"),
        pytest.param(
            {"non_compliance_noticed": True, "effect": Effect(enforced=2, met=1)},
            Compliance.NON_COMPLIANT,
            id="a notice stands while an item is complied with in part of its scope",
        ),
        pytest.param({"non_compliance_noticed": True}, Compliance.COMPLIED, id="a notice that full compliance has met"),
        pytest.param(
            {"non_compliance_noticed": True, "counts": counts(complied=2, withdrawn=1, released={"expired": 3})},
            Compliance.COMPLIED,
            id="a notice that was met or ended finally, item by item",
        ),
        pytest.param(
            {"non_compliance_noticed": True, "counts": counts(complied=2, released={"error": 1})},
            Compliance.NON_COMPLIANT,
            id="a release that is not final leaves an item unmet",
        ),
        pytest.param(
            {"clocks": (ClockState.MET, ClockState.BREACHED), "counts": counts(complied=2, undecided=1)},
            Compliance.OVERDUE,
            id="a breached clock goes before pending",
        ),
        pytest.param({"clocks": (ClockState.MET_LATE, ClockState.RUNNING)}, Compliance.COMPLIED, id="met late is not overdue"),
        pytest.param({"counts": counts(complied=2, undecided=1, refused=1)}, Compliance.PENDING, id="undecided items"),
        pytest.param({"effect": Effect(enforced=1, met=1)}, Compliance.PENDING, id="a version that is not applied"),
        pytest.param({"effect": Effect(enforced=2, met=2, releasing=1)}, Compliance.PENDING, id="a release that is not applied"),
        pytest.param({"counts": counts(complied=2, refused=1)}, Compliance.PARTIAL, id="refused items"),
        pytest.param({"counts": counts(complied=2, not_located=1)}, Compliance.PARTIAL, id="items that were not located"),
        pytest.param({}, Compliance.COMPLIED, id="everything done"),
    ],
)
def test_the_first_status_that_fits(facts: dict[str, Any], expected: Compliance) -> None:
    assert compliance(standing(**facts)) is expected


def test_only_final_causes_end_an_item() -> None:
    every_cause = dict.fromkeys(CAUSES, 1)

    assert counts(released=every_cause, withdrawn=2).ended_finally == len(FINAL_CAUSES) + 2


@pytest.mark.parametrize(
    ("facts", "unmet"),
    [
        ({"counts": counts(complied=2, refused=3, undecided=1, withdrawn=1)}, 4),
        ({"effect": Effect(enforced=2, met=0)}, 2),
        ({"status": "rescinded", "effect": Effect()}, 0),
        ({"status": "awaiting_clarification", "effect": Effect()}, 0),
        ({"status": "stayed", "effect": Effect()}, 0),
        ({"effect": Effect(met=5)}, 0),
    ],
)
def test_what_is_unmet_is_what_is_neither_met_nor_ended(facts: dict[str, Any], unmet: int) -> None:
    assert standing(**facts).unmet == unmet


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        pytest.param({"effect": Effect(enforced=2, decided_at=after(1), applied_at=after(2))}, 2, id="applied last"),
        pytest.param({"effect": Effect(enforced=2, decided_at=after(3), applied_at=after(2))}, 3, id="decided last"),
        pytest.param({"counts": counts(refused=2), "effect": Effect(decided_at=after(4))}, 4, id="nothing had to be applied"),
        pytest.param({"effect": Effect(enforced=1, decided_at=after(1))}, None, id="one is not applied"),
        pytest.param({"counts": counts(complied=2, undecided=1)}, None, id="one is not decided"),
        pytest.param({"counts": counts(), "effect": Effect()}, None, id="nothing is known of its items"),
    ],
)
def test_a_directive_is_settled_when_its_last_item_is_decided_and_applied(facts: dict[str, Any], seconds: int | None) -> None:
    assert standing(**facts).settled_at == (None if seconds is None else after(seconds))
