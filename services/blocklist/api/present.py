"""What is answered: rows and results as the contract shapes them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.blocklist.domain.item import Item, ItemState, Standing
from services.blocklist.domain.tally import Tally
from services.blocklist.handlers.decide import Decided
from services.blocklist.handlers.undo import LeftOver, Undone
from services.blocklist.handlers.unit import Effects
from services.blocklist.store.items import claims_of
from services.blocklist.store.rows import Row
from shared.ids import Target, TargetType, type_of

Document = dict[str, Any]

SKIPPED_SHOWN = 100

SCOPES = {TargetType.ACCOUNT: "user", TargetType.POST: "tweet", TargetType.HASHTAG: "hashtag", TargetType.URL: "url"}
"""`withheld.scope`: X's words where it has one, ours for what it does not withhold by country."""


def time(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def counts(tally: Tally) -> Document:
    return {"total": tally.total, **tally.counted(), "released": sum(tally.released().values())}


def directive(row: Row) -> Document:
    return {
        "id": row["id"],
        "status": row["status"],
        "authority": row["authority"],
        "reference": row["reference"],
        "legal_basis": row["legal_basis"],
        "kind": row["kind"],
        "issued_at": time(row["issued_at"]),
        "received_at": time(row["received_at"]),
        "requested_jurisdictions": row["requested_jurisdictions"],
        "jurisdictions": row["scope"],
        "reason": row["reason"],
        "due_at": time(row["due_at"]),
        "expires_at": time(row["expires_at"]),
        "confirmed_at": time(row["confirmed_at"]),
        "lapses_at": time(row["lapses_at"]),
        "supplements": row["supplements"],
        "supersedes": row["supersedes"],
        "channel": row["channel"],
        "sealed": row["sealed"],
        "document": row["document"],
        "elements": row["elements"] or {},
        "missing_elements": row["missing"] or [],
        "unexamined_elements": [name for name in row["unexamined"] or [] if name not in (row["elements"] or {})],
        "label": row["label"],
        "items": counts(Tally(row["tally"])),
        "released_by_cause": Tally(row["tally"]).released(),
        "duplicates": row["duplicates"],
        "revision": row["revision"],
    }


def item(row: Row) -> Document:
    state = ItemState(row["state"])
    claims = claims_of(row["claims"])
    return {
        "target": row["target"],
        "target_type": type_of(Target(row["target"])),
        "received": row["received"],
        "decision": state.word,
        "cause": row["cause"],
        "ground": row["ground"],
        "final": state in (ItemState.ENDED, ItemState.WITHDRAWN),
        "stayed": row["stayed"],
        "confirmed": row["confirmed"],
        "applied_jurisdictions": [place for place, claim in claims.items() if isinstance(claim, Standing)],
        "claims": dict(claims),
        "changed_at": time(row["changed_at"]),
        "version": row["version"],
        "batch": row["batch"],
    }


def decided(result: Decided, named: Sequence[Target] | None) -> Document:
    """`named` are the targets in the order asked; None when a keyword chose them, which is answered with counts alone."""
    document = {
        "items": counts(result.directive.tally),
        "changed": result.changed,
        "unchanged": result.unchanged,
        "withholdings_changed": result.withholdings_changed,
    }
    if named is None:
        return document
    by_target = {found.target: found for found in result.items}
    return {**document, "results": [_result(by_target[target]) for target in dict.fromkeys(named)]}


def _result(found: Item) -> Document:
    return {"target": found.target, "decision": found.state.word, "applied_jurisdictions": list(found.applied)}


def effects(result: Effects) -> Document:
    return {
        "released": result.released,
        "still_withheld": result.still_withheld,
        "withholdings_changed": result.withholdings_changed,
    }


def suspended(result: Effects) -> Document:
    return {
        "suspended": result.released,
        "still_withheld": result.still_withheld,
        "withholdings_changed": result.withholdings_changed,
    }


def batch(row: Row) -> Document:
    counts = ("items", "blocked", "released", "withholdings_changed")
    return {
        "id": row["id"],
        "kind": row["kind"],
        "at": time(row["at"]),
        "memo": row["memo"],
        "approvers": row["approvers"],
        "approvers_verified": False,
        "undoes": row["undoes"],
        "directives": row["directives"],
        "counts": {name: row[name] for name in counts},
    }


def undone(result: Undone) -> Document:
    return {
        "changed": result.changed,
        "blocked": result.blocked,
        **effects(result.effects),
        "skipped": [_left_over(each) for each in result.left_over[:SKIPPED_SHOWN]],
        "skipped_total": len(result.left_over),
    }


def _left_over(each: LeftOver) -> Document:
    """`jurisdiction` is null where not a claim but the decision is left as it is."""
    return {
        "directive": each.directive,
        "target": each.target,
        "jurisdiction": each.skipped.place,
        "why": each.skipped.why.value,
    }


def publishing(standing: Row | None) -> Document:
    return {"stopped": standing is not None, "stop": stop(standing) if standing else None}


def stop(row: Row) -> Document:
    return {
        "stopped_at": time(row["stopped_at"]),
        "by": row["stopped_by"],
        "memo": row["stop_memo"],
        "resumed_at": time(row["resumed_at"]),
        "resume_memo": row["resume_memo"],
        "approvers": row["approvers"] or [],
        "approvers_verified": False,
    }


def version(row: Row) -> Document:
    """One version of one key, in the shape of `withholding.changed.v1`."""
    return {
        "target": row["target"],
        "target_type": type_of(Target(row["target"])),
        "jurisdiction": row["jurisdiction"],
        "state": row["state"],
        "version": row["version"],
        "cause": row["cause"],
        "directives": row["directives"],
        "effective_at": time(row["effective_at"]),
        "due_at": time(row["due_at"]),
        "label": row["label"],
    }


def held(row: Row) -> Document:
    """A version with the directives whose claims hold it; those of the version are the ones that made it."""
    return {**version(row), "claimants": row["claimants"]}


def target(found: Target, rows: Sequence[Row]) -> Document:
    """X's field shape, with every key of the target beside it."""
    withheld = [row["jurisdiction"] for row in rows if row["state"] == "withheld"]
    return {
        "target": found,
        "withheld": {"country_codes": withheld, "scope": SCOPES[type_of(found)]},
        "withholdings": [held(row) for row in rows],
    }


def timeline_entry(row: Row) -> Document:
    return {
        "revision": row["revision"],
        "type": row["type"],
        "at": time(row["at"]),
        "data": row["data"],
        "detail": row["detail"],
    }


def appeal(row: Row) -> Document:
    return {
        "id": row["id"],
        "directive": row["directive"],
        "target": row["target"],
        "state": row["state"],
        "text": row["text"],
        "received_at": time(row["received_at"]),
        "concluded_at": time(row["concluded_at"]),
        "memo": row["memo"],
        "approvers": row["approvers"],
    }


def notice(row: Row) -> Document:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "issued_at": time(row["issued_at"]),
        "received_at": time(row["received_at"]),
        "provision": row["provision"],
        "text": row["text"],
        "due_at": time(row["due_at"]),
        "elements": dict(row["elements"] or {}),
    }


def reply(row: Row) -> Document:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "text": row["text"],
        "sent_at": time(row["sent_at"]),
        "cause": row["cause"],
        "impediment_ended_at": time(row["impediment_ended_at"]),
    }


def replay(row: Row) -> Document:
    """Keys and events are those that are queued by now."""
    return {
        "id": row["id"],
        **row["selector"],
        "state": "done" if row["finished_at"] else "running",
        "keys": row["keys"],
        "events": row["events"],
        "started_at": time(row["started_at"]),
        "finished_at": time(row["finished_at"]),
    }
