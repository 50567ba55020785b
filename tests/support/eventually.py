"""Waiting for what other processes do: poll with a deadline, never sleep for a guessed time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")

_STEP = 0.02


@overload
async def eventually(check: Callable[[], Awaitable[T]], *, within: float = 10.0) -> T: ...


@overload
async def eventually(check: Callable[[], T], *, within: float = 10.0) -> T: ...


async def eventually(check: Callable[[], T | Awaitable[T]], *, within: float = 10.0) -> T:
    """Calls `check` until it returns something true without an AssertionError, and returns that.

    After the deadline the last AssertionError is raised, or one that shows what `check` last returned. Any other
    exception goes through at once.
    """
    deadline = time.monotonic() + within
    while True:
        failure = None
        try:
            if result := await _result(check):
                return result
            failure = AssertionError(f"still {result!r} after {within:g} s")
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        await asyncio.sleep(_STEP)


async def _result(check: Callable[[], T | Awaitable[T]]) -> T:
    result = check()
    return cast("T", await result) if inspect.isawaitable(result) else result
