"""Events that can be decoded, and still speak of what cannot be, are not understood; odd texts that are fine are."""

from dataclasses import replace

import pytest

from services.notifier.consumer.records import NotUnderstood, Understood, read
from shared.events import WithholdingChanged
from shared.ids import Jurisdiction, TargetType
from shared.topics import Topics
from tests.unit.notifier.builders import noticed, record, report, withholding

TOPICS = Topics()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (replace(withholding(), jurisdiction=Jurisdiction("QQ")), "QQ"),
        (replace(withholding(), target_type=TargetType.POST), "post is not the type"),
    ],
)
def test_a_place_that_is_none_and_a_target_of_another_type_are_not_understood(event: WithholdingChanged, reason: str) -> None:
    found = read(record(event), TOPICS.withholdings, TOPICS)

    assert isinstance(found, NotUnderstood)
    assert reason in found.reason


def test_a_report_from_a_place_that_is_none_is_not_understood() -> None:
    found = read(record(replace(report(), jurisdiction=Jurisdiction("ZZ"))), TOPICS.enforcements, TOPICS)

    assert isinstance(found, NotUnderstood)


def test_a_nul_in_a_text_cannot_be_stored_and_is_not_understood() -> None:
    found = read(record(replace(report(), detail="a\x00b")), TOPICS.enforcements, TOPICS)

    assert isinstance(found, NotUnderstood)
    assert "NUL" in found.reason


def test_a_text_that_only_looks_like_an_escaped_nul_is_understood() -> None:
    spelt_out = replace(noticed(2), provision="s.69A \\u0000")

    assert isinstance(read(record(spelt_out), TOPICS.directives, TOPICS), Understood)
    assert isinstance(read(record(replace(report(), detail="C:\\u0000")), TOPICS.enforcements, TOPICS), Understood)
