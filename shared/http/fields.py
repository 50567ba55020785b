"""Field types that every request model uses, so that a text, a time or a target means the same at every edge."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

from shared.http.problems import Fault, Kind, Refusal
from shared.ids import Jurisdiction, Target
from shared.jurisdictions import JurisdictionError, expand
from shared.targets import PlatformPatterns, TargetError, parse_target

MAX_TARGETS = 10_000
MAX_FAULTS = 100
"""A problem document names this many faults at most; ten thousand wrong lines are told by their first hundred."""

EARLIEST_YEAR = 1990

_DATE_AND_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]", re.ASCII)
"""How a time begins. Without this a string of digits would be read as seconds, or milliseconds, since 1970."""


class Model(BaseModel):
    """A request model: unknown fields are refused, so that a misspelt one is never taken for an absent one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def is_storable(value: str) -> bool:
    """Whether every database takes the text: it holds neither NUL nor a lone surrogate."""
    return "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("the text holds a character that cannot be stored (NUL or a lone surrogate)")
    return value


Storable = AfterValidator(_storable)
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$"), Storable
]
Text = Annotated[str, StringConstraints(max_length=10_000), Storable]


def _only_text(value: Any) -> Any:
    if not isinstance(value, datetime) and not (isinstance(value, str) and _DATE_AND_TIME.match(value)):
        raise ValueError("a time is an RFC 3339 string, such as 2021-01-31T07:10:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    if value.year < EARLIEST_YEAR:
        raise ValueError(f"a time before {EARLIEST_YEAR} cannot be meant")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


Time = Annotated[AwareDatetime, BeforeValidator(_only_text), AfterValidator(_in_utc)]
"""An instant with its offset, normalised to UTC."""

JsonTarget = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": ["@acct_42", "#farmers", "https://x.com/a/status/13556?s=20"]},
                {
                    "type": "object",
                    "properties": {"type": {"type": "string"}, "id": {"type": "string"}, "url": {"type": "string"}},
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A target as somebody wrote it; `read_targets` makes it canonical."""


def read_target(raw: Any, platform: PlatformPatterns, *, pointer: str) -> Target:
    """Its canonical form. Raises Refusal that names where it stands."""
    try:
        return parse_target(raw, platform)
    except TargetError as error:
        raise Refusal(Kind.INVALID, str(error), (Fault(str(error), pointer=pointer),)) from error


def read_targets(raw: Sequence[Any], platform: PlatformPatterns, *, pointer: str = "/targets") -> list[Target]:
    """The canonical form of each, in the order given. Raises Refusal naming every one that is none."""
    found: list[Target] = []
    faults: list[Fault] = []
    for index, value in enumerate(raw):
        try:
            found.append(parse_target(value, platform))
        except TargetError as error:
            faults.append(Fault(str(error), pointer=f"{pointer}/{index}"))
    if faults:
        raise Refusal(Kind.INVALID, f"{len(faults)} target(s) are not valid", tuple(faults[:MAX_FAULTS]))
    return found


def read_jurisdictions(codes: Sequence[str], *, pointer: str = "/jurisdictions") -> tuple[Jurisdiction, ...]:
    """Groups expanded to members. Raises Refusal naming the code at fault; an empty list never means everywhere."""
    if not codes:
        raise Refusal(Kind.INVALID, "name at least one jurisdiction", (Fault("must not be empty", pointer=pointer),))
    try:
        return expand(codes)
    except JurisdictionError as error:
        raise Refusal(Kind.INVALID, str(error), (Fault(str(error), pointer=f"{pointer}/{error.index}"),)) from error
