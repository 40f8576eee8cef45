"""Calls an app's functions with a notice; what they raise is told, and goes no further."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Collection
from typing import NamedTuple

from tollkeeper.delivery.subscribers import Subscriber
from tollkeeper.errors import InvalidRequest
from tollkeeper.notices import Notice

logger = logging.getLogger("tollkeeper")

#: The most characters that are kept of what went wrong.
MAXIMUM_ERROR = 500


class Heard(NamedTuple):
    """How a notice fared: who has heard it by now, and what went wrong with the others."""

    by: tuple[str, ...]
    error: str | None


def tell(
    notice: Notice,
    subscribers: Collection[Subscriber],
    before: Collection[str],
    loop: asyncio.AbstractEventLoop | None,
    seconds: float,
) -> Heard:
    """Call everybody who has not heard a notice yet, one after another.

    One that fails does not keep the next from hearing. What is to be awaited runs on the loop, for
    `seconds` at most.
    """
    heard, error = list(before), None
    for each in subscribers:
        if each.name in before:
            continue
        try:
            _call(each, notice, loop, seconds)
            heard.append(each.name)
        except BaseException as failure:  # whatever an app's function raises, it is tried again
            if _is_for_us(failure):
                raise
            logger.warning("%s failed on the notice %s.", each.name, notice.id, exc_info=failure)
            error = error or described(each.name, failure)
    return Heard(tuple(heard), error)


def _is_for_us(failure: BaseException) -> bool:
    """Tell whether somebody at the keyboard ends the program, which only the main thread hears.

    A function that calls `sys.exit()` has failed as any other: it must end neither the thread that
    tells others, nor one worker after another.
    """
    is_main = threading.current_thread() is threading.main_thread()
    return isinstance(failure, KeyboardInterrupt) and is_main


def described(name: str, failure: BaseException) -> str:
    """Say in one short text, which any database takes, who failed and why."""
    text = f"{name}: {type(failure).__name__}: {failure}"[:MAXIMUM_ERROR]
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _call(
    subscriber: Subscriber,
    notice: Notice,
    loop: asyncio.AbstractEventLoop | None,
    seconds: float,
) -> None:
    answer = subscriber.function(notice)
    if not inspect.isawaitable(answer):
        return
    if loop is None:
        if inspect.iscoroutine(answer):
            answer.close()
        raise InvalidRequest("What this function gives is to be awaited; use AsyncBilling.")
    future = asyncio.run_coroutine_threadsafe(_awaited(answer), loop)
    try:
        future.result(seconds)
    finally:
        future.cancel()


async def _awaited(answer: Awaitable[object]) -> None:
    await answer
