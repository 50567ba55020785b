"""The offsets of the database, for whoever places a consumer by them."""

from services.notifier.consumer.records import Partition
from services.notifier.store import offsets
from shared.db import Database


class StoredPositions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, partition: Partition) -> int | None:
        return await self._database.read(lambda connection: offsets.find(connection, *partition))

    async def rewind(self, partition: Partition, offset: int) -> None:
        await self._database.write(lambda connection: offsets.rewind(connection, *partition, offset))
