"""What subscribers are to be told is taken to them.

Promises
 1. Every delivery is tried until it arrives or is dead; what a try came to is stored before the next one begins.
 2. A process that dies in the middle of a try makes it again, under the same id and with the same content.
 3. At most `PER_SUBSCRIPTION` messages are under way to one subscriber, and none waits for another one's answer.
Does not promise: order, or that nothing arrives twice.
Would break it: a message whose content is chosen at the time of sending, or a try whose outcome is not stored.
"""

import asyncio
import random
from collections.abc import Callable, Sequence

from services.notifier.channels import Carry
from services.notifier.commands import Commands
from services.notifier.delivery_metrics import DeliveryMetrics
from services.notifier.domain.delivery import Delivery, Failed, Message, Outcome
from services.notifier.domain.subscription import Subscription, SubscriptionId
from services.notifier.handlers.deliveries import due_messages, due_subscriptions, settle
from shared.logs import get_logger
from shared.tasks import pause

log = get_logger(__name__)

POLL_SECONDS = 0.25
PER_SUBSCRIPTION = 4


class Sender:
    def __init__(
        self,
        *,
        commands: Commands,
        carry: Carry,
        metrics: DeliveryMetrics,
        attempts: int,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._commands = commands
        self._carry = carry
        self._metrics = metrics
        self._attempts = attempts
        self._jitter = jitter

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; tries under way are finished first."""
        busy: dict[SubscriptionId, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                for id_ in await self._commands.ask(due_subscriptions):
                    if id_ not in busy or busy[id_].done():
                        busy[id_] = group.create_task(self._serve(id_, stop))
                await pause(stop, POLL_SECONDS)

    async def run_once(self) -> None:
        """Tries what is due now."""
        for id_ in await self._commands.ask(due_subscriptions):
            await self._try_due(id_, asyncio.Event())

    async def _serve(self, id_: SubscriptionId, stop: asyncio.Event) -> None:
        """Tries what is due for one subscriber until nothing is. What the database fails at is tried again at the next look."""
        try:
            while not stop.is_set() and await self._try_due(id_, stop):
                pass
        except Exception:
            log.exception("deliveries_failed", subscription=id_)

    async def _try_due(self, id_: SubscriptionId, stop: asyncio.Event) -> bool:
        """Answers whether there was anything to try."""
        subscription, messages = await self._commands.run(lambda unit: due_messages(unit, id_))
        if subscription is None or not messages:
            return False
        under_way = asyncio.Semaphore(PER_SUBSCRIPTION)

        async def in_turn(message: Message) -> None:
            async with under_way:
                if not stop.is_set():
                    await self._try(subscription, message)

        async with asyncio.TaskGroup() as group:
            for message in messages:
                group.create_task(in_turn(message))
        return True

    async def _try(self, subscription: Subscription, message: Message) -> None:
        outcome = await self._carried(subscription, message)
        jitter = self._jitter()
        changed = await self._commands.run(lambda unit: settle(unit, message, outcome, jitter=jitter, at_most=self._attempts))
        self._tell(subscription, message, changed)

    async def _carried(self, subscription: Subscription, message: Message) -> Outcome:
        """A failure of ours counts as a try, too, and so is not met again at once and for ever."""
        try:
            return await self._carry(subscription.channel, message)
        except Exception as error:
            log.exception("message_not_sent", subscription=subscription.id, message=message.id)
            return Failed(f"could not be sent: {type(error).__name__}")

    def _tell(self, subscription: Subscription, message: Message, changed: Sequence[Delivery]) -> None:
        for delivery in changed:
            self._metrics.count(subscription.channel.kind, delivery.state)
        for delivery in changed[:1]:
            if delivery.error is not None:
                log.warning(
                    "delivery_failed",
                    subscription=subscription.id,
                    message=message.id,
                    state=delivery.state,
                    attempts=delivery.attempts,
                    error=delivery.error,
                )
