"""RFC 9457 problem documents: the one form in which either service says no.

`Refusal` is what domain, stores and handlers raise; its kind decides status and title, in one table. Nothing below the HTTP edge
knows a status code, and nothing internal reaches a document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.logs import get_logger
from shared.outages import OutcomeUnknown, is_outage

log = get_logger(__name__)

RETRY_AFTER_SECONDS = 1


class Kind(Enum):
    """What can be wrong with a request, with the status that says so."""

    MALFORMED = ("malformed-request", HTTPStatus.BAD_REQUEST, "The request cannot be read")
    INVALID = ("invalid-request", HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid")
    KEY_NEEDED = ("key-needed", HTTPStatus.UNAUTHORIZED, "This takes the key of the platform")
    FORBIDDEN_SCOPE = ("scope-not-permitted", HTTPStatus.FORBIDDEN, "The authority may not order this scope")
    KEY_REQUIRED = ("key-required", HTTPStatus.UNAUTHORIZED, "This needs the admin key")
    GONE = ("gone", HTTPStatus.GONE, "This is not kept any more")
    NOT_FOUND = ("not-found", HTTPStatus.NOT_FOUND, "There is no such thing")
    CONFLICT = ("conflict", HTTPStatus.CONFLICT, "The request does not fit the present state")
    DUPLICATE = ("duplicate-reference", HTTPStatus.CONFLICT, "The authority has already issued a directive with this reference")
    TOO_MANY = ("too-many-changes", HTTPStatus.TOO_MANY_REQUESTS, "Too much would change in too short a time")
    KEY_REUSED = ("idempotency-key-reused", HTTPStatus.UNPROCESSABLE_ENTITY, "The idempotency key was used for another request")
    TOO_LARGE = ("content-too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large")
    NOT_IMPLEMENTED = ("not-implemented", HTTPStatus.NOT_IMPLEMENTED, "This part of the contract does not exist yet")
    UNAVAILABLE = ("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "The service cannot answer now")
    OUTCOME_UNKNOWN = ("outcome-unknown", HTTPStatus.SERVICE_UNAVAILABLE, "It is not known whether this was done")
    INTERNAL = ("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed")

    @property
    def slug(self) -> str:
        return self.value[0]

    @property
    def status(self) -> HTTPStatus:
        return self.value[1]

    @property
    def title(self) -> str:
        return self.value[2]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong, at one place: a JSON pointer into the body, or the name of a parameter."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass(eq=False)
class Refusal(Exception):
    """A request that is refused, whole: nothing of it was stored."""

    kind: Kind
    detail: str
    faults: Sequence[Fault] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    retry_after: int | None = None
    """Seconds after which the same request may succeed."""

    def __str__(self) -> str:
        return self.detail


def invalid(detail: str, pointer: str) -> Refusal:
    """The commonest refusal: one field of the body is wrong."""
    return Refusal(Kind.INVALID, detail, (Fault(detail, pointer=pointer),))


def document(refusal: Refusal) -> dict[str, Any]:
    kind = refusal.kind
    body: dict[str, Any] = {
        "type": f"urn:geowithhold:problem:{kind.slug}",
        "title": kind.title,
        "status": int(kind.status),
        "detail": refusal.detail,
    }
    if refusal.faults:
        body["errors"] = [_fault_document(fault) for fault in refusal.faults]
    return body | dict(refusal.extra)


def respond(refusal: Refusal) -> JSONResponse:
    later = refusal.kind in {Kind.UNAVAILABLE, Kind.OUTCOME_UNKNOWN}
    usual = RETRY_AFTER_SECONDS if later else None
    retry_after = usual if refusal.retry_after is None else refusal.retry_after
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if refusal.kind is Kind.KEY_REQUIRED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        document(refusal), status_code=refusal.kind.status, headers=headers, media_type="application/problem+json"
    )


def _fault_document(fault: Fault) -> dict[str, str]:
    named = {"pointer": fault.pointer, "parameter": fault.parameter, "detail": fault.detail}
    return {name: value for name, value in named.items() if value is not None}


async def on_refusal(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Refusal):
        raise TypeError(f"registered for Refusal, called with {type(error).__name__}")
    return respond(error)


async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
    """What pydantic refuses, with every field named."""
    if not isinstance(error, RequestValidationError):
        raise TypeError(f"registered for RequestValidationError, called with {type(error).__name__}")
    problems = error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return respond(Refusal(Kind.MALFORMED, "the body is not JSON", (Fault("not JSON", pointer=""),)))
    faults = tuple(_fault_at(problem["loc"], problem["msg"]) for problem in problems)
    return respond(Refusal(Kind.INVALID, f"{len(faults)} field(s) are not valid", faults))


async def on_http(_request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself: unknown routes, wrong methods, bodies over the limit or not readable."""
    if not isinstance(error, HTTPException):
        raise TypeError(f"registered for HTTPException, called with {type(error).__name__}")
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        return respond(Refusal(Kind.MALFORMED, "the body cannot be read", (Fault("not JSON in UTF-8", pointer=""),)))
    if status is Kind.TOO_LARGE.status:  # its phrase, and so the type, differs between versions of Python
        return respond(Refusal(Kind.TOO_LARGE, str(error.detail)))
    body = {
        "type": f"urn:geowithhold:problem:{status.phrase.lower().replace(' ', '-')}",
        "title": status.phrase,
        "status": int(status),
        "detail": str(error.detail),
    }
    return JSONResponse(body, status_code=status, headers=error.headers, media_type="application/problem+json")


_SAME_WHEN_REPEATED = frozenset({"GET", "HEAD", "PUT", "DELETE"})

_ADVICE = {
    True: "it is not known whether this was done: send the same request again, which changes nothing the second time",
    False: "it is not known whether this was done: look before you send the same request again",
}


async def on_failure(request: Request, error: Exception) -> JSONResponse:
    """Anything unforeseen. A database that is away is a 503 to come back from; the rest is a bare 500, told in the log alone."""
    if isinstance(error, OutcomeUnknown):
        return respond(Refusal(Kind.OUTCOME_UNKNOWN, error.advice or _ADVICE[request.method in _SAME_WHEN_REPEATED]))
    if is_outage(error):
        return respond(Refusal(Kind.UNAVAILABLE, "try again"))
    log.error("request_failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    return respond(Refusal(Kind.INTERNAL, "the failure has been logged"))


def _fault_at(location: Sequence[int | str], message: str) -> Fault:
    where, *path = location
    if where == "body":
        return Fault(message, pointer="".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path))
    return Fault(message, parameter=str(path[-1]) if path else str(where))
