"""What ships: every legal basis and every authority, as a table. A mark of "?" says that the file calls it unverified."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from shared.registry import Duty, Intake, Label, LegalBasis, Registry, Trigger, exposure_text, load_registry

SHIPPED = load_registry()


class Row(NamedTuple):
    """One version of a legal basis: where, from when to when, whether verified, its clocks and what its penalties threaten."""

    id: str
    jurisdiction: str
    dates: str
    clocks: Sequence[str]
    penalties: Sequence[str] = ()


SEVEN_YEARS = "s.69A(3): imprisonment up to 7 years and fine, amount not stated in the section"
HARBOUR = "s.79(3)(b): loss of the safe harbour: the intermediary answers for the content itself"
NETZDG = "s.4: fine up to EUR 50,000,000"
INDONESIA = "MR5/2020 (request not complied with): administrative fine, amount not recorded and blocking of the platform"
PAKISTAN = "Rules 2021 (direction not complied with): fine up to PKR 500,000,000 and blocking of the platform"
BRAZIL = (
    "as the court orders: daily fine set by the court (in the case of X, 2024: BRL 50,000, then BRL 200,000) and frozen assets; "
    "suspension of the service, as on 30 August 2024"
)
TURKEY = "ban on advertising; bandwidth cut by 50 and then by 90 %"

ROWS = [
    Row(
        "au-osa-s109",
        "AU",
        "2022-01-23..",
        ["restrict 24h"],
        ["Part 9 (notice not complied with): civil penalty of up to 500 penalty units"],
    ),
    Row("br-marco-civil-19", "BR", "2014-06-23..2025-06-25", ["restrict in order"], [BRAZIL]),
    Row("br-marco-civil-19", "BR", "2025-06-26..", ["restrict in order"], [BRAZIL]),
    Row("br-marco-civil-21", "BR", "2014-06-23..2025-06-25", ["restrict in order"]),
    Row("br-marco-civil-21", "BR", "2025-06-26..", ["restrict in order"]),
    Row("br-tse-election", "BR", "2022-10-20.. ?", ["restrict 2h ?"], [BRAZIL + " (unverified)"]),
    Row("de-netzdg", "DE", "2017-10-01..2024-05-13", ["restrict 168h"], [NETZDG]),
    Row("de-netzdg-manifest", "DE", "2017-10-01..2024-05-13", ["restrict 24h"], [NETZDG]),
    Row(
        "eu-dsa-art9",
        "EU",
        "2024-02-17..",
        ["restrict in order", "reply in order", "inform_user in order ?"],
        ["Art. 52(3): fine up to 6 % of turnover (unverified)"],
    ),
    Row(
        "eu-tco",
        "EU",
        "2022-06-07..",
        [
            "restrict 1h pausable",
            "restrict 1h pausable from clarification",
            "reply in order",
            "inform_user in order ?",
            "retain 4416h",
        ],
        ["Art. 18(3): fine up to 4 % of turnover (unverified)"],
    ),
    Row("id-mr5-2020", "ID", "2020-11-24..", ["restrict 24h"], [INDONESIA]),
    Row("id-mr5-2020-urgent", "ID", "2020-11-24..", ["restrict 4h"], [INDONESIA]),
    Row("in-it-act-69a", "IN", "2009-10-27..", ["ack 2h ?", "restrict in order", "reply 48h ?"], [SEVEN_YEARS]),
    Row(
        "in-it-act-69a-emergency",
        "IN",
        "2009-10-27..",
        ["ack 2h ?", "restrict in order", "lapse 48h from issue"],
        [SEVEN_YEARS],
    ),
    Row("in-it-rules-3-1-d", "IN", "2021-02-25..2026-02-19", ["restrict 36h"], [HARBOUR]),
    Row("in-it-rules-3-1-d", "IN", "2026-02-20..", ["restrict 3h"], [HARBOUR]),
    Row("in-it-rules-3-2-b", "IN", "2026-02-20..", ["restrict 2h"], [HARBOUR]),
    Row(
        "my-osa-s25",
        "MY",
        "2026-01-01.. ?",
        ["restrict in order", "reply in order", "inform_user in order"],
        ["s.25: fine on conviction, amount not recorded"],
    ),
    Row("pk-rules-2021", "PK", "2021-10-12.. ?", ["restrict 48h ?"], [PAKISTAN]),
    Row("pk-rules-2021-emergency", "PK", "2021-10-12.. ?", ["restrict 12h ?"], [PAKISTAN]),
    Row("ru-149-fz", "RU", "2012-11-01..2021-01-09", ["restrict 24h"]),
    Row(
        "ru-149-fz",
        "RU",
        "2021-01-10..",
        ["restrict 24h"],
        [
            "Art. 13.41: fine from RUB 800,000 to RUB 8,000,000 and throttling of the service, as in March 2021",
            "Art. 13.41 (repeated): fine up to 10 % of turnover",
        ],
    ),
    Row(
        "sg-ocha",
        "SG",
        "2024-02-01..",
        ["restrict in order"],
        ["direction not complied with: fine up to SGD 1,000,000 and SGD 100,000 per day"],
    ),
    Row(
        "sg-pofma", "SG", "2019-10-02..", ["restrict in order"], ["Part 3 (direction not complied with): fine up to SGD 500,000"]
    ),
    Row(
        "sg-pofma-account",
        "SG",
        "2019-10-02..",
        ["restrict in order"],
        ["account restriction direction not complied with: fine up to SGD 1,000,000 and SGD 100,000 per day"],
    ),
    Row(
        "tr-5651-8a",
        "TR",
        "2015-04-15.. ?",
        ["restrict 4h ?"],
        [f"Additional Art. 4 (further duties not met): {TURKEY} (unverified)"],
    ),
    Row(
        "tr-5651-applications",
        "TR",
        "2020-10-01..",
        ["reply 48h"],
        [
            "Additional Art. 4 (applications not answered): fine up to TRY 5,000,000",
            f"Additional Art. 4 (further duties not met): fine up to TRY 10,000,000 and {TURKEY}",
        ],
    ),
    Row(
        "us-take-it-down",
        "US",
        "2026-05-19..",
        ["restrict 48h"],
        ["enforcement by the Federal Trade Commission: civil penalty of up to USD 53,088 per violation"],
    ),
    Row("vn-decree-147", "VN", "2024-12-25..", ["restrict 24h"]),
]

COMPLETE = ["source_of_illegality"]
REQUIRED = {
    "eu-dsa-art9": ["provision", "statement_of_reasons", "exact_location", "redress", "language"],
    "eu-tco": [
        "date_and_time",
        "exact_location",
        "statement_of_reasons ?",
        "issuing_officer ?",
        "signature ?",
        "contact ?",
        "feedback_contact ?",
        "redress ?",
    ],
    "in-it-rules-3-1-d": ["issuing_officer", "statement_of_reasons", "provision"],
    **dict.fromkeys(
        [
            "au-osa-s109",
            "br-marco-civil-19",
            "br-tse-election",
            "id-mr5-2020",
            "id-mr5-2020-urgent",
            "my-osa-s25",
            "pk-rules-2021",
            "pk-rules-2021-emergency",
            "ru-149-fz",
            "sg-ocha",
            "sg-pofma",
            "sg-pofma-account",
            "tr-5651-8a",
            "vn-decree-147",
        ],
        COMPLETE,
    ),
}
"""Of every other legal basis no element is required: what is ordered binds as it stands."""

AUTHORITIES = {
    "in-meity": ("IN", ["in-it-act-69a", "in-it-act-69a-emergency"]),
    "eu-tco-authority": ("EU", ["eu-tco"]),
    "de-bka": ("DE", ["eu-tco", "eu-dsa-art9"]),
    "br-tse": ("BR", ["br-marco-civil-19", "br-tse-election"]),
    "in-i4c": ("IN", ["in-it-rules-3-1-d", "in-it-rules-3-2-b"]),
    "de-bfj": ("DE", ["de-netzdg", "de-netzdg-manifest"]),
    "au-esafety": ("AU", ["au-osa-s109"]),
    "sg-imda": ("SG", ["sg-pofma", "sg-pofma-account"]),
    "sg-spf": ("SG", ["sg-ocha"]),
    "my-mcmc": ("MY", ["my-osa-s25"]),
    "id-komdigi": ("ID", ["id-mr5-2020", "id-mr5-2020-urgent"]),
    "tr-btk": ("TR", ["tr-5651-8a"]),
    "tr-esb": ("TR", ["tr-5651-8a", "tr-5651-applications"]),
    "ru-roskomnadzor": ("RU", ["ru-149-fz"]),
    "br-stf": ("BR", ["br-marco-civil-19"]),
    "br-mpf": ("BR", ["br-marco-civil-21"]),
    "vn-abei": ("VN", ["vn-decree-147"]),
    "pk-pta": ("PK", ["pk-rules-2021", "pk-rules-2021-emergency"]),
    "us-ftc": ("US", ["us-take-it-down"]),
}


def marked(text: str, *, verified: bool) -> str:
    return text if verified else f"{text} ?"


def clock(duty: Duty) -> str:
    time = f"{duty.duration.total_seconds() / 3600:g}h" if duty.duration else "in order"
    pausable = " pausable" if duty.pausable else ""
    trigger = "" if duty.trigger is Trigger.RECEIPT else f" from {duty.trigger}"
    return marked(f"{duty.duty} {time}{pausable}{trigger}", verified=duty.verified)


def row(basis: LegalBasis) -> Row:
    return Row(
        basis.id,
        basis.jurisdiction,
        marked(f"{basis.in_force_from}..{basis.in_force_to or ''}", verified=basis.verified),
        [clock(duty) for duty in basis.duties],
        [f"{penalty.provision}: {exposure_text(penalty)}" for penalty in basis.penalties],
    )


@pytest.mark.parametrize("id_", sorted({each.id for each in ROWS}))
def test_a_legal_basis_ships_with_these_versions_clocks_and_penalties(id_: str) -> None:
    found = [row(basis) for basis in SHIPPED.legal_bases[id_].versions]

    assert found == [Row(*each[:4], list(each.penalties)) for each in ROWS if each.id == id_]


def test_nothing_else_ships() -> None:
    assert sorted(SHIPPED.legal_bases) == sorted({each.id for each in ROWS})


@pytest.mark.parametrize("id_", sorted({each.id for each in ROWS}))
def test_the_latest_version_requires_these_elements_and_asks_for_what_is_missing(id_: str) -> None:
    required = SHIPPED.legal_bases[id_].latest.required

    assert [marked(each.element, verified=each.verified) for each in required] == REQUIRED.get(id_, [])
    assert {each.if_missing for each in required} <= {"clarify"}


def test_exactly_these_authorities_ship_and_none_may_order_worldwide() -> None:
    found = {id_: (each.jurisdiction, list(each.legal_bases)) for id_, each in SHIPPED.authorities.items()}

    assert found == AUTHORITIES
    assert not any(each.worldwide for each in SHIPPED.authorities.values())


def test_every_legal_basis_has_an_authority_that_may_cite_it() -> None:
    cited = {basis for authority in SHIPPED.authorities.values() for basis in authority.legal_bases}

    assert cited == set(SHIPPED.legal_bases)


def all_versions(registry: Registry) -> dict[str, list[LegalBasis]]:
    return {id_: list(regime.versions) for id_, regime in registry.legal_bases.items()}


def where(condition: str) -> set[str]:
    """The legal bases of which some version has the attribute set to something."""
    return {id_ for id_, versions in all_versions(SHIPPED).items() if any(getattr(each, condition) for each in versions)}


def test_only_the_indian_emergency_is_interim_and_complied_with_at_intake() -> None:
    at_intake = {id_ for id_, versions in all_versions(SHIPPED).items() if any(each.intake is Intake.COMPLY for each in versions)}

    assert (where("interim"), where("confirm_within"), at_intake) == ({"in-it-act-69a-emergency"},) * 3


def test_only_the_indian_blocking_orders_are_confidential_and_their_users_told_later() -> None:
    told_at_once = {
        id_ for id_, versions in all_versions(SHIPPED).items() if all(each.user_notice == "allowed" for each in versions)
    }

    assert where("confidential") == {"in-it-act-69a", "in-it-act-69a-emergency"}
    assert told_at_once == set(SHIPPED.legal_bases) - where("confidential")


def test_what_private_persons_set_off_is_shown_as_local_law() -> None:
    local = {id_ for id_, regime in SHIPPED.legal_bases.items() if regime.latest.label is Label.LOCAL_LAW}

    assert local == {
        "br-marco-civil-21",
        "de-netzdg",
        "de-netzdg-manifest",
        "in-it-rules-3-2-b",
        "tr-5651-applications",
        "us-take-it-down",
    }
