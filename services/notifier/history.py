"""What the blocklist has of a key or a directive, over HTTP: the one thing that the notifier ever asks of it."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from services.notifier.handlers.happenings import CaseRecord
from shared.events import TYPES, CaseEvent, WithholdingChanged
from shared.ids import DirectiveId, Key

T = TypeVar("T")

PAGE = "1000"


class HistoryUnavailable(Exception):
    """The blocklist did not answer, or not as the contract says. Worth asking again later."""


class _Page(msgspec.Struct, Generic[T]):
    items: list[T]
    next: str | None


class _Entry(msgspec.Struct):
    """One event of a timeline; `data` is exactly what was published."""

    type: str
    at: datetime
    data: msgspec.Raw


class BlocklistHistory:
    """`client` has the blocklist's address as its base."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def versions(self, key: Key) -> list[WithholdingChanged]:
        """Every version of the key, in order; none if the blocklist has never heard of it. Raises HistoryUnavailable."""
        path = f"/v1/withholdings/{quote(key.target, safe=':')}/history"
        pages = self._pages(path, {"jurisdiction": key.jurisdiction}, _Page[WithholdingChanged])
        return [version async for version in pages]

    async def timeline(self, directive: DirectiveId) -> list[CaseRecord]:
        """Every event of the directive, in order; none if there is no such directive. Raises HistoryUnavailable."""
        pages = self._pages(f"/v1/directives/{quote(directive, safe='')}/timeline", {}, _Page[_Entry])
        return [_record(entry) async for entry in pages]

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


def _record(entry: _Entry) -> CaseRecord:
    kind = TYPES.get(entry.type)
    if kind is None or not issubclass(kind, CaseEvent):
        raise HistoryUnavailable(f"a timeline holds {entry.type!r}, which this version does not know")
    try:
        return CaseRecord(msgspec.json.decode(entry.data, type=kind), entry.at)
    except msgspec.MsgspecError as error:
        raise HistoryUnavailable(f"{entry.type}: {error}") from error
