"""Rooms for tasks inside a host's own transaction: the same verbs, run on the host's connection.

It ends no transaction; that stays the host's. There is never a second copy of a verb.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from tollkeeper.doors.hosts import Source, join_async
from tollkeeper.doors.joined import JoinedDoor
from tollkeeper.doors.tasks import ask, learning
from tollkeeper.doors.wiring import Wired
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import Lesson, Unlearnt


class JoinedRoom:
    """One room, whose verbs run inside the transaction of an async connection or session."""

    def __init__(self, host: Any, wired: Wired, room: Callable[[Desk], object]) -> None:
        self._host = host
        self._wired = wired
        self._room = room

    def __getattr__(self, verb: str) -> Any:
        """Give a verb as a coroutine function."""
        if verb.startswith("_"):
            raise AttributeError(verb)

        async def call(*arguments: Any, **options: Any) -> Any:
            def work(source: Source) -> Any:
                return getattr(self._opened(source), verb)(*arguments, **options)

            dialect = self._wired.ledger.database.dialect

            def joined() -> Awaitable[Any]:
                return join_async(self._host, dialect, work)

            try:
                return await joined()
            except Unlearnt as unlearnt:
                return await learning(self._wired.threads, unlearnt, joined)

        return call

    def _opened(self, source: Source) -> object:
        """Open the room on the host's connection; what it learns of units stays apart."""
        ledger = self._wired.ledger.apart()
        return self._room(Desk(JoinedDoor(source, ledger, self._ask), ledger))

    def _ask(self, lesson: Lesson, key: str) -> None:
        ask(self._wired.threads, lesson, key)
