from datetime import timedelta

import pytest

from services.notifier.domain.case import Directive
from services.notifier.domain.compliance import ItemCounts
from services.notifier.domain.points import Point, matching
from shared.ids import Jurisdiction, PointId, TargetType
from tests.unit.notifier.builders import AT, DIRECTIVE, key


def point(*places: str, types: frozenset[TargetType] = frozenset(TargetType)) -> Point:
    return Point(
        id=PointId("search"),
        requested=places,
        jurisdictions=tuple(map(Jurisdiction, places)),
        target_types=types,
        ack_within=timedelta(seconds=60),
    )


@pytest.mark.parametrize(
    ("served", "place", "matches"),
    [
        ("IN", "IN", True),
        ("IN", "IN-PB", True),
        ("IN", "XX", True),
        ("IN-PB", "IN", True),
        ("XX", "IN-PB", True),
        ("IN", "DE", False),
        ("IN-PB", "IN-KA", False),
    ],
)
def test_a_point_has_to_do_with_what_can_reach_those_it_serves(served: str, place: str, matches: bool) -> None:
    assert point(served).matches(key(jurisdiction=place)) is matches


def test_a_point_applies_its_target_types_alone() -> None:
    accounts = point("IN", types=frozenset({TargetType.ACCOUNT}))

    assert matching([accounts], key("account:a")) == [accounts]
    assert matching([accounts], key("hashtag:a")) == []


def test_the_scope_of_a_directive_leaves_out_what_lies_in_the_rest() -> None:
    places = tuple(map(Jurisdiction, ("IN", "IN-PB", "DE")))
    directive = Directive(
        id=DIRECTIVE,
        revision=1,
        jurisdictions=places,
        legal_basis="b",
        status="in_force",
        issued_at=AT,
        received_at=AT,
        due_at=None,
        counts=ItemCounts(total=0, undecided=0, complied=0, refused=0, not_located=0, withdrawn=0, released={}),
    )

    assert directive.scope == {"IN", "DE"}
