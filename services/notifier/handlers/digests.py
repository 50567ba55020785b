"""Digests of states: what each jurisdiction's keys come to, as the blocklist says."""

from collections.abc import Sequence

from services.notifier.handlers.unit import Unit
from shared.events import StateDigested


async def record_state_digests(unit: Unit, made: Sequence[StateDigested]) -> None:
    """Nothing follows from them yet."""
