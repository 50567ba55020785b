import pytest

from services.notifier.domain.subscription import ChannelKind, Email, Subscription, SubscriptionId, Webhook
from shared.ids import Jurisdiction
from tests.unit.notifier.builders import AT

OVERDUE, BREACHED = "org.geowithhold.enforcement.overdue.v1", "org.geowithhold.clock.breached.v1"


def subscription(*places: str, events: frozenset[str] = frozenset({"all"}), sealed: bool = False) -> Subscription:
    return Subscription(
        id=SubscriptionId("desk"),
        requested=places,
        jurisdictions=tuple(map(Jurisdiction, places)),
        events=events,
        channel=Email("desk@ex.org"),
        created_at=AT,
        changed_at=AT,
        sealed=sealed,
    )


@pytest.mark.parametrize(
    ("subscribed", "happened", "told"),
    [
        (["IN"], ["IN"], True),
        (["IN"], ["IN-PB"], True),
        (["IN-PB"], ["IN"], False),
        (["IN"], ["DE"], False),
        (["DE", "IN"], ["IN"], True),
        (["IN"], ["DE", "IN"], True),
        (["XX"], ["IN"], True),
        (["IN"], ["XX"], False),
        (["IN"], [], False),
        ([], ["IN"], False),
    ],
)
def test_a_jurisdiction_covers_its_parts_and_nothing_else(subscribed: list[str], happened: list[str], told: bool) -> None:
    assert subscription(*subscribed).wants(OVERDUE, tuple(map(Jurisdiction, happened))) is told


@pytest.mark.parametrize(
    ("events", "told"), [({"all"}, True), ({OVERDUE}, True), ({BREACHED}, False), ({BREACHED, OVERDUE}, True)]
)
def test_only_what_was_asked_for_is_told(events: set[str], told: bool) -> None:
    assert subscription("IN", events=frozenset(events)).wants(OVERDUE, (Jurisdiction("IN"),)) is told


@pytest.mark.parametrize(
    ("asked", "sealed", "told"), [(False, False, True), (False, True, False), (True, False, True), (True, True, True)]
)
def test_sealed_directives_are_told_to_whoever_asked_for_them_alone(asked: bool, sealed: bool, told: bool) -> None:
    assert subscription("IN", sealed=asked).wants(BREACHED, (Jurisdiction("IN"),), sealed=sealed) is told


def test_whoever_asked_for_sealed_directives_is_told_of_no_other_place_or_type() -> None:
    wide = subscription("IN", sealed=True, events=frozenset({BREACHED}))

    assert not wide.wants(BREACHED, (Jurisdiction("DE"),), sealed=True)
    assert not wide.wants(OVERDUE, (Jurisdiction("IN"),), sealed=True)


def test_a_secret_is_in_no_text_of_a_webhook() -> None:
    webhook = Webhook("https://ex.org/hook", "whsec_c2VjcmV0")

    assert "whsec" not in f"{webhook} {webhook!r}"


def test_each_channel_knows_its_kind() -> None:
    assert [Webhook("u", "s").kind, Email("t").kind] == list(ChannelKind)
