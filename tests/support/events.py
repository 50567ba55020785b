"""One event of every type, with every field filled, and strategies that make any event."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from shared.events import (
    TYPE_OF,
    CaseEvent,
    CaseIncomplete,
    CheckpointMade,
    ClockBreached,
    ClockExtended,
    ClockFinding,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    ClockWarned,
    Counts,
    DirectiveAccepted,
    DirectiveAppealed,
    DirectiveConfirmed,
    DirectiveDecided,
    DirectiveExpired,
    DirectiveInformed,
    DirectiveItems,
    DirectiveLapsed,
    DirectiveNoticed,
    DirectiveQuashed,
    DirectiveReceived,
    DirectiveRejected,
    DirectiveReleased,
    DirectiveReplied,
    DirectiveRescinded,
    DirectiveStayed,
    DirectiveSuperseded,
    DirectiveUnstayed,
    EnforcementOverdue,
    EnforcementReported,
    EnforcementReverted,
    HistoryIncomplete,
    ItemChanged,
    Payload,
    ReleasedUnilaterally,
    StateDigested,
    StateDiverged,
    WithholdingChanged,
)
from shared.ids import Jurisdiction, PointId, Target, TargetType
from tests.support.builders import directive_id

ISSUED = datetime(2021, 1, 31, 6, 0, tzinfo=UTC)
RECEIVED = datetime(2021, 1, 31, 7, 10, 0, 250000, tzinfo=UTC)
DUE = datetime(2021, 2, 2, 6, 0, tzinfo=UTC)
CAUSES = (
    "rescinded", "superseded", "expired", "quashed", "stayed", "interim_lapsed", "error", "appeal", "platform_decision",
)  # fmt: skip

CASE: dict[str, Any] = {
    "directive": directive_id(0xA1),
    "revision": 3,
    "jurisdictions": (Jurisdiction("IN"), Jurisdiction("IN-PB")),
    "legal_basis": "in-it-act-69a-emergency",
    "status": "in_force",
    "issued_at": ISSUED,
    "received_at": RECEIVED,
    "due_at": DUE,
    "counts": Counts(
        total=5,
        undecided=1,
        complied=1,
        refused=1,
        not_located=0,
        withdrawn=1,
        released={**dict.fromkeys(CAUSES, 0), "appeal": 1},
    ),
}
"""The first form of a case: what every event of a directive has had from the beginning."""

CASE_2: dict[str, Any] = {
    **CASE,
    "authority": "in-meity",
    "reference": "14(1)/2021-ES",
    "channel": "informal",
    "sealed": True,
    "batch": "bat_000000000000000000000000000000b1",
    "undoes": "bat_000000000000000000000000000000b0",
    "lapses_at": DUE,
}

ON_DIRECTIVE: dict[str, Any] = {
    "directive": directive_id(0xA1),
    "jurisdictions": (Jurisdiction("IN"),),
    "legal_basis": "in-it-act-69a-emergency",
    "at": DUE,
}
CLOCK: dict[str, Any] = {**ON_DIRECTIVE, "duty": "restrict", "starts_at": RECEIVED, "due_at": DUE, "verified": True}
ON_KEY: dict[str, Any] = {"target": Target("hashtag:किसान"), "jurisdiction": Jurisdiction("IN"), "at": DUE}

EXAMPLES: Mapping[type[Payload], Payload] = {
    type(example): example
    for example in (
        WithholdingChanged(
            target=Target("hashtag:किसान"),
            target_type=TargetType.HASHTAG,
            jurisdiction=Jurisdiction("IN"),
            state="released",
            version=2,
            cause="platform_decision",
            directives=(directive_id(0xA1), directive_id(0xA2)),
            effective_at=RECEIVED,
            due_at=None,
            label="legal_demand",
        ),
        DirectiveReceived(**CASE, kind="block", expires_at=DUE),
        DirectiveItems(
            **CASE,
            items=(
                ItemChanged(
                    target=Target("account:acct_42"),
                    decision="complied",
                    jurisdictions=(Jurisdiction("IN"),),
                    cause=None,
                    unilateral=True,
                ),
                ItemChanged(target=Target("url:https://ex.org/p"), decision="released", jurisdictions=(), cause="appeal"),
            ),
        ),
        DirectiveDecided(**CASE, decision="refuse", ground="news_media", changed=132),
        DirectiveConfirmed(**CASE, confirmed_at=DUE),
        DirectiveNoticed(
            **CASE,
            notice="ntc_1",
            kind="non_compliance",
            provision="s.69A(3)",
            notice_received_at=DUE,
            notice_due_at=DUE + timedelta(days=1),
        ),
        DirectiveReplied(**CASE, reply="rpl_1", kind="dialogue_request", sent_at=DUE),
        DirectiveReleased(**CASE, cause="platform_decision", released=258),
        DirectiveRescinded(**CASE, released=41, withdrawn=7),
        DirectiveExpired(**CASE, released=41, withdrawn=7),
        EnforcementReported(
            point=PointId("search"),
            target=Target("post:13556"),
            jurisdiction=Jurisdiction("IN"),
            version=2,
            state="failed",
            at=DUE,
            detail="the index is being rebuilt",
        ),
        DirectiveAccepted(**CASE_2, waived=("redress",)),
        DirectiveRejected(**CASE_2, missing=("statement_of_reasons", "redress")),
        DirectiveAppealed(**CASE_2, appeal="apl_1", target=Target("account:acct_42"), outcome="upheld"),
        DirectiveInformed(**CASE_2, informed_at=DUE),
        DirectiveStayed(**CASE_2, suspended=41),
        DirectiveUnstayed(**CASE_2, restored=40),
        DirectiveSuperseded(**CASE_2, by=directive_id(0xA2), released=3, withdrawn=1),
        DirectiveQuashed(**CASE_2, released=41, withdrawn=7),
        DirectiveLapsed(**CASE_2, released=41, withdrawn=7),
        ClockStarted(**CLOCK),
        ClockPaused(**CLOCK),
        ClockResumed(**CLOCK),
        ClockExtended(**CLOCK),
        ClockWarned(**CLOCK, percent=80),
        ClockBreached(**CLOCK),
        ClockMet(**CLOCK, met_at=DUE, late=False),
        ReleasedUnilaterally(**ON_DIRECTIVE, items=258),
        CaseIncomplete(**ON_DIRECTIVE, first=3, last=None),
        HistoryIncomplete(**ON_KEY, first=2, last=3),
        StateDiverged(
            jurisdiction=Jurisdiction("IN"),
            as_of=RECEIVED,
            keys=1178,
            known_keys=1177,
            withheld=583,
            known_withheld=582,
            at=DUE,
        ),
        EnforcementOverdue(**ON_KEY, point=PointId("search"), version=2, due_at=RECEIVED),
        EnforcementReverted(**ON_KEY, point=PointId("search"), version=2),
        CheckpointMade(
            topic="geowithhold.withholdings.v1",
            partition=3,
            epoch=1,
            sequence=1234,
            count=34,
            digest="0f" * 32,
            marked_sequence=1200,
            marked_digest="f0" * 32,
            at=RECEIVED,
        ),
        StateDigested(
            jurisdiction=Jurisdiction("IN"), epoch=1, as_of=RECEIVED, keys=1436, withheld=700, digest="0f" * 16, at=DUE
        ),
    )
}
"""Each type in its first form."""

LATER: Mapping[str, Payload] = {
    f"{TYPE_OF[type(example)]}+2": example
    for example in (
        DirectiveReceived(
            **CASE_2, kind="unblock", expires_at=DUE, missing=("statement_of_reasons",), supersedes=directive_id(0xA0)
        ),
        DirectiveItems(
            **CASE_2,
            items=(
                ItemChanged(
                    target=Target("account:acct_42"),
                    decision="refused",
                    jurisdictions=(),
                    cause=None,
                    ground="journalist",
                ),
                ItemChanged(
                    target=Target("account:acct_43"),
                    decision="complied",
                    jurisdictions=(Jurisdiction("IN"),),
                    cause=None,
                    suspended=True,
                ),
            ),
        ),
        DirectiveDecided(**CASE_2, decision="comply", ground=None, changed=126),
        DirectiveConfirmed(**CASE_2, confirmed_at=DUE),
        DirectiveNoticed(
            **CASE_2,
            notice="ntc_1",
            kind="clarification",
            provision=None,
            notice_received_at=DUE,
            notice_due_at=None,
            supplied=("statement_of_reasons",),
        ),
        DirectiveReplied(
            **CASE_2, reply="rpl_1", kind="impossibility", sent_at=DUE, cause="force_majeure", impediment_ended_at=DUE
        ),
        DirectiveReleased(**CASE_2, cause="platform_decision", released=258, ground="journalist"),
        DirectiveRescinded(**CASE_2, released=41, withdrawn=7),
        DirectiveExpired(**CASE_2, released=41, withdrawn=7),
    )
}
"""Types to which fields were added, in their present form, by the names of their golden files."""

_texts = st.text(st.characters(codec="utf-8"), max_size=40)
_zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3))])
_instants = st.datetimes(datetime(1990, 1, 1), datetime(2900, 1, 1), timezones=_zones)  # noqa: DTZ001 (timezones gives one)
_perhaps = st.none() | _instants
_places = st.sampled_from([Jurisdiction(code) for code in ("IN", "IN-PB", "XX", "GB-ENG")])
_targets = st.builds(lambda kind, text: Target(f"{kind}:{text or '_'}"), st.sampled_from(TargetType), _texts).filter(
    lambda target: target.partition(":")[2][0] != "\n"
)
_ids = st.integers(0, 2**64).map(directive_id)
_ordinals = st.integers(1, 2**53)
_amounts = st.integers(0, 10_000)

_counts = st.builds(
    Counts,
    total=_amounts,
    undecided=_amounts,
    complied=_amounts,
    refused=_amounts,
    not_located=_amounts,
    withdrawn=_amounts,
    released=st.dictionaries(st.sampled_from(CAUSES), _amounts),
)
_fields: dict[str, st.SearchStrategy[Any]] = {
    "directive": _ids,
    "revision": _ordinals,
    "jurisdictions": st.lists(_places, max_size=3).map(tuple),
    "issued_at": _instants,
    "received_at": _instants,
    "due_at": _perhaps,
    "counts": _counts,
    "authority": st.none() | _texts,
    "reference": st.none() | _texts,
    "channel": st.sampled_from(["official", "informal"]),
    "sealed": st.booleans(),
    "batch": st.none() | _texts,
    "undoes": st.none() | _texts,
    "lapses_at": _perhaps,
}


def _case(event: type[CaseEvent], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[CaseEvent]:
    return st.builds(event, legal_basis=_texts, status=_texts, **_fields, **more)


_words = st.lists(_texts, max_size=3).map(tuple)
_on_directive: dict[str, st.SearchStrategy[Any]] = {
    "directive": _ids,
    "jurisdictions": st.lists(_places, max_size=3).map(tuple),
    "legal_basis": _texts,
    "at": _instants,
}
_on_key: dict[str, st.SearchStrategy[Any]] = {"target": _targets, "jurisdiction": _places, "at": _instants}


def _clock(event: type[ClockFinding], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[ClockFinding]:
    return st.builds(event, **_on_directive, duty=_texts, starts_at=_instants, due_at=_instants, verified=st.booleans(), **more)


any_event: st.SearchStrategy[Payload] = st.one_of(
    st.builds(
        WithholdingChanged,
        target=_targets,
        target_type=st.sampled_from(TargetType),
        jurisdiction=_places,
        state=st.sampled_from(["withheld", "released"]),
        version=_ordinals,
        cause=st.none() | _texts,
        directives=st.lists(_ids, max_size=3).map(tuple),
        effective_at=_instants,
        due_at=_perhaps,
        label=_texts,
    ),
    _case(DirectiveReceived, kind=_texts, expires_at=_perhaps, missing=_words, supersedes=st.none() | _ids),
    _case(DirectiveAccepted, waived=_words),
    _case(DirectiveRejected, missing=_words),
    _case(DirectiveAppealed, appeal=_texts, target=_targets, outcome=st.none() | _texts),
    _case(DirectiveInformed, informed_at=_instants),
    _case(DirectiveStayed, suspended=_amounts),
    _case(DirectiveUnstayed, restored=_amounts),
    _case(DirectiveSuperseded, by=_ids, released=_amounts, withdrawn=_amounts),
    _case(DirectiveQuashed, released=_amounts, withdrawn=_amounts),
    _case(DirectiveLapsed, released=_amounts, withdrawn=_amounts),
    _clock(ClockStarted),
    _clock(ClockPaused),
    _clock(ClockResumed),
    _clock(ClockExtended),
    _clock(ClockWarned, percent=st.integers(1, 99)),
    _clock(ClockBreached),
    _clock(ClockMet, met_at=_instants, late=st.booleans()),
    st.builds(ReleasedUnilaterally, **_on_directive, items=_amounts),
    st.builds(CaseIncomplete, **_on_directive, first=_ordinals, last=st.none() | _ordinals),
    st.builds(
        StateDiverged,
        jurisdiction=_places,
        as_of=_instants,
        keys=_amounts,
        known_keys=_amounts,
        withheld=_amounts,
        known_withheld=_amounts,
        at=_instants,
    ),
    st.builds(HistoryIncomplete, **_on_key, first=_ordinals, last=st.none() | _ordinals),
    st.builds(EnforcementOverdue, **_on_key, point=st.just(PointId("search")), version=_ordinals, due_at=_instants),
    st.builds(EnforcementReverted, **_on_key, point=st.just(PointId("search")), version=_ordinals),
    _case(
        DirectiveItems,
        items=st.lists(
            st.builds(
                ItemChanged,
                target=_targets,
                decision=_texts,
                jurisdictions=st.lists(_places, max_size=2).map(tuple),
                cause=st.none() | _texts,
                unilateral=st.booleans(),
                ground=st.none() | _texts,
                suspended=st.booleans(),
            ),
            max_size=3,
        ).map(tuple),
    ),
    _case(DirectiveDecided, decision=_texts, ground=st.none() | _texts, changed=_amounts),
    _case(DirectiveConfirmed, confirmed_at=_instants),
    _case(
        DirectiveNoticed,
        notice=_texts,
        kind=_texts,
        provision=st.none() | _texts,
        notice_received_at=_instants,
        notice_due_at=_perhaps,
        supplied=_words,
    ),
    _case(
        DirectiveReplied,
        reply=_texts,
        kind=_texts,
        sent_at=_instants,
        cause=st.none() | _texts,
        impediment_ended_at=_perhaps,
    ),
    _case(DirectiveReleased, cause=_texts, released=_amounts, ground=st.none() | _texts),
    _case(DirectiveRescinded, released=_amounts, withdrawn=_amounts),
    _case(DirectiveExpired, released=_amounts, withdrawn=_amounts),
    st.builds(
        EnforcementReported,
        point=st.just(PointId("search")),
        target=_targets,
        jurisdiction=_places,
        version=_ordinals,
        state=st.sampled_from(["applied", "failed", "reverted"]),
        at=_instants,
        detail=st.none() | _texts,
    ),
)
