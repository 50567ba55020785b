"""What is asked of a write once it is known how much it changes, and before it is kept."""

from math import ceil
from typing import assert_never

from services.blocklist.domain.limits import LIMITED, WINDOW, Limits, TooMuch, TooSoon, must_confirm, over_speed
from services.blocklist.handlers.unit import Unit
from services.blocklist.store import batches
from shared.http.problems import Fault, Kind, Refusal


async def hold_within(unit: Unit, limits: Limits, confirmed: int | None) -> None:
    """Raises Refusal if the batch changes more than was confirmed, or more than the last hour leaves room for.

    Two batches at the same instant do not see each other: the hourly limit stops a flood, it does not count to the item.
    """
    count = unit.batch.reach.items
    if must_confirm(count, confirmed, limits):
        raise _unconfirmed(count, confirmed, limits)
    if limits.per_hour and unit.batch.kind in LIMITED:
        recent = await batches.since(unit.connection, unit.now - WINDOW, LIMITED)
        found = over_speed(unit.batch.reach, recent, unit.now, limits)
        if found:
            raise _too_fast(found, limits)


def _unconfirmed(count: int, confirmed: int | None, limits: Limits) -> Refusal:
    wrong = f"{confirmed} were confirmed" if confirmed is not None else f"more than {limits.mass_change} must be confirmed"
    detail = f'this changes {count} items, and {wrong}: send it again with "confirm_count": {count} if that is what you want'
    return Refusal(Kind.CONFLICT, detail, (Fault(detail, pointer="/confirm_count"),), {"count": count})


def _too_fast(found: TooMuch | TooSoon, limits: Limits) -> Refusal:
    match found:
        case TooMuch(what, count):
            detail = f"{count} items would be {what}, and {limits.per_hour} may be in an hour: do it in parts"
            return Refusal(Kind.CONFLICT, detail, extra={"count": count})
        case TooSoon(what, count, wait):
            detail = f"with these {count} more than {limits.per_hour} items would be {what} within an hour: try again later"
            return Refusal(Kind.TOO_MANY, detail, extra={"count": count}, retry_after=max(1, ceil(wait.total_seconds())))
        case _:
            assert_never(found)
