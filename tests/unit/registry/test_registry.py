"""What ships in the registry, and the questions asked of it: in force, due when, reached by whom, threatened with what."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.ids import Jurisdiction
from shared.registry import (
    Authority,
    Duty,
    DutyKind,
    Intake,
    Label,
    LegalBasis,
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


def clocks_of(basis: LegalBasis) -> list[tuple[str, str, timedelta | None, bool]]:
    return [(each.duty.value, each.trigger.value, each.duration, each.verified) for each in basis.duties]


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


def test_exactly_the_documented_legal_bases_ship(shipped: Registry) -> None:
    assert sorted(shipped.legal_bases) == ["eu-dsa-art9", "eu-tco", "in-it-act-69a", "in-it-act-69a-emergency"]
    assert all(basis.id == key for key, basis in shipped.legal_bases.items())


def test_exactly_the_documented_authorities_ship_and_none_may_order_worldwide(shipped: Registry) -> None:
    found = {key: (each.id, each.jurisdiction, each.legal_bases, each.worldwide) for key, each in shipped.authorities.items()}

    assert found == {
        "in-meity": ("in-meity", "IN", ("in-it-act-69a", "in-it-act-69a-emergency"), False),
        "eu-tco-authority": ("eu-tco-authority", "EU", ("eu-tco",), False),
        "de-bka": ("de-bka", "DE", ("eu-tco", "eu-dsa-art9"), False),
        "br-tse": ("br-tse", "BR", (), False),
    }


@pytest.mark.parametrize(
    ("basis", "jurisdiction", "since", "intake"),
    [
        ("in-it-act-69a", "IN", date(2009, 10, 27), Intake.DECIDE),
        ("in-it-act-69a-emergency", "IN", date(2009, 10, 27), Intake.COMPLY),
        ("eu-tco", "EU", date(2022, 6, 7), Intake.DECIDE),
        ("eu-dsa-art9", "EU", date(2024, 2, 17), Intake.DECIDE),
    ],
)
def test_a_shipped_legal_basis_says_where_since_when_and_how_its_directives_are_taken_in(
    shipped: Registry, basis: str, jurisdiction: str, since: date, intake: Intake
) -> None:
    found = shipped.legal_bases[basis].latest

    assert (found.jurisdiction, found.in_force_from, found.in_force_to) == (jurisdiction, since, None)
    assert (found.label, found.intake, found.verified) == (Label.LEGAL_DEMAND, intake, True)


def test_only_the_emergency_basis_is_interim_and_must_be_confirmed_within_48_hours(shipped: Registry) -> None:
    found = {key: (each.latest.interim, each.latest.confirm_within) for key, each in shipped.legal_bases.items()}

    assert found.pop("in-it-act-69a-emergency") == (True, timedelta(hours=48))
    assert set(found.values()) == {(False, None)}


def test_only_the_indian_directives_are_confidential_by_default(shipped: Registry) -> None:
    assert {key for key, each in shipped.legal_bases.items() if each.latest.confidential} == {
        "in-it-act-69a",
        "in-it-act-69a-emergency",
    }


@pytest.mark.parametrize(
    ("basis", "clocks"),
    [
        (
            "in-it-act-69a",
            [
                ("ack", "receipt", timedelta(hours=2), False),
                ("restrict", "receipt", None, True),
                ("reply", "receipt", timedelta(hours=48), False),
            ],
        ),
        (
            "in-it-act-69a-emergency",
            [
                ("ack", "receipt", timedelta(hours=2), False),
                ("restrict", "receipt", None, True),
                ("lapse", "issue", timedelta(hours=48), True),
            ],
        ),
        (
            "eu-tco",
            [
                ("restrict", "receipt", timedelta(hours=1), True),
                ("restrict", "clarification", timedelta(hours=1), True),
                ("reply", "receipt", None, True),
                ("inform_user", "receipt", None, False),
                ("retain", "receipt", timedelta(days=184), True),
            ],
        ),
        (
            "eu-dsa-art9",
            [
                ("restrict", "receipt", None, True),
                ("reply", "receipt", None, True),
                ("inform_user", "receipt", None, False),
            ],
        ),
    ],
)
def test_a_shipped_legal_basis_has_these_clocks_and_says_which_are_verified(
    shipped: Registry, basis: str, clocks: list[tuple[str, str, timedelta | None, bool]]
) -> None:
    duties = shipped.legal_bases[basis].latest.duties

    assert clocks_of(shipped.legal_bases[basis].latest) == clocks
    assert all(each.in_order == (each.duration is None) for each in duties)


@pytest.mark.parametrize(
    ("basis", "provision", "text"),
    [
        ("in-it-act-69a", "s.69A(3)", "imprisonment up to 7 years and fine, amount not stated in the section"),
        ("in-it-act-69a-emergency", "s.69A(3)", "imprisonment up to 7 years and fine, amount not stated in the section"),
        ("eu-tco", "Art. 18(3)", "fine up to 4 % of turnover (unverified)"),
        ("eu-dsa-art9", "Art. 52(3)", "fine up to 6 % of turnover (unverified)"),
    ],
)
def test_a_shipped_penalty_is_named_with_its_provision(shipped: Registry, basis: str, provision: str, text: str) -> None:
    (penalty,) = shipped.legal_bases[basis].latest.penalties

    assert (penalty.provision, exposure_text(penalty)) == (provision, text)


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
        ("in-it-act-69a", DutyKind.ACK, datetime(2021, 1, 31, 9, 10, tzinfo=UTC)),
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
