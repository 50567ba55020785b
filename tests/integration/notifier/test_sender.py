"""The sender at work: several messages and subscribers at once, failures on the way, and the end of a process."""

import asyncio
from datetime import timedelta
from typing import TypeVar

from prometheus_client import CollectorRegistry

from services.notifier.channels.webhook import WebhookChannel, make_client
from services.notifier.commands import Commands, Handler
from services.notifier.delivery_metrics import DeliveryMetrics
from services.notifier.domain.delivery import Arrived, Message, Outcome
from services.notifier.domain.subscription import Channel, Email, Webhook
from services.notifier.metrics import FactMetrics
from services.notifier.sender import PER_SUBSCRIPTION, Sender
from tests.integration.notifier.test_deliveries import OTHER, SECRET, FakeCarrier, find, make_sender, states, subscribed
from tests.integration.notifier.world import TOPICS, World, registry
from tests.support.eventually import eventually
from tests.support.receiver import receiving, status

T = TypeVar("T")


async def test_a_process_that_dies_in_the_middle_of_a_try_makes_it_again_under_the_same_id(world: World) -> None:
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    await subscribed(world)
    await find(world, 30)
    died, carrier = FakeCarrier(while_under_way=hang), FakeCarrier()
    working = asyncio.create_task(make_sender(world, died).run(asyncio.Event()))
    await reached.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await find(world, 3, first=100)

    await make_sender(world, carrier).run_once()

    (before,) = died.carried
    again = next(message for message in carrier.carried if message.id == before.id)
    assert [each.body for each in again.deliveries] == [each.body for each in before.deliveries]
    assert await states(world) == {"sent": 33}


async def test_over_http_what_fails_is_sent_again_until_it_arrives(world: World) -> None:
    stop = asyncio.Event()
    async with receiving(status(500), status(500)) as receiver, make_client() as client:
        await subscribed(world, channel=Webhook(receiver.url, SECRET))
        channel = WebhookChannel(client, allow_private=True)

        async def carry(to: Channel, message: Message) -> Outcome:
            assert isinstance(to, Webhook)
            return await channel.send(to, message)

        working = asyncio.create_task(make_sender(world, carry, attempts=5).run(stop))
        await find(world)

        async def arrived() -> bool:
            world.clock.now += timedelta(hours=1)
            return await states(world) == {"sent": 1}

        await eventually(arrived)
        stop.set()
        await working

    assert len(receiver.posted) == 3
    assert len({posted.headers["webhook-id"] for posted in receiver.posted}) == 1


async def test_one_subscriber_is_never_sent_more_than_a_few_messages_at_once(world: World) -> None:
    async with receiving(held=True) as receiver, make_client() as client:
        await subscribed(world, channel=Webhook(receiver.url, SECRET))
        await find(world, 20)
        channel = WebhookChannel(client, allow_private=True)

        async def carry(to: Channel, message: Message) -> Outcome:
            assert isinstance(to, Webhook)
            return await channel.send(to, message)

        working = asyncio.create_task(make_sender(world, carry).run_once())
        await eventually(lambda: receiver.under_way == PER_SUBSCRIPTION)
        receiver.go_on.set()
        await working

    assert (len(receiver.posted), receiver.most_at_once) == (20, PER_SUBSCRIPTION)


async def test_a_subscriber_that_does_not_answer_holds_up_no_other(world: World) -> None:
    stop, never = asyncio.Event(), asyncio.Event()

    async def carry(to: Channel, _message: Message) -> Outcome:
        if isinstance(to, Email):
            await never.wait()
        return Arrived()

    await subscribed(world, channel=Email("slow@ex.org"))
    await subscribed(world, id_=OTHER)
    await find(world)
    working = asyncio.create_task(make_sender(world, carry).run(stop))

    async def one_arrived() -> bool:
        return (await states(world)).get("sent") == 1

    await eventually(one_arrived)
    await find(world, first=5)

    async def both_arrived() -> bool:
        return (await states(world)).get("sent") == 2

    await eventually(both_arrived)
    stop.set()
    never.set()
    await working
    assert await states(world) == {"sent": 3, "waiting": 1}


async def test_a_sender_that_stops_begins_nothing_new(world: World) -> None:
    stop = asyncio.Event()

    async def stop_now() -> None:
        stop.set()

    carrier = FakeCarrier(while_under_way=stop_now)
    await subscribed(world)
    await find(world, 20)

    await make_sender(world, carrier).run(stop)

    sent = len(carrier.carried)
    assert 1 <= sent <= PER_SUBSCRIPTION
    assert await states(world) == {"sent": sent, "waiting": 20 - sent}


async def test_a_failure_of_ours_counts_as_a_try_and_holds_up_no_other_message(world: World) -> None:
    failures = [RuntimeError("a bug")]

    async def fail_once() -> None:
        if failures:
            raise failures.pop()

    carrier = FakeCarrier(while_under_way=fail_once)
    await subscribed(world)
    await find(world, 2)
    sender = make_sender(world, carrier)

    await sender.run_once()
    after_the_failure = await states(world)
    world.clock.advance(60)
    await sender.run_once()

    assert after_the_failure == {"failed": 1, "sent": 1}
    assert await states(world) == {"sent": 2}
    assert len(carrier.ids) == 3


class Failing(Commands):
    """Fails to write the first time."""

    failures = 1

    async def run(self, handle: Handler[T]) -> T:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the database is away")
        return await super().run(handle)


async def test_what_the_database_fails_at_is_tried_again_at_the_next_look(world: World) -> None:
    stop, carrier = asyncio.Event(), FakeCarrier()
    await subscribed(world)
    await find(world)
    failing = Failing(
        database=world.database,
        registry=registry(),
        topics=TOPICS,
        clock=world.clock,
        metrics=FactMetrics(CollectorRegistry()),
    )
    sender = Sender(commands=failing, carry=carrier, metrics=DeliveryMetrics(CollectorRegistry()), attempts=3)
    working = asyncio.create_task(sender.run(stop))

    async def arrived() -> bool:
        return await states(world) == {"sent": 1}

    await eventually(arrived)
    stop.set()
    await working
    assert failing.failures == 0
