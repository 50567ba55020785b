"""Why a claim ended. Everything that ends a claim names one of these, and so does every release on Kafka."""

from enum import StrEnum


class Cause(StrEnum):
    RESCINDED = "rescinded"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    QUASHED = "quashed"
    STAYED = "stayed"
    INTERIM_LAPSED = "interim_lapsed"
    ERROR = "error"
    APPEAL = "appeal"
    PLATFORM_DECISION = "platform_decision"


FINAL = frozenset({Cause.RESCINDED, Cause.SUPERSEDED, Cause.EXPIRED, Cause.QUASHED, Cause.INTERIM_LAPSED})
"""Acts of an authority, a court or the calendar: what they end is never claimed by the same directive again."""

BY_PLATFORM = frozenset({Cause.ERROR, Cause.APPEAL, Cause.PLATFORM_DECISION})
"""What `POST /v1/releases` takes. The directive still stands, so a decision may make the claim anew."""
