"""The two services as the story sees them: JSON in, JSON out, anything but success is the end of the demo."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2

PAGE = 1000


class UnexpectedAnswer(Exception):
    """A service said something that the story has no place for."""


class Api:
    """One service over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx2.Client(base_url=url, timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        return self._answered(self._client.get(path, params=query))

    def find(self, path: str, **query: Any) -> Any | None:
        """Like `get`, but None where there is nothing yet."""
        response = self._client.get(path, params=query)
        return None if response.status_code == httpx2.codes.NOT_FOUND else self._answered(response)

    def post(self, path: str, body: Any) -> Any:
        return self._answered(self._client.post(path, json=body))

    def put(self, path: str, body: Any) -> Any:
        return self._answered(self._client.put(path, json=body))

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        """Every item of a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=PAGE, **query, **cursor)
            yield from page["items"]
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    def metric(self, name: str) -> float:
        """The value of a metric that has no labels."""
        lines = self._client.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def _answered(self, response: httpx2.Response) -> Any:
        if response.is_success:
            return response.json()
        raise UnexpectedAnswer(f"{response.request.method} {response.request.url}: {response.status_code} {response.text}")


def segment(target: str) -> str:
    """A target as one segment of a path."""
    return quote(target, safe=":")
