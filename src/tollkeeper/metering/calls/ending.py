"""The endings that were not booked yet, and the job that books them (B5).

A call that this process ended while the database was away waits here, in memory, and in its row as
far as that was written. A call whose process died is found by its row: what was saved of it is
charged, else its estimate, unless its caller said otherwise. No ending is dropped in silence.
"""

import _thread
import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from tollkeeper.delivery.backoff import MAXIMUM_ATTEMPTS, retry_at
from tollkeeper.doors.forks import take_part
from tollkeeper.errors import Closed, StoreError, TollkeeperError
from tollkeeper.ledger import metered_calls
from tollkeeper.ledger.metered_calls import Key, StoredCall
from tollkeeper.metering.calls.recording import BOOKING, Recorder
from tollkeeper.metering.calls.running import RunningCall
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import Done, Work
from tollkeeper.store import metered_calls as store

logger = logging.getLogger("tollkeeper")

#: How many calls are taken in one step.
STEP: Final = 100
#: How long a worker keeps a call; whoever dies holds it up for so long.
LEASE: Final = timedelta(minutes=1)
#: Most endings that wait in memory; the rows of others tell what was saved of them.
MAXIMUM_WAITING: Final = 100_000

Ending = tuple[RunningCall, BaseException | None]


class Endings:
    """The endings of one `Billing` that are still to be booked; a job of `run_due`."""

    def __init__(
        self, recorder: Recorder, perform: Callable[[Callable[[PlainDoor], Any]], Any]
    ) -> None:
        self._recorder = recorder
        #: Runs steps on this very thread, whoever made the call.
        self._perform = perform
        self._waiting: deque[Ending] = deque(maxlen=MAXIMUM_WAITING)
        #: The calls that are open here.
        self._open: weakref.WeakSet[RunningCall] = weakref.WeakSet()
        take_part(self)

    def __len__(self) -> int:
        """Count what waits in memory."""
        return len(self._waiting)

    @contextmanager
    def seen_to(self, running: RunningCall, error: BaseException | None) -> Iterator[None]:
        """Keep an ending for later where the database is away; what was delivered stays so."""
        try:
            yield
        except (StoreError, Closed) as failure:
            logger.warning("The call %s is booked later: %s", running.id, failure)
            self._waiting.append((running, error))
        except TollkeeperError as failure:
            self._waiting.append((running, error))
            if error is None:
                raise
            # What broke the body is what its caller has to hear.
            logger.warning("The call %s could not be booked: %s", running.id, failure)
        except BaseException:  # a task that is cancelled here must not lose its ending
            self._waiting.append((running, error))
            raise

    def begun(self, running: RunningCall) -> None:
        """Know that a call is open here."""
        self._open.add(running)

    def abandoned(self, running: RunningCall) -> None:
        """Book a call whose owner let go of it, on another thread.

        The collector calls this anywhere, where no lock may be waited for.
        """
        self._waiting.append((running, GeneratorExit()))
        with suppress(RuntimeError):  # the interpreter is ending; the row tells the rest
            _thread.start_new_thread(self.book_waiting, ())

    def close(self) -> None:
        """Book what can be booked before the front door closes; the rows tell the rest.

        Of a stream that is still open what came is charged. Of a call that has not answered yet
        nobody knows; its row waits for a job.
        """
        for running in list(self._open):
            if running.progress.has_begun and not running.is_booked:
                self._waiting.append((running, GeneratorExit()))
        self.book_waiting()

    def book_waiting(self) -> None:
        """Book what waits in memory; what cannot be booked goes on waiting."""
        try:
            self._perform(lambda door: self._book_waiting(door, len(self._waiting)))
        except Exception as error:  # noqa: BLE001  # nobody hears it; the next run tries again
            logger.warning("An ended call could not be booked; the next run tries: %s", error)

    def begin(self) -> Work:
        """Give what books the endings that wait."""
        return self._run

    def pause(self) -> None:
        """Let a fork happen at any moment; the door sees to what is being written."""

    def resume(self) -> None:
        """Go on after a fork."""

    def forget(self) -> None:
        """Leave the parent's endings to the parent."""
        self._waiting = deque(maxlen=MAXIMUM_WAITING)
        self._open = weakref.WeakSet()

    def _run(self, door: PlainDoor, limit: int) -> Done:
        booked = self._book_waiting(door, limit)
        while booked < limit:
            keys = self._lease(door, min(STEP, limit - booked))
            if not keys:
                return Done({"calls_booked": booked} if booked else {})
            booked += sum(self._book(door, key) for key in keys)
        return Done({"calls_booked": booked}, is_done=False)

    def _book_waiting(self, door: PlainDoor, limit: int) -> int:
        """Book what waits in memory; one that fails again goes on waiting."""
        booked = 0
        for _ in range(min(len(self._waiting), limit)):
            try:
                running, error = self._waiting.popleft()
            except IndexError:  # another thread was quicker
                break
            try:
                running.end(door, error)
                booked += 1
            except (StoreError, Closed):
                self._waiting.append((running, error))
                raise
        return booked

    def _lease(self, door: PlainDoor, most: int) -> list[Key]:
        now, database = self._recorder.ledger.clock.now(), self._recorder.ledger.database
        return list(door.transact(lambda c: store.lease(c, database, now, now + LEASE, most)))

    def _book(self, door: PlainDoor, key: Key) -> int:
        """Book one call by its row; where that fails, try it again later, and say so."""
        stored = self._recorder.read(door, key)
        if stored is None:
            return 0
        try:
            if stored.call.status == "open" and not self._ended(door, stored):
                return 0
            self._recorder.book(door, key)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  # one call must not keep the others from being booked
            self._postpone(door, stored, error)
            return 0
        return 1

    def _ended(self, door: PlainDoor, stored: StoredCall) -> bool:
        """End a call whose process died, by what its row tells; tell whether it ever held."""
        call, recorder = stored.call, self._recorder
        key = (call.customer, call.id)
        if not recorder.has_hold(door, stored):
            recorder.forget(door, key)
            return False
        is_released = stored.saved is None and stored.said.get("abandoned") == "release"
        quantity = stored.estimate if stored.saved is None else stored.saved
        marks = ["abandoned", "estimated"] if stored.saved is None else ["abandoned"]
        now, database = recorder.ledger.clock.now(), recorder.ledger.database
        values = {
            "status": "ending",
            "outcome": "failed_before_delivery" if is_released else "aborted",
            "quantity": 0 if is_released else quantity,
            "marks": " ".join(dict.fromkeys([*call.marks, *marks])),
            "next_attempt_at": now + BOOKING,
        }
        logger.warning("The call %s was never ended; it is booked as it was saved.", call.id)
        return bool(door.transact(lambda c: store.change(c, database, key, ("open",), values)))

    def _postpone(self, door: PlainDoor, stored: StoredCall, error: Exception) -> None:
        call, attempts = stored.call, stored.attempts + 1
        now, database = self._recorder.ledger.clock.now(), self._recorder.ledger.database
        again = retry_at(min(attempts, MAXIMUM_ATTEMPTS - 1), now, 0.5)
        logger.error("The call %s cannot be booked (try %d): %s", call.id, attempts, error)
        key = (call.customer, call.id)
        door.transact(lambda c: metered_calls.postpone(c, database, key, attempts, again))
