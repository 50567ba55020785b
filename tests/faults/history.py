"""What the clients did, as they saw it: every request, every answer, every answer that never came. One JSON object per line.

The file is evidence: it is only ever appended to, and the checker reads nothing about the clients from anywhere else.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request under one idempotency key. `must_refuse`: it is wrong, and accepting any of it would be a violation."""

    number: int
    client: int
    kind: str
    key: str
    path: str
    body: Body
    must_refuse: bool = False

    @property
    def directive(self) -> str | None:
        """The directive that the path names."""
        parts = self.path.split("/")
        return parts[3] if parts[2] == "directives" and len(parts) > 3 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One time that the request was sent. `status` None: no answer came, for the reason in `lost`."""

    sent_at: float
    ended_at: float
    status: int | None = None
    body: Body | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A request with all that came of it."""

    request: Request
    attempts: Sequence[Attempt]

    @property
    def accepted(self) -> Body | None:
        return next((each.body for each in self.attempts if each.status is not None and each.status < 300), None)

    @property
    def refused(self) -> int | None:
        """A status that says: nothing was stored. That of the last attempt: an earlier one may still have been under way."""
        last = self.attempts[-1].status if self.attempts else None
        return last if last is not None and 400 <= last < 500 else None


@dataclass
class History:
    """The file, open for writing. `acts`: acts on one target that accepted requests brought about, as far as clients know."""

    path: Path
    acts: int = 0
    requests: int = 0
    attempts: int = 0
    began: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._file = self.path.open("a", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def asked(self, request: Request) -> None:
        self.requests += 1
        self.write("request", asdict(request))

    def ended(self, request: Request, attempt: Attempt) -> None:
        self.attempts += 1
        self.write("attempt", {"number": request.number, **asdict(attempt)})

    def write(self, entry: str, what: Body) -> None:
        """Any entry; the nemesis writes its faults with it."""
        self._file.write(json.dumps({"entry": entry, "at": round(time.time() - self.began, 3), **what}) + "\n")


def entries(path: Path) -> Iterator[Body]:
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)


def told(path: Path) -> list[Told]:
    """What the clients did, in the order in which they began."""
    requests: dict[int, Request] = {}
    attempts: dict[int, list[Attempt]] = {}
    for found in entries(path):
        entry = found.pop("entry")
        found.pop("at")
        if entry == "request":
            requests[found["number"]] = Request(**found)
            attempts[found["number"]] = []
        elif entry == "attempt":
            attempts[found.pop("number")].append(Attempt(**found))
    return [Told(request, attempts[number]) for number, request in requests.items()]
