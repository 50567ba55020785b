"""What an operator can do about a record that was set aside.

`retry` reads it again as the present code reads, and gives it its effect by the same rules as from its topic; `replace` takes the
truth from the blocklist instead; `skip` is done with it without an effect.
"""

from typing import assert_never

from services.notifier import errors
from services.notifier.commands import Commands
from services.notifier.consumer.batch import contradicted, record_envelopes
from services.notifier.consumer.records import NotUnderstood, Tombstone, Understood, read
from services.notifier.domain.quarantine import Outcome
from services.notifier.handlers.quarantine import Act, finish, open_record, replace_directive, replace_key, skip
from services.notifier.handlers.unit import Unit
from services.notifier.healer import HistorySource
from services.notifier.history import HistoryUnavailable
from services.notifier.store.quarantine import SOURCE, Quarantined, Shown
from shared.ids import DirectiveId, Key
from shared.topics import Topics


class Operator:
    def __init__(self, *, commands: Commands, source: HistorySource, topics: Topics) -> None:
        self._commands = commands
        self._source = source
        self._topics = topics

    async def retry(self, id_: int, act: Act) -> Shown:
        """The record after the try, open if it is not understood by now either. Raises Refusal."""

        async def work(unit: Unit) -> Shown:
            record = await open_record(unit, id_)
            outcome, detail = await self._again(unit, record)
            return await finish(unit, record, act, outcome, detail)

        return await self._commands.run(work)

    async def replace(self, id_: int, act: Act) -> Shown:
        """The record, closed. Raises Refusal, also while the blocklist does not answer."""
        about = await self._commands.run(lambda unit: self._about(unit, id_))
        try:
            return await (self._replace_key(id_, about, act) if isinstance(about, Key) else self._replace(id_, about, act))
        except HistoryUnavailable as error:
            detail = str(error)
            await self._commands.run(lambda unit: _in_vain(unit, id_, act, detail))
            raise errors.source_away() from error

    async def skip(self, id_: int, act: Act) -> Shown:
        return await self._commands.run(lambda unit: skip(unit, id_, act))

    async def _again(self, unit: Unit, record: Quarantined) -> tuple[Outcome, str | None]:
        if record.headers is None:
            return Outcome.NOT_UNDERSTOOD, "the record's headers were not kept by the release that set it aside"
        topic = self._topics.withholdings if record.topic == SOURCE else record.topic
        match read(record.record, topic, self._topics):
            case Understood(envelope=envelope):
                await record_envelopes(unit, [envelope])
                return (Outcome.CONTRADICTED, None) if contradicted(unit) else (Outcome.TOOK_EFFECT, None)
            case NotUnderstood(reason=reason):
                return Outcome.NOT_UNDERSTOOD, reason
            case Tombstone():
                return Outcome.TOOK_EFFECT, None
            case other:
                assert_never(other)

    async def _about(self, unit: Unit, id_: int) -> Key | DirectiveId:
        record = await open_record(unit, id_)
        if record.about is None:
            raise errors.nothing_to_ask(id_)
        return record.about

    async def _replace_key(self, id_: int, key: Key, act: Act) -> Shown:
        versions = await self._source.versions(key)

        async def work(unit: Unit) -> Shown:
            record = await open_record(unit, id_)
            detail = await replace_key(unit, key, versions)
            return await finish(unit, record, act, Outcome.FILLED, detail)

        return await self._commands.run(work)

    async def _replace(self, id_: int, directive: DirectiveId, act: Act) -> Shown:
        records = await self._source.timeline(directive)

        async def work(unit: Unit) -> Shown:
            record = await open_record(unit, id_)
            await replace_directive(unit, directive, records)
            return await finish(unit, record, act, Outcome.FILLED)

        return await self._commands.run(work)


async def _in_vain(unit: Unit, id_: int, act: Act, detail: str) -> Shown:
    return await finish(unit, await open_record(unit, id_), act, Outcome.SOURCE_AWAY, detail)
