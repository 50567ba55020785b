"""The questions asked of the registry: in force, due when, reached by whom, threatened with what."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.ids import Jurisdiction
from shared.registry import (
    Authority,
    Duty,
    DutyKind,
    Penalty,
    Registry,
    Trigger,
    deadline,
    exposure_text,
    load_registry,
)

ISSUED = datetime(2021, 1, 31, 6, 0, tzinfo=UTC)
RECEIVED = datetime(2021, 1, 31, 7, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return load_registry()


def make_penalty(
    *, years: int | None = None, percent: int | None = None, fine: str | None = None, verified: bool = True
) -> Penalty:
    return Penalty(
        imprisonment_years_max=years,
        turnover_percent_max=percent,
        fine=fine,
        at_risk=("the provider",),
        provision="s.9",
        verified=verified,
        source="An Act",
    )


def make_authority(jurisdiction: str, *, worldwide: bool = False) -> Authority:
    return Authority(id="xa", name="A", jurisdiction=jurisdiction, legal_bases=(), worldwide=worldwide)  # type: ignore[arg-type]


def test_the_registry_cannot_be_changed_once_it_is_loaded(shipped: Registry) -> None:
    with pytest.raises(TypeError):
        shipped.legal_bases["eu-tco"] = shipped.legal_bases["eu-dsa-art9"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("day", "in_force"),
    [(date(2019, 12, 31), False), (date(2020, 1, 1), True), (date(2020, 12, 31), True), (date(2021, 1, 1), False)],
)
def test_a_legal_basis_is_in_force_from_its_first_day_to_its_last(shipped: Registry, day: date, in_force: bool) -> None:
    basis = replace(shipped.legal_bases["eu-tco"].latest, in_force_from=date(2020, 1, 1), in_force_to=date(2020, 12, 31))

    assert basis.in_force_on(day) is in_force


def test_a_legal_basis_without_an_end_stays_in_force(shipped: Registry) -> None:
    assert shipped.legal_bases["in-it-act-69a"].latest.in_force_on(date(2100, 1, 1))


@pytest.mark.parametrize(
    ("basis", "kind", "due"),
    [
        pytest.param("in-it-act-69a", DutyKind.ACK, None, id="not verified, and so no default"),
        ("in-it-act-69a", DutyKind.RESTRICT, None),
        ("in-it-act-69a", DutyKind.RETAIN, None),
        ("in-it-act-69a-emergency", DutyKind.LAPSE, datetime(2021, 2, 2, 6, 0, tzinfo=UTC)),
        ("eu-tco", DutyKind.RESTRICT, datetime(2021, 1, 31, 8, 10, tzinfo=UTC)),
        ("eu-dsa-art9", DutyKind.REPLY, None),
    ],
)
def test_a_deadline_counts_from_receipt_or_issue_and_is_none_where_the_order_sets_it(
    shipped: Registry, basis: str, kind: DutyKind, due: datetime | None
) -> None:
    assert deadline(shipped.legal_bases[basis].latest, kind, issued_at=ISSUED, received_at=RECEIVED) == due


def test_a_clock_that_a_later_notice_starts_has_no_deadline_yet() -> None:
    duty = Duty(duty=DutyKind.REPLY, trigger=Trigger.NOTICE, duration=timedelta(hours=1), verified=True, source="An Act")

    assert duty.started(issued_at=ISSUED, received_at=RECEIVED) is None


@pytest.mark.parametrize(
    ("authority", "jurisdiction", "reached"),
    [
        ("in-meity", "IN", True),
        ("in-meity", "IN-PB", True),
        ("in-meity", "PK", False),
        ("in-meity", "XX", False),
        ("eu-tco-authority", "DE", True),
        ("eu-tco-authority", "DE-BY", True),
        ("eu-tco-authority", "NO", False),
        ("eu-tco-authority", "XX", False),
        ("de-bka", "DE-BY", True),
        ("de-bka", "FR", False),
        ("br-tse", "BR", True),
    ],
)
def test_an_authority_reaches_its_own_jurisdiction_and_no_other(
    shipped: Registry, authority: str, jurisdiction: str, reached: bool
) -> None:
    assert shipped.authorities[authority].reaches(Jurisdiction(jurisdiction)) is reached


@pytest.mark.parametrize(("jurisdiction", "reached"), [("IN-PB", True), ("IN", False), ("IN-KA", False)])
def test_an_authority_of_a_part_does_not_reach_the_whole(jurisdiction: str, reached: bool) -> None:
    assert make_authority("IN-PB").reaches(Jurisdiction(jurisdiction)) is reached


@pytest.mark.parametrize(("jurisdiction", "reached"), [("XX", True), ("IN", True), ("PK", False)])
def test_the_permission_to_order_worldwide_is_for_the_worldwide_order_alone(jurisdiction: str, reached: bool) -> None:
    assert make_authority("IN", worldwide=True).reaches(Jurisdiction(jurisdiction)) is reached


@pytest.mark.parametrize(
    ("penalty", "text"),
    [
        (make_penalty(years=7, fine="fine"), "imprisonment up to 7 years and fine"),
        (make_penalty(years=1), "imprisonment up to 1 year"),
        (make_penalty(percent=4, fine="costs"), "fine up to 4 % of turnover and costs"),
        (make_penalty(fine="fine", verified=False), "fine (unverified)"),
    ],
)
def test_exposure_is_said_in_words_and_says_when_it_is_not_verified(penalty: Penalty, text: str) -> None:
    assert exposure_text(penalty) == text
