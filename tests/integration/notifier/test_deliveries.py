"""From a finding to its subscribers: what is queued, what is sent, and what becomes of a try."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from services.notifier.delivery_metrics import DeliveryMetrics
from services.notifier.domain.delivery import DIGEST_AT_MOST, FIRST_WAIT, Arrived, DeliveryState, Failed, Gone, Message, Outcome
from services.notifier.domain.subscription import Channel, Email, SubscriptionId, Webhook
from services.notifier.handlers.subscriptions import Subscribe, redeliver, subscribe, unsubscribe
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.sender import Sender
from services.notifier.store import deliveries as store
from services.notifier.tables import deliveries
from shared.http.problems import Refusal
from shared.jurisdictions import expand
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import AT, withholding

T = TypeVar("T")

DESK, OTHER = SubscriptionId("desk"), SubscriptionId("other")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
HOOK = Webhook("https://ex.org/hook", SECRET)
LOST = "org.geowithhold.history.incomplete.v1"


@dataclass(slots=True)
class FakeCarrier:
    """Takes every message, unless `script` says otherwise for the next ones."""

    script: list[Outcome] = field(default_factory=list)
    carried: list[Message] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    while_under_way: Callable[[], Any] | None = None

    async def __call__(self, channel: Channel, message: Message) -> Outcome:
        self.channels.append(channel)
        self.carried.append(message)
        if self.while_under_way:
            await self.while_under_way()
        return self.script.pop(0) if self.script else Arrived()

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.carried]


def make_sender(world: World, carry: Any, *, attempts: int = 3, registry: CollectorRegistry | None = None) -> Sender:
    metrics = DeliveryMetrics(registry or CollectorRegistry())
    return Sender(commands=world.commands, carry=carry, metrics=metrics, attempts=attempts, jitter=lambda: 0.5)


async def subscribed(
    world: World, *places: str, id_: SubscriptionId = DESK, channel: Channel = HOOK, events: frozenset[str] = frozenset({"all"})
) -> None:
    named = places or ("IN",)
    wanted = Subscribe(id=id_, requested=named, jurisdictions=expand(named), events=events, channel=channel, new_secret=SECRET)
    await world.commands.run(lambda unit: subscribe(unit, wanted))


async def find(world: World, count: int = 1, *, first: int = 0, place: str = "IN") -> None:
    """So many findings, in one transaction: a version of each of so many keys is missing."""
    lost = [withholding(f"account:a{first + number}", 2, jurisdiction=place) for number in range(count)]
    await world.withhold(*lost)


async def states(world: World) -> dict[str, int]:
    found = await world.rows(select(deliveries.c.state, func.count()).group_by(deliveries.c.state))
    return {state: int(number) for state, number in found}


async def the_delivery(world: World) -> Any:
    (row,) = await world.rows(
        select(
            deliveries.c.id,
            deliveries.c.state,
            deliveries.c.attempts,
            deliveries.c.next_at,
            deliveries.c.error,
            deliveries.c.message,
        )
    )
    return row


async def test_who_wants_it_is_told_in_the_transaction_in_which_it_is_found(world: World) -> None:
    await subscribed(world)
    await subscribed(world, "DE", id_=OTHER)

    await find(world)

    (finding,) = await world.findings()
    columns = (deliveries.c.subscription, deliveries.c.event, deliveries.c.type, deliveries.c.body)
    ((subscription, event, kind, body),) = await world.rows(select(*columns))
    assert (subscription, event, kind) == (DESK, finding.id, LOST)
    assert json.loads(body) == {
        "type": LOST,
        "id": finding.id,
        "timestamp": "2021-01-31T06:00:00Z",
        "subject": "IN/account:a0",
        "data": {"target": "account:a0", "jurisdiction": "IN", "at": "2021-01-31T06:00:00Z", "first": 1, "last": 1},
    }


async def test_what_was_rolled_back_is_told_nobody(world: World) -> None:
    await subscribed(world)

    async def fail(unit: Unit) -> None:
        await record_withholdings(unit, [withholding(version=3)])
        raise LookupError

    with pytest.raises(LookupError):
        await world.commands.run(fail)

    assert await world.count(deliveries) == 0


async def test_what_was_found_before_somebody_subscribed_is_not_told(world: World) -> None:
    await find(world)
    await subscribed(world)

    assert await world.count(deliveries) == 0


async def test_only_the_types_that_were_asked_for_are_told(world: World) -> None:
    await subscribed(world, events=frozenset({"org.geowithhold.clock.breached.v1"}))
    await subscribed(world, id_=OTHER, events=frozenset({LOST}))

    await find(world)

    assert await world.rows(select(deliveries.c.subscription)) == [(OTHER,)]


async def test_a_delivery_arrives_once(world: World) -> None:
    registry, carrier = CollectorRegistry(), FakeCarrier()
    await subscribed(world)
    await find(world)
    sender = make_sender(world, carrier, registry=registry)

    await sender.run_once()
    await sender.run_once()

    id_, state, attempts, next_at, error, message = await the_delivery(world)
    assert (carrier.ids, carrier.channels) == ([id_], [HOOK])
    assert (state, attempts, next_at, error, message) == ("sent", 1, None, None, id_)
    sent = registry.get_sample_value("geowithhold_deliveries_total", {"channel": "webhook", "outcome": "sent"})
    assert (sent, await world.database.read(store.count_unfinished)) == (1.0, 0)


async def test_a_try_in_vain_is_made_again_after_a_while_under_the_same_id(world: World) -> None:
    carrier = FakeCarrier(script=[Failed("answered 500")])
    await subscribed(world)
    await find(world)
    sender = make_sender(world, carrier)

    await sender.run_once()
    await sender.run_once()
    failed = await the_delivery(world)
    world.clock.now += FIRST_WAIT / 2
    await sender.run_once()

    assert failed[1:5] == ("failed", 1, AT + FIRST_WAIT / 2, "answered 500")
    assert (len(carrier.ids), len(set(carrier.ids))) == (2, 1)
    assert (await the_delivery(world))[1:5] == ("sent", 2, None, None)


async def test_after_the_last_try_it_is_dead_and_stays_so(world: World) -> None:
    registry, carrier = CollectorRegistry(), FakeCarrier(script=[Failed("no")] * 3)
    await subscribed(world, channel=Email("desk@ex.org"))
    await find(world)
    sender = make_sender(world, carrier, attempts=3, registry=registry)

    for _ in range(5):
        await sender.run_once()
        world.clock.advance(3600)

    assert (await the_delivery(world))[1:5] == ("dead", 3, None, "no")
    counted = {
        outcome: registry.get_sample_value("geowithhold_deliveries_total", {"channel": "email", "outcome": outcome})
        for outcome in ("sent", "failed", "dead")
    }
    assert counted == {"sent": 0.0, "failed": 2.0, "dead": 1.0}


async def test_who_wants_no_more_of_it_is_not_asked_again(world: World) -> None:
    carrier = FakeCarrier(script=[Gone("answered 410")])
    await subscribed(world)
    await find(world)

    await make_sender(world, carrier).run_once()

    assert (await the_delivery(world))[1:5] == ("dead", 1, None, "answered 410")


async def test_a_dead_delivery_is_tried_again_when_somebody_asks_for_it(world: World) -> None:
    carrier = FakeCarrier(script=[Gone("answered 410")])
    await subscribed(world)
    await find(world)
    sender = make_sender(world, carrier)
    await sender.run_once()
    id_ = (await the_delivery(world))[0]

    again = await world.commands.run(lambda unit: redeliver(unit, DESK, id_))
    await sender.run_once()

    assert (again.state, again.attempts, again.next_at) == (DeliveryState.WAITING, 0, AT)
    assert carrier.ids == [id_, id_]
    assert (await the_delivery(world))[1] == "sent"


async def test_a_delivery_that_is_not_dead_is_not_delivered_again(world: World) -> None:
    await subscribed(world)
    await find(world)
    await make_sender(world, FakeCarrier()).run_once()
    id_ = (await the_delivery(world))[0]

    with pytest.raises(Refusal, match="only a dead delivery"):
        await world.commands.run(lambda unit: redeliver(unit, DESK, id_))

    assert (await the_delivery(world))[1] == "sent"


async def test_few_that_wait_are_sent_one_by_one(world: World) -> None:
    carrier = FakeCarrier()
    await subscribed(world)
    await find(world, 20)

    await make_sender(world, carrier).run_once()

    assert [len(message.deliveries) for message in carrier.carried] == [1] * 20
    assert await states(world) == {"sent": 20}


async def test_many_that_wait_are_sent_as_one_digest(world: World) -> None:
    carrier = FakeCarrier()
    await subscribed(world)
    for first in range(0, 21, 7):
        await find(world, 7, first=first)

    await make_sender(world, carrier).run_once()

    (digest,) = carrier.carried
    assert [each.seq for each in digest.deliveries] == sorted(each.seq for each in digest.deliveries)
    assert (len(digest.deliveries), digest.id[:4]) == (21, "dgs_")
    assert await states(world) == {"sent": 21}


async def test_a_digest_has_a_limit_and_the_rest_follows(sqlite_world: World) -> None:
    world, carrier = sqlite_world, FakeCarrier()
    await subscribed(world)
    await find(world, DIGEST_AT_MOST + 30)
    sender = make_sender(world, carrier)

    for _ in range(3):
        await sender.run_once()

    assert [len(message.deliveries) for message in carrier.carried] == [DIGEST_AT_MOST, 30]


async def test_a_digest_keeps_its_id_and_content_over_failure_restart_and_what_comes_after(world: World) -> None:
    carrier = FakeCarrier(script=[Failed("no")])
    await subscribed(world)
    await find(world, 30)
    await make_sender(world, carrier).run_once()
    await find(world, 25, first=100)
    world.clock.advance(60)

    await make_sender(world, carrier).run_once()

    first, second, third = sorted(carrier.carried, key=lambda message: message.deliveries[0].seq)
    assert [len(message.deliveries) for message in (first, second, third)] == [30, 30, 25]
    assert first.id == second.id != third.id
    assert [each.id for each in first.deliveries] == [each.id for each in second.deliveries]


async def test_a_dead_digest_is_delivered_again_whole(world: World) -> None:
    carrier = FakeCarrier(script=[Gone("410")])
    await subscribed(world)
    await find(world, 25)
    sender = make_sender(world, carrier)
    await sender.run_once()

    await world.commands.run(lambda unit: redeliver(unit, DESK, carrier.carried[0].deliveries[3].id))
    await sender.run_once()

    assert len(set(carrier.ids)) == 1
    assert await states(world) == {"sent": 25}


async def test_who_has_unsubscribed_is_told_no_more(world: World) -> None:
    carrier = FakeCarrier()
    await subscribed(world)
    await find(world)

    await world.commands.run(lambda unit: unsubscribe(unit, DESK))
    await find(world, first=7)
    await make_sender(world, carrier).run_once()

    assert (carrier.carried, await states(world)) == ([], {"dead": 1})
    assert (await the_delivery(world))[4] == "the subscription has ended"


async def test_one_that_was_given_up_untried_can_be_delivered_to_who_subscribes_again(world: World) -> None:
    carrier = FakeCarrier()
    await subscribed(world)
    await find(world)
    await world.commands.run(lambda unit: unsubscribe(unit, DESK))
    await subscribed(world)
    id_ = (await the_delivery(world))[0]

    await world.commands.run(lambda unit: redeliver(unit, DESK, id_))
    await make_sender(world, carrier).run_once()

    assert carrier.ids == [id_]


async def test_what_came_for_who_had_just_unsubscribed_is_given_up(world: World) -> None:
    """The finding's transaction read the subscription before it ended, and committed after."""
    await world.commands.run(lambda unit: store.add(unit.connection, [store.Queued(DESK, "fnd_1", LOST, b"{}")], unit.now))

    await make_sender(world, FakeCarrier()).run_once()

    assert await states(world) == {"dead": 1}


async def test_who_unsubscribes_while_a_try_is_under_way_has_it_given_up(world: World) -> None:
    async def end() -> None:
        await world.commands.run(lambda unit: unsubscribe(unit, DESK))

    await subscribed(world)
    await find(world)

    await make_sender(world, FakeCarrier(while_under_way=end)).run_once()

    assert await states(world) == {"dead": 1}


async def test_what_somebody_else_has_put_in_a_message_stays_in_it(world: World) -> None:
    await subscribed(world)
    await find(world)
    (untried,) = await world.database.read(lambda connection: store.untried(connection, DESK, 10))

    for message in ("dgs_1", "dgs_2"):
        await world.database.write(lambda connection, id_=message: store.put_in(connection, id_, [untried]))  # type: ignore[misc]

    assert (await the_delivery(world))[5] == "dgs_1"
