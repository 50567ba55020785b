"""What stands between a service and a session of its own: poolers, as their clients see them."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from shared.engines import StoreLimits
from shared.postgres import UNKNOWN_TO_POOLER, find_faults
from tests.unit.shared.test_store_checks import FIT

OURS = "10000"
"""The lock_timeout that we ask for, in milliseconds."""


class Session:
    """A session as one client has it. `patience` is the lock_timeout that holds in it."""

    def __init__(self, pid: int, patience: str = OURS) -> None:
        self._pid, self._patience = pid, patience
        self.ended = False

    async def fetch(self, _query: str) -> Sequence[Any]:
        return [(name, value, "default") for name, value in FIT.items()]

    async def fetchval(self, query: str) -> Any:
        return self._pid if "pg_backend_pid" in query else self._patience

    def terminate(self) -> None:
        self.ended = True


class Refused(asyncpg.PostgresError):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate  # type: ignore[misc]  # theirs are one class each


async def found(monkeypatch: pytest.MonkeyPatch, *sessions: Session | Refused) -> list[str]:
    """What is held against a server that gives its clients these sessions, one after the other."""
    left = list(sessions)

    async def connect(*_arguments: Any, **_options: Any) -> Session:
        session = left.pop(0)
        if isinstance(session, Refused):
            raise session
        return session

    monkeypatch.setattr(asyncpg, "connect", connect)
    try:
        return [finding.found for finding in await find_faults("postgresql://h/n", StoreLimits())]
    finally:
        assert all(session.ended for session in sessions if isinstance(session, Session))


async def test_two_sessions_with_our_settings_are_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await found(monkeypatch, Session(1), Session(2)) == []


async def test_one_session_for_two_clients_is_a_transaction_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await found(monkeypatch, Session(1), Session(1)) == ["shared by a transaction pooler"]


@pytest.mark.parametrize("second", [Session(2, patience="0"), Refused(UNKNOWN_TO_POOLER)], ids=["drops them", "refuses them"])
async def test_a_session_without_our_settings_is_none(monkeypatch: pytest.MonkeyPatch, second: Session | Refused) -> None:
    assert await found(monkeypatch, Session(1), second) == ["without the settings that it was opened with"]


async def test_a_server_that_refuses_for_another_reason_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="53300"):
        await found(monkeypatch, Session(1), Refused("53300"))
