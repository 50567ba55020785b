"""A process of the fault suite follows its plan while it runs, once, and leaves a file that shows it."""

import os
import signal
from pathlib import Path

import pytest

from shared.events import Record
from shared.outbox.table import Lane
from shared.steps import Step
from tests.faults.process import Plan, Watcher, ask, swallowed, was_done, withdraw

CASES = Lane("geowithhold.directives.v1", 3)
RECORD = Record(b"dir_1", b"{}", (("ce_id", b"dir_1@4"),))


def plan(action: str, step: str, nth: int = 1) -> Plan:
    return Plan(id=f"1-relay-{action}", step=step, nth=nth, action=action)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[signal.Signals]:
    found: list[signal.Signals] = []
    monkeypatch.setattr(os, "kill", lambda _pid, what: found.append(what))
    return found


@pytest.mark.parametrize(("action", "signals"), [("kill", [signal.SIGKILL]), ("stop", [signal.SIGSTOP])])
def test_it_is_hit_where_it_was_asked_for_and_once(
    tmp_path: Path, sent: list[signal.Signals], action: str, signals: list[signal.Signals]
) -> None:
    watcher, asked = Watcher(tmp_path, "relay-1"), plan(action, Step.ROWS_READ.value, nth=2)
    watcher(Step.ROWS_READ)
    ask(tmp_path, "relay-1", asked)

    watcher(Step.ROWS_READ)
    watcher(Step.BATCH_SENT)
    assert (sent, was_done(tmp_path, asked)) == ([], False)
    watcher(Step.ROWS_READ)
    watcher(Step.ROWS_READ)

    assert (sent, was_done(tmp_path, asked)) == (signals, True)


def test_a_plan_that_was_withdrawn_is_not_followed(tmp_path: Path, sent: list[signal.Signals]) -> None:
    watcher = Watcher(tmp_path, "relay-1")
    ask(tmp_path, "relay-1", plan("kill", Step.ROWS_READ.value, nth=2))
    watcher(Step.ROWS_READ)
    withdraw(tmp_path, "relay-1")

    watcher(Step.ROWS_READ)

    assert sent == []


def test_a_batch_that_is_swallowed_is_told_by_the_ids_of_its_events(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, "relay-1")
    ask(tmp_path, "relay-1", plan("swallow", CASES.topic))

    assert watcher.swallows(Lane("geowithhold.withholdings.v1", 3), [RECORD]) is False
    assert watcher.swallows(CASES, [RECORD]) is True
    assert watcher.swallows(CASES, [RECORD]) is False
    assert swallowed(tmp_path) == {"dir_1@4"}
