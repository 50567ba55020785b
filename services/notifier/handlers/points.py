"""An enforcement point is registered, or registered anew with another scope."""

from services.notifier.domain.points import Point
from services.notifier.handlers.unit import Unit
from services.notifier.store import enforcements, points
from services.notifier.store.dialects import lock_scopes


async def register_point(unit: Unit, point: Point) -> None:
    """From now on the point is asked for every key in its scope, at its present version, and for no other.

    What it has answered on those versions already stays; what it was asked before keeps its time limit.
    """
    await lock_scopes(unit.connection, alone=True)
    await points.save(unit.connection, point, unit.now)
    await enforcements.drop_outside(unit.connection, point, unit.now)
    await enforcements.begin_all(unit.connection, point, unit.now)
