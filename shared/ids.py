"""The words that both services use for the same thing, as types.

A target is its canonical string (`account:acct_42`), a key is one target in one jurisdiction. Everything that is counted,
versioned or ordered is counted, versioned and ordered per key.
"""

from enum import StrEnum
from typing import NamedTuple, NewType

Target = NewType("Target", str)
"""A canonical target, `<type>:<id>`; made only by `shared.targets` or read back from our own store and topics."""

Jurisdiction = NewType("Jurisdiction", str)
"""ISO 3166-1 alpha-2 (`IN`), ISO 3166-2 (`IN-PB`) or worldwide (`XX`); never a group, groups are expanded to members."""

DirectiveId = NewType("DirectiveId", str)
"""`dir_` and 32 hexadecimal digits."""

PointId = NewType("PointId", str)
"""The name under which an enforcement point is registered, such as `search`."""

WORLDWIDE = Jurisdiction("XX")


class TargetType(StrEnum):
    ACCOUNT = "account"
    POST = "post"
    HASHTAG = "hashtag"
    URL = "url"


class Key(NamedTuple):
    """What has a version: one target in one jurisdiction. Written `IN/account:acct_42`, on Kafka too."""

    jurisdiction: Jurisdiction
    target: Target

    def __str__(self) -> str:
        return f"{self.jurisdiction}/{self.target}"


def type_of(target: Target) -> TargetType:
    """The type of a canonical target. Raises ValueError for a string that is none."""
    return TargetType(target.partition(":")[0])


def parse_key(text: str) -> Key:
    """Reads `IN/account:acct_42`. Raises ValueError for anything else; targets may themselves contain a slash."""
    jurisdiction, slash, target = text.partition("/")
    if not (jurisdiction and slash):
        raise ValueError(f"not a key: {text!r}")
    type_of(Target(target))
    return Key(Jurisdiction(jurisdiction), Target(target))
