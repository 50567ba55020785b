"""How what is not there reaches a caller: each becomes one `Refusal`."""

from services.notifier.domain.delivery import NotPossible
from services.notifier.domain.quarantine import Closed
from shared.http.problems import Fault, Kind, Refusal, invalid


def unknown_directive(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"nothing has been heard of a directive {id_!r}")


def unknown_reply(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"nothing has been heard of a reply {id_!r} on this directive")


def unknown_point(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"there is no enforcement point {id_!r}")


def point_not_registered(id_: str) -> Refusal:
    detail = f"the enforcement point {id_!r} is not registered: PUT /v1/enforcement-points/{id_}"
    return Refusal(Kind.INVALID, detail, (Fault(detail, pointer="/point"),))


def unknown_subscription(id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"there is no subscription {id_!r}")


def sealed_subscription() -> Refusal:
    return invalid("whoever sends the key of the platform alone subscribes to what names sealed directives", "/sealed")


def unknown_delivery(subscription: str, id_: str) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"the subscription {subscription!r} has no delivery {id_!r}")


def cannot_redeliver(why: NotPossible) -> Refusal:
    return Refusal(Kind.CONFLICT, f"only a dead delivery is delivered again: {why}")


def unknown_record(id_: int) -> Refusal:
    return Refusal(Kind.NOT_FOUND, f"no record {id_} was set aside")


def record_closed(id_: int, how: Closed) -> Refusal:
    return Refusal(Kind.CONFLICT, f"{id_}: {how}", extra={"state": how.state.value})


def nothing_to_ask(id_: int) -> Refusal:
    return Refusal(
        Kind.INVALID, f"the blocklist cannot be asked about {id_}: it is a report, or nobody can tell what it is about"
    )


def source_away() -> Refusal:
    return Refusal(Kind.UNAVAILABLE, "the blocklist does not answer: the try is noted, and the record stays open")


def four_eyes_needed() -> Refusal:
    return invalid("a record is skipped by two different approvers", "/approvers")


def key_needed() -> Refusal:
    return Refusal(Kind.KEY_NEEDED, "send it as Authorization: Bearer …")
