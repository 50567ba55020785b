"""What the blocklist has of a key or a directive, over HTTP: the one thing that the notifier ever asks of it."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from services.notifier.consumer.records import Numbered
from services.notifier.handlers.happenings import CaseRecord
from shared.events import TYPES, CaseEvent, Record, WithholdingChanged
from shared.ids import DirectiveId, Jurisdiction, Key, Target
from shared.states import State
from shared.topics import Topics

T = TypeVar("T")

PAGE = "1000"


class HistoryUnavailable(Exception):
    """The blocklist did not answer, or not as the contract says. Worth asking again later."""


class EventsPurged(Exception):
    """The blocklist had these events and keeps them no more; the first that it keeps is numbered `first`."""

    def __init__(self, first: int) -> None:
        super().__init__(f"kept from {first} on")
        self.first = first


class _Gone(msgspec.Struct):
    first: int


class _Numbered(msgspec.Struct):
    sequence: int
    key: str
    headers: dict[str, str]
    value: msgspec.Raw


class _Events(msgspec.Struct):
    items: list[_Numbered]


class _Page(msgspec.Struct, Generic[T]):
    items: list[T]
    next: str | None


class _Held(msgspec.Struct):
    target: Target
    version: int
    state: str


class _Entry(msgspec.Struct):
    """One event of a timeline; `data` is exactly what was published."""

    type: str
    at: datetime
    data: msgspec.Raw


class BlocklistHistory:
    """`client` has the blocklist's address as its base."""

    def __init__(self, client: httpx2.AsyncClient, topics: Topics) -> None:
        self._client = client
        self._names = {topics.withholdings: "withholdings", topics.directives: "directives"}

    async def versions(self, key: Key) -> list[WithholdingChanged]:
        """Every version of the key, in order; none if the blocklist has never heard of it. Raises HistoryUnavailable."""
        path = f"/v1/withholdings/{quote(key.target, safe=':')}/history"
        pages = self._pages(path, {"jurisdiction": key.jurisdiction}, _Page[WithholdingChanged])
        return [version async for version in pages]

    async def timeline(self, directive: DirectiveId) -> list[CaseRecord]:
        """Every event of the directive, in order; none if there is no such directive. Raises HistoryUnavailable."""
        pages = self._pages(f"/v1/directives/{quote(directive, safe='')}/timeline", {}, _Page[_Entry])
        return [_record(entry) async for entry in pages]

    async def states(self, place: Jurisdiction, at: datetime) -> AsyncIterator[State]:
        """Every key of the jurisdiction that had a version by then, at that version. Raises HistoryUnavailable."""
        query = {"jurisdiction": place, "state": "all", "as_of": at.isoformat().replace("+00:00", "Z")}
        async for held in self._pages("/v1/withholdings", query, _Page[_Held]):
            yield State(place, held.target, held.version, held.state)

    async def events(self, topic: str, partition: int, *, after: int) -> list[Numbered]:
        """What was published there with the numbers after `after`, without a hole; none if nothing was.

        Raises EventsPurged, or HistoryUnavailable.
        """
        place = f"partition {partition} of {topic} after {after}"
        query = {"topic": self._names[topic], "partition": str(partition), "after": str(after), "limit": PAGE}
        try:
            answer = await self._client.get("/v1/events", params=query)
            if answer.status_code == HTTPStatus.GONE:
                raise EventsPurged(msgspec.json.decode(answer.content, type=_Gone).first)
            answer.raise_for_status()
            found = [_event(each) for each in msgspec.json.decode(answer.content, type=_Events).items]
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise HistoryUnavailable(f"{place}: {error}") from error
        if [each.sequence for each in found] != list(range(after + 1, after + 1 + len(found))):
            raise HistoryUnavailable(f"{place}: the numbers have holes")
        return found

    async def _pages(self, path: str, query: Mapping[str, str], kind: type[_Page[T]]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self._page(path, {**query, "limit": PAGE, **({"cursor": cursor} if cursor else {})}, kind)
            for item in page.items:
                yield item
            cursor = page.next
            if cursor is None:
                return

    async def _page(self, path: str, query: Mapping[str, str], kind: type[_Page[T]]) -> _Page[T]:
        try:
            answer = await self._client.get(path, params=dict(query))
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return kind([], None)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=kind)
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise HistoryUnavailable(f"{path}: {error}") from error


def _event(item: _Numbered) -> Numbered:
    """The value is what was published, byte for byte: as a text in the answer, or as the answer's own JSON."""
    raw = bytes(item.value)
    value = None if raw == b"null" else msgspec.json.decode(raw, type=str).encode() if raw[:1] == b'"' else raw
    headers = tuple((name, text.encode()) for name, text in item.headers.items())
    return Numbered(item.sequence, Record(item.key.encode(), value, headers))


def _record(entry: _Entry) -> CaseRecord:
    kind = TYPES.get(entry.type)
    if kind is None or not issubclass(kind, CaseEvent):
        raise HistoryUnavailable(f"a timeline holds {entry.type!r}, which this version does not know")
    try:
        return CaseRecord(msgspec.json.decode(entry.data, type=kind), entry.at)
    except msgspec.MsgspecError as error:
        raise HistoryUnavailable(f"{entry.type}: {error}") from error
