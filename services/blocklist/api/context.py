"""What a route gets from the application, and how it reads the parts that every route has."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from fastapi import Depends, Header, Request, Response

from services.blocklist.api import present
from services.blocklist.api.bound import Bound
from services.blocklist.commands import Commands
from services.blocklist.errors import unknown_directive
from services.blocklist.exports.addresses import Addresses
from services.blocklist.exports.letters import Letters
from services.blocklist.handlers.unit import Unit
from services.blocklist.metrics import CommandMetrics
from services.blocklist.schemas import WriteIn
from services.blocklist.store import directives
from services.blocklist.store.idempotency import Answer, Attempt
from shared.clock import Clock
from shared.db import Database
from shared.http.problems import Fault, Kind, Refusal
from shared.ids import DirectiveId, Target
from shared.registry import Registry
from shared.targets import PlatformPatterns, TargetError, parse_target
from shared.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that routes use, built once by the composition root."""

    database: Database
    commands: Commands
    topics: Topics
    registry: Registry
    platform: PlatformPatterns
    clock: Clock
    metrics: CommandMetrics
    addresses: Addresses
    platform_name: str
    admin_key: str | None
    letters: Letters
    appeals_contact: str | None
    bound: Bound


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _attempt(
    request: Request,
    key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern="^[\x21-\x7e]+$")] = None,
) -> Attempt | None:
    if key is None:
        return None
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(_canonical(await request.body()))
    return Attempt(key, digest.hexdigest())


def _canonical(body: bytes) -> bytes:
    """The same for bodies that say the same. One that cannot be read stands for itself: it is for the route to refuse it."""
    if not body:
        return body
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body


Context = Annotated[Services, Depends(_services)]
Idempotent = Annotated[Attempt | None, Depends(_attempt)]


def answer(status: int, body: Any, *, location: str | None = None) -> Answer:
    return Answer(status, msgspec.json.encode(body), location)


async def carry_out(
    services: Services, attempt: Attempt | None, sent: WriteIn, work: Callable[[Unit], Awaitable[Answer]]
) -> Answer:
    """Every write's way: carried out once per idempotency key, or rehearsed if that is all that was asked."""
    if sent.dry_run:
        return await services.commands.rehearse(work)
    return await services.commands.answer(attempt, work, confirmed=sent.confirm_count)


def reply(found: Answer) -> Response:
    headers = {"Location": found.location} if found.location else {}
    if found.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(found.body, status_code=found.status, headers=headers, media_type="application/json")


async def directive_document(unit: Unit, id_: DirectiveId) -> dict[str, Any]:
    """The directive as the open transaction leaves it."""
    row = await directives.details(unit.connection, id_)
    if row is None:
        raise unknown_directive(id_)
    return present.directive(row)


def path_target(segment: str, platform: PlatformPatterns) -> Target:
    """The target of a path. Raises Refusal if it is none."""
    try:
        return parse_target(unquote(segment), platform)
    except TargetError as error:
        raise Refusal(Kind.INVALID, str(error), (Fault(str(error), parameter="target"),)) from error
