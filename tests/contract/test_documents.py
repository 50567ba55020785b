"""Each reply as a document, for each law that prescribes a form and for one that does not: held by golden files."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notifier.documents import Dossier, Law, Party, Platform, Received, Sent, document_of, reply_page
from services.notifier.domain.case import Directive
from services.notifier.domain.compliance import ItemCounts
from services.notifier.domain.outcomes import Line, Outcome
from shared.ids import Jurisdiction, Target
from shared.jurisdictions import GROUPS
from tests.unit.notifier.builders import AT, DIRECTIVE

GOLDEN = Path(__file__).parent / "golden" / "documents"

IN, EU = (Jurisdiction("IN"),), tuple(map(Jurisdiction, GROUPS["EU"]))
SENT_AT = AT + timedelta(days=10, hours=4)
KINDS = ("effect_report", "impossibility", "clarification_request", "acknowledgement", "dialogue_request")
LAWS = {
    "eu-dsa-art9": (Law(id="eu-dsa-art9", instrument="Regulation (EU) 2022/2065", section="Art. 9"), EU[:2]),
    "eu-tco": (Law(id="eu-tco", instrument="Regulation (EU) 2021/784", section="Art. 3"), EU),
    "in-it-act-69a": (Law(id="in-it-act-69a", instrument="Information Technology Act 2000", section="s.69A; Rules 7 and 8"), IN),
    "unknown": (Law(id="xx-future-act"), (Jurisdiction("BR"),)),
}


def dossier(kind: str, basis: str) -> Dossier:
    law, places = LAWS[basis]
    incomplete = kind in {"clarification_request", "impossibility"}
    lines = () if incomplete else tuple(lines_in(places))
    return Dossier(
        platform=Platform(name="Chirp Ltd", contact="legal@chirp.example"),
        authority=Party(id="in-meity", name='Ministry of "Electronics" <and> Information Technology'),
        law=law,
        directive=directive(law, places, status="awaiting_clarification" if incomplete else "in_force"),
        reply=Sent(
            id="rpl_1",
            kind=kind,
            sent_at=SENT_AT,
            cause="insufficient_information" if kind == "impossibility" else None,
        ),
        as_of=SENT_AT,
        lines=lines,
        notices=(Received(id="ntc_1", kind="non_compliance", provision="s.69A(3)", received_at=AT + timedelta(days=3)),),
        earlier=(Sent(id="rpl_0", kind="dialogue_request", sent_at=AT + timedelta(days=8)),),
        missing=("exact_location", "redress") if incomplete else (),
    )


def directive(law: Law, places: tuple[Jurisdiction, ...], *, status: str) -> Directive:
    return Directive(
        id=DIRECTIVE,
        revision=7,
        jurisdictions=places,
        legal_basis=law.id,
        status=status,
        issued_at=AT,
        received_at=AT + timedelta(hours=1, minutes=10),
        due_at=None,
        counts=ItemCounts(
            total=8, undecided=1, complied=3, refused=2, not_located=1, withdrawn=0, released={"platform_decision": 1}
        ),
        authority="in-meity",
        reference="14(1)/2021-ES",
        kind="block",
    )


def lines_in(places: tuple[Jurisdiction, ...]) -> list[Line]:
    at = AT + timedelta(days=10, seconds=5.25)
    return [
        Line(target=Target("account:acct_1"), outcome=Outcome.GIVEN, at=at, places=places),
        Line(target=Target("account:acct_2"), outcome=Outcome.NOT_YET, at=None, places=places),
        Line(target=Target("account:acct_3"), outcome=Outcome.REFUSED, at=at, ground="news_media"),
        Line(target=Target("account:acct_4"), outcome=Outcome.REFUSED, at=at, ground="journalist"),
        Line(target=Target("hashtag:किसान"), outcome=Outcome.GIVEN, at=at - timedelta(seconds=2), places=places[:1]),
        Line(target=Target("post:13556"), outcome=Outcome.NOT_LOCATED, at=at),
        Line(target=Target("url:https://ex.org/<script>?a=1&b=2"), outcome=Outcome.ENDED, at=at, cause="platform_decision"),
        Line(target=Target("url:https://ex.org/q"), outcome=Outcome.UNDECIDED, at=None),
    ]


@pytest.mark.parametrize("basis", sorted(LAWS))
@pytest.mark.parametrize("kind", KINDS)
def test_the_document_is_the_golden_one(kind: str, basis: str) -> None:
    document = document_of(dossier(kind, basis))

    written = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert written == (GOLDEN / f"{kind}.{basis}.json").read_text()
    assert reply_page(document) == (GOLDEN / f"{kind}.{basis}.html").read_text()


def test_every_golden_document_is_held() -> None:
    held = {f"{kind}.{basis}{suffix}" for kind in KINDS for basis in LAWS for suffix in (".json", ".html")}

    assert {file.name for file in GOLDEN.iterdir()} == held


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_escapes_what_it_is_told_and_fetches_nothing(kind: str) -> None:
    shown = reply_page(document_of(dossier(kind, "in-it-act-69a")))

    assert "<and>" not in shown
    assert "<script" not in shown
    assert not any(word in shown for word in ("src=", "href=", "@import", "url("))


def noted(**changes: Any) -> str:
    """The notes of an acknowledgement of an order that is like the usual one but for this."""
    usual = dossier("acknowledgement", "in-it-act-69a")
    return " ".join(document_of(replace(usual, directive=replace(usual.directive, **changes)))["notes"])


def test_a_document_says_that_a_request_was_informal_and_an_order_sealed() -> None:
    assert "outside the official way" in noted(channel="informal")
    assert "sealed" in noted(sealed=True)
    assert "outside" not in noted()
    assert "sealed" not in noted()


def test_a_document_of_very_many_items_lists_the_first_and_counts_all() -> None:
    usual = dossier("effect_report", "eu-dsa-art9")
    document = document_of(replace(usual, lines=usual.lines * 6251))

    assert (document["effect"]["specified"], len(document["items"])) == (50_008, 50_000)
    assert "Of 50008 items the first 50000 are listed; the figures are of all." in document["notes"]


def test_a_reply_of_a_kind_that_is_not_known_is_told_by_what_is_known() -> None:
    assert document_of(dossier("carrier_pigeon", "eu-tco"))["title"] == "Acknowledgement of receipt"


def test_what_is_impossible_until_an_instant_says_since_when_it_is_not() -> None:
    usual = dossier("impossibility", "unknown")
    ended = replace(usual.reply, cause="force_majeure", impediment_ended_at=AT)

    document = document_of(replace(usual, reply=ended))

    assert document["impediment_ended_at"] == "2021-01-31T06:00:00Z"
    assert "The impediment ended on 2021-01-31 06:00:00 UTC." in document["statement"]


def test_a_worldwide_restriction_leaves_no_member_state_out() -> None:
    usual = dossier("effect_report", "eu-tco")
    everywhere = replace(usual.lines[0], places=(Jurisdiction("XX"),))

    document = document_of(replace(usual, lines=(everywhere,)))

    assert document["feedback"]["disabled_in_all_member_states"] is True
    assert document["feedback"]["member_states_left_out"] == []
