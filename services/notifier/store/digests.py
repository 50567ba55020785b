"""The latest digest of each jurisdiction, and what came of comparing it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, literal, not_, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.digests import Sum
from services.notifier.tables import checkpoints, offsets, state_digests, stream_gaps, version_holes, withholdings
from shared.digest import Digest
from shared.events import StateDigested
from shared.ids import Jurisdiction
from shared.sql import upsert

_TOLD = ("epoch", "as_of", "keys", "withheld", "digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the blocklist said, and how many digests in succession have differed until now."""

    jurisdiction: Jurisdiction
    epoch: int
    as_of: datetime
    sum: Sum
    mismatches: int
    diverged_at: datetime | None


async def keep(connection: AsyncConnection, made: Collection[StateDigested]) -> None:
    """Keeps the latest of each jurisdiction."""
    latest: dict[Jurisdiction, StateDigested] = {}
    for each in sorted(made, key=lambda digest: (digest.epoch, digest.as_of)):
        latest[Jurisdiction(each.jurisdiction)] = each
    if latest:
        rows = [{"jurisdiction": at, **{name: getattr(each, name) for name in _TOLD}} for at, each in sorted(latest.items())]
        await _keep(connection, rows)


async def keep_silent(connection: AsyncConnection, patience: timedelta) -> None:
    """Where we have keys, and no digest has told of the place for so long while others came, the blocklist has none."""
    c = state_digests.c
    newest, epoch = (await connection.execute(select(func.max(c.as_of), func.max(c.epoch)))).one()
    if newest is None:
        return
    early = newest - patience
    heard = select(c.jurisdiction).where(c.as_of > early)
    known = withholdings.c
    silent = select(known.jurisdiction).distinct().where(known.effective_at <= early, known.jurisdiction.not_in(heard))
    nothing = {"epoch": epoch, "as_of": newest, "keys": 0, "withheld": 0, "digest": Digest().hex}
    places = (await connection.execute(silent)).scalars()
    rows = [{"jurisdiction": place, **nothing} for place in sorted(places)]
    if rows:
        await _keep(connection, rows)


async def uncompared(connection: AsyncConnection) -> list[Told]:
    c = state_digests.c
    new = or_(c.compared_as_of.is_(None), c.compared_as_of < c.as_of)
    rows = await connection.execute(select(*c).where(new).order_by(c.as_of, c.jurisdiction))
    return list(map(_told, rows.mappings()))


async def locked(connection: AsyncConnection, of: Told) -> Told | None:
    """The same digest, for this transaction alone; None if it was compared meanwhile, or is not the latest any more."""
    c = state_digests.c
    same = and_(c.jurisdiction == of.jurisdiction, c.epoch == of.epoch, c.as_of == of.as_of)
    new = or_(c.compared_as_of.is_(None), c.compared_as_of < c.as_of)
    row = (await connection.execute(select(*c).where(same, new).with_for_update())).mappings().first()
    return _told(row) if row else None


async def conclude(connection: AsyncConnection, of: Told, **values: Any) -> None:
    """Stores what came of comparing it."""
    c = state_digests.c
    statement = update(state_digests).where(c.jurisdiction == of.jurisdiction)
    await connection.execute(statement.values(compared_as_of=of.as_of, **values))


async def agreed_as_of(connection: AsyncConnection) -> datetime | None:
    """The instant as of which all jurisdictions agreed; None while one does not."""
    c = state_digests.c
    doubtful = func.count().filter(or_(c.agreed_as_of.is_(None), c.mismatches > 0))
    since, doubts = (await connection.execute(select(func.min(c.agreed_as_of), doubtful))).one()
    return None if doubts else since


async def to_resync(connection: AsyncConnection, now: datetime) -> list[Told]:
    c = state_digests.c
    rows = await connection.execute(select(*c).where(c.resync_at <= now).order_by(c.resync_at, c.jurisdiction))
    return list(map(_told, rows.mappings()))


async def resync_at(connection: AsyncConnection, place: Jurisdiction, at: datetime | None) -> None:
    """When to compare the jurisdiction key by key; None if that was done."""
    await connection.execute(update(state_digests).where(state_digests.c.jurisdiction == place).values(resync_at=at))


async def count_diverged(connection: AsyncConnection) -> int:
    wanted = state_digests.c.diverged_at.is_not(None)
    return int((await connection.execute(select(func.count()).select_from(state_digests).where(wanted))).scalar_one())


async def agreed_since(connection: AsyncConnection) -> datetime | None:
    """As of when every jurisdiction, at the latest, was found to be as the blocklist says; None if some was not yet."""
    c = state_digests.c
    told, agreed, since = (
        await connection.execute(select(func.count(), func.count(c.agreed_as_of), func.min(c.agreed_as_of)))
    ).one()
    found: datetime | None = since if told == agreed else None
    return found


async def epoch_of(connection: AsyncConnection, topic: str) -> int | None:
    """The epoch that the topic's records have come to; None before anything was numbered."""
    found: int | None = (await connection.execute(select(func.max(offsets.c.epoch)).where(offsets.c.topic == topic))).scalar()
    return found


async def is_caught_up(connection: AsyncConnection, topic: str, place: Jurisdiction, at: datetime) -> bool:
    """Whether all that was published by then has come, as far as checkpoints tell, and nothing of the place is being fetched."""
    c = checkpoints.c
    same = and_(offsets.c.topic == c.topic, offsets.c.partition == c.partition)
    reached = and_(c.at >= at, offsets.c.epoch == c.epoch, offsets.c.sequence >= c.sequence)
    lanes = select(func.count(), func.count().filter(reached)).select_from(checkpoints.outerjoin(offsets, same))
    lanes_known, lanes_reached = (await connection.execute(lanes.where(c.topic == topic))).one()
    fetching = or_(
        _exists(stream_gaps.c.topic == topic, not_(stream_gaps.c.purged_at.is_not(None))),
        _exists(version_holes.c.jurisdiction == place),
    )
    return bool(lanes_known and lanes_known == lanes_reached and not (await connection.execute(select(fetching))).scalar())


async def is_behind(connection: AsyncConnection, topic: str) -> bool:
    """Whether a lane has not come as far as its checkpoint: what it lacks lies unread, or was lost and is about to be fetched."""
    c = checkpoints.c
    same = and_(offsets.c.topic == c.topic, offsets.c.partition == c.partition)
    short = func.coalesce(offsets.c.sequence, 0) < c.sequence
    wanted = select(literal(1)).select_from(checkpoints.outerjoin(offsets, same)).where(c.topic == topic, short).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def _keep(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = upsert(connection, state_digests)
    new = statement.excluded
    newer = tuple_(state_digests.c.epoch, state_digests.c.as_of) < tuple_(new.epoch, new.as_of)
    changed = {name: new[name] for name in _TOLD}
    kept = statement.on_conflict_do_update(index_elements=["jurisdiction"], set_=changed, where=newer)
    await connection.execute(kept, rows)


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(literal(1)).where(*conditions).exists()


def _told(row: RowMapping) -> Told:
    return Told(
        jurisdiction=Jurisdiction(row["jurisdiction"]),
        epoch=row["epoch"],
        as_of=row["as_of"],
        sum=Sum(keys=row["keys"], withheld=row["withheld"], digest=row["digest"]),
        mismatches=row["mismatches"],
        diverged_at=row["diverged_at"],
    )
