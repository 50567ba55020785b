"""The HTTP service that a verb speaks to. Where it is and what key it asks for stand in the environment, as for the services."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2

from geowithhold.cli.verb import CannotDo

T = TypeVar("T")

BLOCKLIST, NOTIFIER = "BLOCKLIST_URL", "NOTIFIER_URL"
_DEFAULTS = {BLOCKLIST: "http://127.0.0.1:8000", NOTIFIER: "http://127.0.0.1:8001"}
_KEY = "GEOWITHHOLD_ADMIN_KEY"

TIMEOUT = 30.0

Transport = httpx2.BaseTransport | None


def url_argument(parser: ArgumentParser, variable: str) -> None:
    """`--url`, with the default that the environment gives."""
    default = os.environ.get(variable) or _DEFAULTS[variable]
    parser.add_argument("--url", default=default, help=f"where the service is (default: {variable}, or {_DEFAULTS[variable]})")


class Service:
    """Raises CannotDo for whatever the service refuses, with its problem document, and for one that does not answer."""

    def __init__(self, arguments: Namespace) -> None:
        key = os.environ.get(_KEY)
        self._url = arguments.url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._transport: Transport = getattr(arguments, "transport", None)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._answered(lambda client: client.get(path, params=query or None))

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._answered(lambda client: client.post(path, json=body))

    def _answered(self, ask: Callable[[httpx2.Client], httpx2.Response]) -> dict[str, Any]:
        made = httpx2.Client(base_url=self._url, timeout=TIMEOUT, headers=self._headers, transport=self._transport)
        try:
            with made as client:
                response = ask(client)
        except httpx2.HTTPError as error:
            raise CannotDo(f"{self._url} does not answer: {error}") from error
        try:
            body = response.json()
        except ValueError as error:
            raise CannotDo(f"{self._url} answered {response.status_code} and no JSON") from error
        if response.is_error:
            raise CannotDo(str(body.get("detail") or response.reason_phrase), body)
        answer: dict[str, Any] = body
        return answer
