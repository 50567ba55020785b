import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.supervisor import Service, Supervisor, interruptible, next_delay

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def make_service(folder: Path, code: str = SLEEP, name: str = "sleeper") -> Service:
    return Service(name=name, argv=[sys.executable, "-c", code], env=os.environ, log_path=folder / f"{name}.log")


def wait_for(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_killed_process_is_started_again_in_the_same_group(tmp_path: Path, said: list[str]) -> None:
    with Supervisor([make_service(tmp_path)], say=said.append) as supervisor:
        first = supervisor.pids()["sleeper"]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: supervisor.pids().get("sleeper", first) != first)
        second = supervisor.pids()["sleeper"]

        assert os.getpgid(second) == os.getpgid(0)
        assert supervisor.deaths("sleeper") == 1
    assert "sleeper: ended by SIGKILL; starts again in 0.2 s" in said[1]


def test_all_processes_are_gone_after_the_block(tmp_path: Path, said: list[str]) -> None:
    with Supervisor(say=said.append) as supervisor:
        supervisor.add(make_service(tmp_path, name="one"))
        supervisor.add(make_service(tmp_path, name="two"))
        pids = list(supervisor.pids().values())

    assert len(pids) == 2
    assert not any(runs(pid) for pid in pids)


def test_a_process_that_ignores_the_request_to_stop_is_killed(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.supervisor.STOP_WITHIN", 0.1)

    with Supervisor([make_service(tmp_path, DEAF)], say=said.append) as supervisor:
        pid = supervisor.pids()["sleeper"]
        wait_for(lambda: "deaf" in (tmp_path / "sleeper.log").read_text())

    assert not runs(pid)
    assert said[-1] == "sleeper: did not stop within 0.1 s, killed"


def test_a_removed_process_stays_down_until_it_is_added_again(tmp_path: Path, said: list[str]) -> None:
    service = make_service(tmp_path)
    with Supervisor([service], say=said.append) as supervisor:
        first = supervisor.pids()["sleeper"]

        supervisor.remove("sleeper")
        assert not runs(first)
        assert supervisor.pids() == {}

        supervisor.add(service)
        assert supervisor.pids()["sleeper"] != first


def test_a_name_is_taken_only_once(tmp_path: Path, said: list[str]) -> None:
    with Supervisor([make_service(tmp_path)], say=said.append) as supervisor, pytest.raises(ValueError, match="sleeper"):
        supervisor.add(make_service(tmp_path))


def test_a_command_that_does_not_exist_is_an_error_at_once(tmp_path: Path, said: list[str]) -> None:
    missing = Service(name="missing", argv=[str(tmp_path / "none")], env={}, log_path=tmp_path / "log")

    with pytest.raises(FileNotFoundError), Supervisor([missing], say=said.append):
        pass


def test_the_wait_doubles_up_to_two_seconds_and_starts_over_after_a_healthy_life() -> None:
    waits = [0.0]
    for _ in range(6):
        waits.append(next_delay(waits[-1], lived=0.1))

    assert waits[1:] == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert next_delay(2.0, lived=10.0) == 0.2


def test_the_first_signal_interrupts_and_later_ones_let_the_clean_up_finish() -> None:
    cleaned_up: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned_up.append("to the end")

    with pytest.raises(KeyboardInterrupt), interruptible():
        work()

    assert cleaned_up == ["to the end"]
