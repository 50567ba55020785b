import asyncio
from typing import Any

import pytest

from shared.ending import Ending
from shared.http import readiness as under_test
from shared.http.readiness import Check, Said, readiness


def saying(**values: Any) -> Check:
    async def check() -> Said:
        return Said(**values)

    return check


async def failing() -> Said:
    raise ConnectionRefusedError


async def hanging() -> Said:
    await asyncio.Event().wait()
    raise AssertionError


async def report(*checks: Check) -> dict[str, Any]:
    return await readiness(Ending(), {f"part_{number}": check for number, check in enumerate(checks)})()


async def test_a_process_without_parts_is_ready() -> None:
    assert await report() == {"ready": True}


async def test_every_part_tells_its_details_and_what_is_worse_than_it_should_be() -> None:
    told = await report(saying(details={"a": 1}), saying(details={"b": 2}, degraded="b is late"), saying(degraded="c is off"))

    assert told == {"ready": True, "a": 1, "b": 2, "degraded": ["b is late", "c is off"]}


async def test_the_first_part_that_is_not_ready_ends_the_report() -> None:
    assert await report(saying(details={"a": 1}), saying(ready=False, details={"b": 2}), failing) == {
        "ready": False,
        "a": 1,
        "b": 2,
    }


async def test_a_part_that_fails_is_named_with_its_error() -> None:
    assert await report(saying(details={"a": 1}), failing) == {"ready": False, "a": 1, "part_1": "ConnectionRefusedError"}


async def test_a_part_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "CHECKED_WITHIN", 0.01)

    assert await report(hanging) == {"ready": False, "part_0": "TimeoutError"}


async def test_a_process_that_ends_asks_nobody() -> None:
    ending = Ending()
    ending.tell()

    assert await readiness(ending, {"part": failing})() == {"ready": False, "draining": True}
