"""What follows from the items of a directive and the keys that they claim; the same that is counted where the rows are."""

from datetime import datetime
from typing import Any

import pytest

from services.notifier.domain.case import Directive, Item
from services.notifier.domain.compliance import Effect, ItemCounts
from services.notifier.domain.effect import Version, WithholdingState
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.domain.traces import Answer, Trace, effect_of
from shared.ids import Jurisdiction, Key, PointId, Target
from tests.unit.notifier.builders import AT, DIRECTIVE, OTHER_DIRECTIVE, after, key

IN, DE = Jurisdiction("IN"), Jurisdiction("DE")
APPLIED, PENDING, OVERDUE = EnforcementState.APPLIED, EnforcementState.PENDING, EnforcementState.OVERDUE


def directive(*places: str) -> Directive:
    return Directive(
        id=DIRECTIVE,
        revision=1,
        jurisdictions=tuple(map(Jurisdiction, places or ("IN",))),
        legal_basis="in-it-act-69a",
        status="in_force",
        issued_at=AT,
        received_at=AT,
        due_at=None,
        counts=ItemCounts(total=1, undecided=0, complied=1, refused=0, not_located=0, withdrawn=0, released={}),
    )


def told(decision: str = "complied", *places: str, **other: Any) -> Item:
    values: dict[str, Any] = {
        "directive": DIRECTIVE,
        "target": Target("account:a"),
        "decision": decision,
        "jurisdictions": tuple(map(Jurisdiction, places)),
        "cause": None,
        "unilateral": False,
        "revision": 2,
        "changed_at": AT,
    }
    return Item(**values | other)


def traced(
    *answers: tuple[EnforcementState, datetime | None], place: str = "IN", released: bool = False, by: Any = DIRECTIVE
) -> dict[Key, Trace]:
    version = Version(
        key=key(jurisdiction=place),
        number=1,
        state=WithholdingState.RELEASED if released else WithholdingState.WITHHELD,
        cause=None,
        directives=(by,),
        effective_at=AT,
        due_at=None,
        label="legal_demand",
    )
    points = tuple(
        Answer(point=PointId(f"p{number}"), state=state, applied_at=at, due_at=None) for number, (state, at) in enumerate(answers)
    )
    return {version.key: Trace(version=version, answers=points)}


@pytest.mark.parametrize(
    ("item", "traces", "expected"),
    [
        pytest.param(
            told("complied", "IN"),
            traced((APPLIED, after(1)), (APPLIED, after(2))),
            Effect(enforced=1, met=1, decided_at=AT, applied_at=after(2)),
            id="applied at every point",
        ),
        pytest.param(
            told("complied", "IN"),
            traced((APPLIED, after(1)), (OVERDUE, None)),
            Effect(overdue=1, decided_at=AT, applied_at=after(1)),
            id="owed by one point",
        ),
        pytest.param(told("complied", "IN"), traced(), Effect(uncovered=1, decided_at=AT), id="no point has to apply it"),
        pytest.param(told("complied", "IN"), {}, Effect(decided_at=AT), id="no version has come"),
        pytest.param(told("complied"), {}, Effect(enforced=1, met=1, decided_at=AT), id="claims nothing"),
        pytest.param(
            told("complied", "IN", suspended=True),
            traced((PENDING, None), released=True, by=OTHER_DIRECTIVE),
            Effect(decided_at=AT),
            id="stayed, and a release on its target is not applied",
        ),
        pytest.param(
            told("complied", "IN", suspended=True),
            traced((PENDING, None), released=True, by=OTHER_DIRECTIVE, place="DE"),
            Effect(enforced=1, met=1, decided_at=AT),
            id="stayed, and a release is not applied where nothing was asked",
        ),
        pytest.param(
            told("complied", "IN"), traced((APPLIED, after(1)), released=True), Effect(decided_at=AT), id="released, applied"
        ),
        pytest.param(
            told("released", cause="platform_decision", unilateral=True),
            traced((PENDING, None), released=True),
            Effect(releasing=1, unilateral=1, unilateral_at=AT, decided_at=AT),
            id="a release that a point has not applied",
        ),
        pytest.param(
            told("refused"),
            traced((OVERDUE, None), released=True),
            Effect(releasing=1, overdue=1, decided_at=AT),
            id="late release",
        ),
        pytest.param(
            told("refused"), traced((PENDING, None), released=True, by=OTHER_DIRECTIVE), Effect(decided_at=AT), id="not its own"
        ),
        pytest.param(told("refused"), traced((PENDING, None)), Effect(decided_at=AT), id="withheld for another directive"),
    ],
)
def test_the_effect_of_one_item(item: Item, traces: dict[Key, Trace], expected: Effect) -> None:
    assert effect_of(directive(), [item], traces) == expected


def test_what_is_claimed_in_a_part_of_what_was_asked_is_enforced_and_not_met() -> None:
    found = effect_of(directive("IN", "DE"), [told("complied", "IN")], traced((APPLIED, AT)))

    assert (found.enforced, found.met) == (1, 0)


def test_a_directive_without_items_has_no_effect() -> None:
    assert effect_of(directive(), [], {}) == Effect()
