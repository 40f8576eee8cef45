"""A thread that runs what is due as long as its `Billing` is open. It ends with the process."""

import logging
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tollkeeper.delivery.running import INTERVAL_SECONDS, Rhythm, check_interval
from tollkeeper.doors.forks import take_part
from tollkeeper.errors import Closed
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.operations.jobs import Jobs
from tollkeeper.values.findings import DueReport

logger = logging.getLogger("tollkeeper")

#: How long `stop` waits for what is under way, such as a function of the app.
STOP_SECONDS = 30.0


class Runner:
    """Runs what is due, at once when something was written here, otherwise every interval.

    One `Billing` has one; to start it again while it runs changes nothing. A forked child has none
    until it starts its own.
    """

    def __init__(self, jobs: Jobs, outbox: Outbox) -> None:
        # Whoever forgets to close Billing lets go of its jobs; a thread must not hold them.
        self._jobs = weakref.ref(jobs)
        self._outbox = outbox
        self._guard = threading.Lock()
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        take_part(self)

    @property
    def is_running(self) -> bool:
        """Tell whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, interval_seconds: float = INTERVAL_SECONDS) -> Self:
        """Start the thread, unless it is there.

        Raises:
            InvalidRequest: the interval is not from 0.01 seconds to an hour.
        """
        rhythm = Rhythm(check_interval(interval_seconds))
        with self._guard:
            if not self.is_running:
                self._bell, self._stopping = threading.Event(), threading.Event()
                self._outbox.wake = self._bell.set
                events = (self._bell, self._stopping)
                self._thread = threading.Thread(
                    target=_work,
                    args=(self._jobs, *events, rhythm),
                    name="tollkeeper-runner",
                    daemon=True,
                )
                self._thread.start()
        return self

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Let what is under way end, and wait for it; nothing new is begun."""
        with self._guard:
            thread, self._thread = self._thread, None
            self._outbox.wake = None
            self._stopping.set()
            self._bell.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def pause(self) -> None:
        """Let a fork happen at any moment; the door sees to what is being written."""

    def resume(self) -> None:
        """Go on after a fork."""

    def forget(self) -> None:
        """Have no thread in a forked child."""
        self._guard = threading.Lock()
        self._thread = None
        self._outbox.wake = None

    def __enter__(self) -> Self:
        """Use it as a context manager, which stops it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()


def _work(
    jobs: "Callable[[], Jobs | None]",
    bell: threading.Event,
    stopping: threading.Event,
    rhythm: Rhythm,
) -> None:
    while not stopping.is_set():
        bell.clear()
        report: DueReport | None = None
        due = jobs()
        if due is None:
            return
        try:
            report, rhythm = due.run_due(), rhythm.ran()
        except Closed:
            return
        except Exception:  # a database that is away comes back; the runner stays
            rhythm = rhythm.failed()
            logger.exception("What is due could not be run; the runner tries again.")
        del due
        seconds = rhythm.sleep_seconds(report)
        if seconds and not stopping.is_set():
            bell.wait(seconds)
