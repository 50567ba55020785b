import pytest

from services.notifier.domain.subscription import ChannelKind, Email, Subscription, SubscriptionId, Webhook
from shared.ids import Jurisdiction
from tests.unit.notifier.builders import AT

OVERDUE, BREACHED = "org.geowithhold.enforcement.overdue.v1", "org.geowithhold.clock.breached.v1"


def subscription(*places: str, events: frozenset[str] = frozenset({"all"})) -> Subscription:
    return Subscription(
        id=SubscriptionId("desk"),
        requested=places,
        jurisdictions=tuple(map(Jurisdiction, places)),
        events=events,
        channel=Email("desk@ex.org"),
        created_at=AT,
        changed_at=AT,
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


def test_a_secret_is_in_no_text_of_a_webhook() -> None:
    webhook = Webhook("https://ex.org/hook", "whsec_c2VjcmV0")

    assert "whsec" not in f"{webhook} {webhook!r}"


def test_each_channel_knows_its_kind() -> None:
    assert [Webhook("u", "s").kind, Email("t").kind] == list(ChannelKind)
