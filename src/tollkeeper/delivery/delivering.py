"""The job that delivers what waits in the outbox to the app's functions.

The laws: a notice is delivered once every function that listens here has heard it, and a function
that has is not called with it again, unless a worker dies before that is written down. While a
notice waits for another try, later ones of its customer wait as well; after the last try it is
dead, and they go on. Only kinds that somebody in this process listens to are taken.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from tollkeeper.delivery.queues import LEASE, Worker, deliver_some
from tollkeeper.delivery.subscribers import Subscribers
from tollkeeper.doors.forks import take_part
from tollkeeper.ids import new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.operations.door import PlainDoor
from tollkeeper.operations.jobs import Done, Work


class Delivery:
    """Delivers; of several calls for one `Billing` at once, one works and the others leave."""

    def __init__(
        self,
        ledger: Ledger,
        subscribers: Subscribers,
        *,
        lease: timedelta = LEASE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = ledger
        self._subscribers = subscribers
        self._lease = lease
        self._chance = chance
        self._who = new_id("run")
        self._turn = threading.Lock()
        take_part(self)

    def begin(self) -> Work:
        """Remember the loop of the task that asks: what is to be awaited runs there."""
        loop: asyncio.AbstractEventLoop | None = None
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
        return lambda door, limit: self._run(door, limit, loop)

    def pause(self) -> None:
        """Let a fork happen at any moment; the door sees to what is being written."""

    def resume(self) -> None:
        """Go on after a fork."""

    def forget(self) -> None:
        """Be another worker in a forked child, which has none of its parent's leases."""
        self._turn = threading.Lock()
        self._who = new_id("run")

    def _run(self, door: PlainDoor, limit: int, loop: asyncio.AbstractEventLoop | None) -> Done:
        kinds = self._subscribers.kinds()
        if not kinds:
            return Done()
        if not self._turn.acquire(blocking=False):
            return Done(is_done=False)
        worker = Worker(
            self._ledger, self._subscribers, kinds, self._who, loop, self._lease, self._chance
        )
        counts: Counter[str] = Counter()
        try:
            while counts.total() < limit:
                some = deliver_some(worker, door, limit - counts.total())
                if some is None:
                    return Done(counts)
                counts += some
        finally:
            self._turn.release()
        return Done(counts, is_done=False)
