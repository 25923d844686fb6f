"""Run slow work in a thread, without holding up the event loop or the end of the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], discard: Callable[[T], None] | None = None) -> T:
    """Return the result of `work`, or raise its error.

    If the caller is cancelled, the work goes on, and `discard` gets its result. The interpreter
    does not wait for the thread when it ends.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def drop(result: T) -> None:
        if discard is not None:
            discard(result)

    def settle(result: T) -> None:
        if future.done():
            drop(result)
        else:
            future.set_result(result)

    def fail(error: BaseException) -> None:
        if not future.done():
            future.set_exception(error)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - the loop raises it where it is waited for
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(fail, error)
            return
        try:
            loop.call_soon_threadsafe(settle, result)
        except RuntimeError:
            # The loop has ended meanwhile.
            drop(result)

    threading.Thread(target=run, name="git-datmo-background", daemon=True).start()
    return await future
