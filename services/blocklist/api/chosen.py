"""Admission of replays: exactly one thing is chosen, and it is there."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.replay import (
    DirectivesOf,
    Everything,
    KeysOf,
    OneDirective,
    OneJurisdiction,
    OneKey,
    Selector,
)
from services.blocklist.errors import unknown_directive
from services.blocklist.schemas import ReplayIn
from services.blocklist.store import directives, withholdings
from shared.http.problems import Fault, Kind, Refusal, invalid
from shared.http.query import read_place
from shared.ids import DirectiveId, parse_key
from shared.topics import Topics

ONE_OF = ("key", "directive", "jurisdiction", "topic", "everything")


def admit_replay(sent: ReplayIn, topics: Topics) -> Selector:
    """What is chosen. Raises Refusal that names each field at fault, also where more than one thing is chosen."""
    chosen = [name for name in ONE_OF if getattr(sent, name)]
    if len(chosen) != 1:
        detail = f"choose exactly one of {', '.join(ONE_OF)}"
        raise Refusal(
            Kind.INVALID, detail, tuple(Fault(detail, pointer=f"/{name}") for name in chosen) or (Fault(detail, pointer=""),)
        )
    if (sent.partition is None) == bool(sent.topic):
        raise invalid("a topic is chosen with a partition of it, and nothing else is", "/partition")
    if sent.key:
        return _key(sent.key)
    if sent.directive:
        return OneDirective(DirectiveId(sent.directive))
    if sent.jurisdiction:
        return OneJurisdiction(read_place(sent.jurisdiction, pointer="/jurisdiction"))
    return _partition(sent.topic, sent.partition, topics) if sent.topic else Everything()


def _key(text: str) -> OneKey:
    try:
        return OneKey(parse_key(text))
    except ValueError as error:
        raise invalid("a key is written IN/account:acct_42", "/key") from error


def _partition(topic: str, partition: int | None, topics: Topics) -> Selector:
    """Topics have their full names, or what stands behind the prefix."""
    if partition is None or partition >= topics.partitions:
        raise invalid(f"there are {topics.partitions} partitions, the first is 0", "/partition")
    if topic in {"withholdings", topics.withholdings}:
        return KeysOf(partition)
    if topic in {"directives", topics.directives}:
        return DirectivesOf(partition)
    raise invalid("only the topics of withholdings and directives are published from here", "/topic")


async def check_there(connection: AsyncConnection, selector: Selector) -> None:
    """Raises Refusal for a key or a directive that there never was."""
    match selector:
        case OneKey(key=key):
            known = await withholdings.of_target(connection, key.target)
            if key.jurisdiction not in {row["jurisdiction"] for row in known}:
                raise Refusal(Kind.NOT_FOUND, f"{key} was never withheld")
        case OneDirective(directive=directive):
            if not await directives.revisions(connection, [directive]):
                raise unknown_directive(directive)
        case _:
            pass
