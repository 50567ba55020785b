"""The offsets of the database, for whoever places a consumer by them."""

from services.notifier.commands import Commands
from services.notifier.consumer.records import Partition
from services.notifier.domain.facts import OffsetLost
from services.notifier.handlers.unit import Unit
from services.notifier.store import offsets


class StoredPositions:
    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def find(self, partition: Partition) -> int | None:
        return await self._commands.ask(lambda unit: offsets.find(unit.connection, *partition))

    async def rewind(self, partition: Partition, offset: int) -> None:
        """What Kafka has lost is lost to nobody: its numbers are missing, and fetched. That it had to be told of all the same."""
        await self._commands.run(lambda unit: _rewind(unit, partition, offset))


async def _rewind(unit: Unit, partition: Partition, offset: int) -> None:
    await offsets.rewind(unit.connection, *partition, offset)
    unit.found.append(OffsetLost(topic=partition.topic, partition=partition.number, offset=offset))
