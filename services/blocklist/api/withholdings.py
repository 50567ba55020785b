"""Lookups: what is withheld, where, since when, and by what."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from services.blocklist.api import present
from services.blocklist.api.context import Context, path_target
from services.blocklist.schemas import CheckIn
from services.blocklist.store import past, withholdings
from shared.http.fields import Time, read_targets
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, InJurisdiction, Limit, not_future, read_place
from shared.ids import TargetType

router = APIRouter(prefix="/v1/withholdings", tags=["withholdings"])

TargetPath = Annotated[str, Path(max_length=8192)]
AsOf = Annotated[Time | None, Query()]


@router.post("/check")
async def check_targets(body: CheckIn, context: Context) -> dict[str, Any]:
    """Which of the targets somebody in the jurisdiction must not see, as they were sent."""
    place = read_place(body.jurisdiction, pointer="/jurisdiction")
    canonical = read_targets(body.targets, context.platform)
    withheld = await context.database.read(
        lambda connection: withholdings.withheld_among(connection, place, list(set(canonical)))
    )
    sent = [raw for raw, target in zip(body.targets, canonical, strict=True) if target in withheld]
    return {"jurisdiction": place, "withheld": sent, "checked": len(canonical)}


@router.get("")
async def list_withholdings(
    context: Context,
    jurisdiction: InJurisdiction = None,
    target_type: Annotated[TargetType | None, Query(alias="type")] = None,
    state: Literal["withheld", "released", "all"] = "withheld",
    as_of: AsOf = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """What is withheld now, or was at `as_of`, in order of jurisdiction and target."""
    not_future(as_of, context.clock())
    after = decode_cursor(cursor, ["", ""])
    wanted: dict[str, Any] = {
        "place": jurisdiction,
        "state": None if state == "all" else state,
        "target_type": target_type,
        "after": (after[0], after[1]),
        "limit": limit + 1,
    }
    rows = await context.database.read(
        lambda connection: past.page(connection, as_of, **wanted) if as_of else withholdings.page(connection, **wanted)
    )
    return page(rows, limit, lambda row: [row["jurisdiction"], row["target"]], present.held)


@router.get("/{target}/history")
async def show_history(
    target: TargetPath, context: Context, jurisdiction: InJurisdiction = None, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Every version of the target's keys with its cause and directives, each exactly as it was published."""
    found = path_target(target, context.platform)
    after = decode_cursor(cursor, ["", 0])
    rows = await context.database.read(
        lambda connection: withholdings.history(
            connection, found, place=jurisdiction, after=(after[0], after[1]), limit=limit + 1
        )
    )
    versions = page(rows, limit, lambda row: [row["jurisdiction"], row["version"]], present.version)
    return {"target": found, **versions}


@router.get("/{target}")
async def show_target(target: TargetPath, context: Context, as_of: AsOf = None) -> dict[str, Any]:
    """Where one target is withheld, or was at `as_of`. A target never heard of is withheld nowhere."""
    not_future(as_of, context.clock())
    found = path_target(target, context.platform)
    rows = await context.database.read(
        lambda connection: past.of_target(connection, found, as_of) if as_of else withholdings.of_target(connection, found)
    )
    return present.target(found, rows)
