"""A client as careful as a real one: it repeats a request under its idempotency key until it has an answer."""

import time
from collections.abc import Callable
from typing import Any, Self
from uuid import uuid4

import httpx2

ANSWERED_WITHIN = 30.0
STEP = 0.05


class PersistentClient:
    """Talks to a service that may be killed at any moment."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=20.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def post(self, path: str, body: Any) -> Any:
        """The answer to a request that succeeds once, however often it has to be sent."""
        headers = {"Idempotency-Key": uuid4().hex}
        return self._until_answered(lambda: self._client.post(path, json=body, headers=headers))

    def get(self, path: str, **query: Any) -> Any:
        return self._until_answered(lambda: self._client.get(path, params=query))

    def put(self, path: str, body: Any) -> Any:
        return self._until_answered(lambda: self._client.put(path, json=body))

    def _until_answered(self, send: Callable[[], httpx2.Response]) -> Any:
        deadline = time.monotonic() + ANSWERED_WITHIN
        while time.monotonic() < deadline:
            try:
                response = send()
            except httpx2.TransportError:
                time.sleep(STEP)
                continue
            if response.is_success:
                return response.json()
            assert response.status_code == httpx2.codes.SERVICE_UNAVAILABLE, response.text
            time.sleep(STEP)
        raise TimeoutError(f"no answer within {ANSWERED_WITHIN:g} s")
