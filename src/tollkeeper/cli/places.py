"""Where a command works that needs no database of yours: a temporary SQLite file."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from tollkeeper.cli.calls import Call


@contextmanager
def database_or_temporary(call: Call, *, is_asked_for: bool = True) -> Iterator[Call]:
    """Give the call as it is, or with a SQLite file that is gone afterwards if it names none.

    Only an option counts: what the environment names is the app's own, and its books are for ever.
    """
    if call.database and is_asked_for:
        yield call
        return
    with (
        _cleared_up_when_terminated(),
        TemporaryDirectory(prefix="tollkeeper-", ignore_cleanup_errors=True) as folder,
    ):
        url = f"sqlite:///{Path(folder) / 'tollkeeper.db'}"
        yield replace(call, database=url, makes_file=True)


@contextmanager
def _cleared_up_when_terminated() -> Iterator[None]:
    """Let SIGTERM unwind what is under way, as Ctrl-C does; then end the process by it after all.

    Its status is what whoever sent the signal expects to see.
    """
    came: list[int] = []

    def unwind(number: int, frame: FrameType | None) -> None:
        came.append(number)
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):
            # A shell lets its background jobs ignore Ctrl-C, but SIGTERM is meant for them.
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if came:
            signal.raise_signal(signal.SIGTERM)
