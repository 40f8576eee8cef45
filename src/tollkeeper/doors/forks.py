"""Forks: a child inherits locks that nobody will release, and SQLite's belief in locks it lacks.

A fork waits until no batch is under way. A SQLite file is let go of before it: POSIX gives a child
none of its parent's file locks, yet SQLite in the child would count on them, and what it commits
can be lost (https://www.sqlite.org/howtocorrupt.html, section 2.6).
"""

import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from tollkeeper.errors import StoreUnavailable

#: How long a fork waits for what is under way.
PAUSE_SECONDS = 1.0


class Forked(Protocol):
    """Whoever takes part in forks."""

    def pause(self) -> None:
        """Let nothing be under way."""
        ...

    def resume(self) -> None:
        """Go on, in the parent."""
        ...

    def forget(self) -> None:
        """Start anew, in the child."""
        ...


class Gate:
    """Whoever is within holds a connection; a fork waits until nobody is."""

    def __init__(self) -> None:
        self._turnstile = threading.Lock()
        self._counting = threading.Lock()
        self._inside = 0

    @contextmanager
    def within(self) -> Iterator[None]:
        """Be within."""
        with self._turnstile, self._counting:
            self._inside += 1
        try:
            yield
        finally:
            with self._counting:
                self._inside -= 1

    def shut(self) -> bool:
        """Let nobody in any more; tell whether all went out in time."""
        self._turnstile.acquire()
        until = time.monotonic() + PAUSE_SECONDS
        while self._inside and time.monotonic() < until:
            time.sleep(0.001)
        return not self._inside

    def open(self) -> None:
        """Let in who waits."""
        self._turnstile.release()


def refuse_if_tainted(file: str | None) -> None:
    """Refuse a SQLite file that was in use when this process was forked off another one.

    Raises:
        StoreUnavailable: it was.
    """
    if file in _tainted:
        raise StoreUnavailable(
            "This process was forked while its parent was using the SQLite file, and could lose "
            "what it writes. Close Billing before you fork, or start the process anew."
        )


def taint(file: str | None) -> None:
    """Let nobody in this process use a file any more."""
    if file is not None:
        _tainted.add(file)


def file_of(database: str | None) -> str:
    """Name a file the same way, however a URL writes it."""
    return str(Path(database or "").resolve())


def take_part(who: Forked) -> None:
    """Have somebody told of forks, for as long as anybody else knows of them."""
    _parts.add(who)


def _before() -> None:
    # One fork at a time: a second one would find all paused, and resume what is not its own.
    _forking.acquire()
    for part in list(_parts):
        part.pause()


def _in_the_parent() -> None:
    for part in list(_parts):
        part.resume()
    _forking.release()


def _in_the_child() -> None:
    for part in list(_parts):
        part.forget()
    _forking.release()


#: SQLite files that this process must not touch.
_tainted: Final[set[str]] = set()
# A fork concerns the whole process, and what is registered for it stays registered for ever.
_parts: Final[weakref.WeakSet[Forked]] = weakref.WeakSet()
#: Held from before a fork until after it by whoever forks; a bare lock, as the child frees it too.
_forking: Final = threading.Lock()
if sys.platform != "win32":
    os.register_at_fork(
        before=_before, after_in_parent=_in_the_parent, after_in_child=_in_the_child
    )
