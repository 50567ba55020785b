"""The switch that holds everything back: nothing is published while it is off, and nothing is lost."""

from dataclasses import dataclass

from services.blocklist.handlers.unit import Unit
from services.blocklist.store import publishing
from services.blocklist.store.rows import Row
from shared.http.problems import Kind, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One person may stop; `by` is an unverified name for now."""

    by: str
    memo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """It takes two to go on."""

    memo: str
    approvers: tuple[str, ...]


async def stop(unit: Unit, command: Stop) -> Row | None:
    """Stops publishing. The relay finishes what it is sending, and takes up nothing new."""
    if not await publishing.stop(unit.connection, unit.now, by=command.by, memo=command.memo):
        raise Refusal(Kind.CONFLICT, "publishing is stopped already")
    return await publishing.standing(unit.connection)


async def resume(unit: Unit, command: Resume) -> None:
    """Publishing goes on where it stopped, in the order of what was accepted meanwhile."""
    if not await publishing.resume(unit.connection, unit.now, memo=command.memo, approvers=list(command.approvers)):
        raise Refusal(Kind.CONFLICT, "publishing is not stopped")
