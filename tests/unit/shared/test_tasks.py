import asyncio
import time
from collections.abc import Iterator

import pytest
import structlog

import shared.tasks
from shared.tasks import first_of, pause, running
from tests.support.blocklist import silence_logs
from tests.support.eventually import eventually


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


async def test_the_body_runs_beside_the_block_and_is_waited_for_at_its_end() -> None:
    log: list[str] = []

    async def body(stop: asyncio.Event) -> None:
        log.append("started")
        await stop.wait()
        log.append("stopped")

    async with running("body", body):
        await eventually(lambda: log == ["started"])
        log.append("block")

    assert log == ["started", "block", "stopped"]


async def test_a_body_that_fails_is_started_again() -> None:
    tries: list[int] = []

    async def body(stop: asyncio.Event) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise LookupError
        await stop.wait()

    async with running("body", body):
        await eventually(lambda: len(tries) == 3)


async def test_a_body_that_worked_for_long_is_started_again_as_if_it_had_never_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that is built anew once a day must not wait longer every time."""
    waited: list[float] = []

    async def pause(_stop: asyncio.Event, seconds: float) -> bool:
        waited.append(seconds)
        return True

    monkeypatch.setattr("shared.tasks.pause", pause)
    monkeypatch.setattr("shared.tasks.random.random", lambda: 1.0)
    monkeypatch.setattr("shared.tasks.LONG_ENOUGH", 0.0)

    async def body(stop: asyncio.Event) -> None:
        if len(waited) < 3:
            raise LookupError
        await stop.wait()

    async with running("body", body):
        await eventually(lambda: len(waited) == 3)

    assert waited == [0.1, 0.1, 0.1]


async def test_a_body_that_is_done_is_not_started_again() -> None:
    tries: list[int] = []

    async def body(_stop: asyncio.Event) -> None:
        tries.append(1)

    async with running("body", body):
        await eventually(lambda: tries)

    assert len(tries) == 1


async def test_a_failing_body_does_not_hold_up_the_end() -> None:
    async def body(_stop: asyncio.Event) -> None:
        raise LookupError

    async with asyncio.timeout(5):
        async with running("body", body):
            await asyncio.sleep(0)


async def test_a_body_that_does_not_stop_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.tasks, "STOP_WITHIN", 0.01)
    cancelled = asyncio.Event()

    async def body(_stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with running("body", body):
        await asyncio.sleep(0)

    assert cancelled.is_set()


async def test_blocks_that_end_one_after_another_share_the_time_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.tasks, "STOP_WITHIN", 0.2)
    asked: list[float] = []

    async def stubborn(stop: asyncio.Event) -> None:
        await stop.wait()
        asked.append(shared.tasks._seconds_to_stop())
        await asyncio.Event().wait()

    began = time.monotonic()
    async with running("a", stubborn), running("b", stubborn), running("c", stubborn):
        await asyncio.sleep(0)

    assert time.monotonic() - began < 0.6
    async with running("d", stubborn):
        await asyncio.sleep(0)
    assert asked[-1] > 0.1


async def test_a_block_that_fails_stops_the_body_and_fails() -> None:
    stopped = asyncio.Event()

    async def body(stop: asyncio.Event) -> None:
        await stop.wait()
        stopped.set()

    async def fail() -> None:
        async with running("body", body):
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert stopped.is_set()


async def test_a_pause_says_whether_it_was_ended_early() -> None:
    event = asyncio.Event()

    late = await pause(event, 0.001)
    event.set()

    assert (late, await pause(event, 60)) == (False, True)


async def test_the_first_of_several_events_is_enough() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    second.set()

    async with asyncio.timeout(5):
        await first_of(first, second)

    assert len(asyncio.all_tasks()) <= 3
