"""What the checkpoints topic tells: how far each lane goes, and what the state of a jurisdiction comes to."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from shared.events.fields import Instant, Ordinal, Place

Amount = Annotated[int, Meta(ge=0, le=2**53)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]*$", max_length=64)]
"""Hexadecimal; empty where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointMade:
    """Everything of the lane up to `sequence` is acknowledged, `count` events more than at the checkpoint before.

    `digest` is the lane's rolling hash at `sequence`; `marked_digest` the one at `marked_sequence`, the last multiple of
    `MARK_EVERY` that is not beyond (0 if there is none), for readers who are past `sequence`.
    """

    topic: Annotated[str, Meta(min_length=1, max_length=100)]
    partition: Annotated[int, Meta(ge=0, le=10_000)]
    epoch: Ordinal
    sequence: Amount
    count: Amount
    digest: Digest
    marked_sequence: Amount
    marked_digest: Digest
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDigested:
    """What the jurisdiction's keys came to as of `as_of`: how many there were, how many withheld, and the digest of all."""

    jurisdiction: Place
    epoch: Ordinal
    as_of: Instant
    keys: Amount
    withheld: Amount
    digest: Digest
    at: Instant
