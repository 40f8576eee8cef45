"""Rooms for tasks: the same verbs, awaited. There is never a second copy of a verb.

A verb of a room answers what its door answers, which tasks await. Only one thing is added: a unit
that was never met, or the catalog in force, has to be read first, and that must not block the loop.
"""

import functools
from collections.abc import Callable
from typing import Any

from tollkeeper.doors.tasks import TaskDoor
from tollkeeper.operations.door import Unlearnt


class Awaited:
    """A room whose verbs are awaited."""

    def __init__(self, room: object, door: TaskDoor) -> None:
        for name in dir(room):
            if not name.startswith("_"):
                setattr(self, name, awaited(getattr(room, name), door))


def awaited(verb: Callable[..., Any], door: TaskDoor) -> Callable[..., Any]:
    """Make a verb a coroutine function."""

    @functools.wraps(verb)
    async def call(*arguments: Any, **options: Any) -> Any:
        try:
            answer = verb(*arguments, **options)
        except Unlearnt as unlearnt:
            return await door.learnt(unlearnt, lambda: verb(*arguments, **options))
        return await answer

    return call
