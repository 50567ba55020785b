"""What an error on the way to the broker means for the lane that met it."""

from enum import StrEnum

from aiokafka import errors


class Undecodable(Exception):
    """A row that does not become the events that it stands for."""


class Failure(StrEnum):
    RETRIABLE = "retriable"
    """The broker says that nothing is there, and to try again."""
    UNKNOWN = "unknown"
    """Nobody knows what is there. It is sent again."""
    REFUSED = "refused"
    """No retry mends it: somebody has to. The lane halts; nothing in it is skipped."""


REFUSALS: tuple[type[Exception], ...] = (
    Undecodable,
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.RecordTooLargeError,
    errors.InvalidTopicError,
    errors.InvalidTimestampError,
    errors.InvalidRequiredAcksError,
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.UnsupportedForMessageFormatError,
    errors.PolicyViolationError,
    errors.UnknownTopicOrPartitionError,  # the client waits for a topic that is being made; this is what it says after that
)


def judge(error: BaseException) -> Failure:
    """Whatever is not known for certain is unknown. A sequence out of order is: a new producer begins a new one."""
    if isinstance(error, REFUSALS):
        return Failure.REFUSED
    if isinstance(error, errors.KafkaError) and error.retriable:
        return Failure.RETRIABLE
    return Failure.UNKNOWN
