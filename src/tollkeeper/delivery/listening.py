"""What an app hears of in one process: its functions, and the jobs that call them."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

from tollkeeper.delivery.clearing import Clearing
from tollkeeper.delivery.delivering import Delivery
from tollkeeper.delivery.ending import ending
from tollkeeper.delivery.expiring import expiring
from tollkeeper.delivery.queues import LEASE
from tollkeeper.delivery.subscribers import Subscribers
from tollkeeper.ledger.change import Ledger
from tollkeeper.notices import Notice
from tollkeeper.operations.jobs import Agenda, Job

N = TypeVar("N", bound=Notice)
R = TypeVar("R")


class Listening:
    """The functions that an app registered, and what `run_due` does beside the sweep.

    `notices` are the kinds that are written whoever listens; None leaves it at the usual ones.
    """

    def __init__(
        self,
        ledger: Ledger,
        notices: Iterable[type[Notice]] | None = None,
        *,
        may_await: bool,
        lease: timedelta = LEASE,
    ) -> None:
        if notices is not None:
            ledger.outbox.choose(notices)
        self._subscribers = Subscribers(ledger.outbox, may_await=may_await)
        delivery = Delivery(ledger, self._subscribers, lease=lease)
        # What time has to tell comes first, so that it is told in the same run.
        jobs: list[Job] = [expiring(ledger), ending(ledger), delivery, Clearing(ledger)]
        self.agenda = Agenda(jobs)

    def on(self, *kinds: type[N]) -> Callable[[Callable[[N], R]], Callable[[N], R]]:
        """Give what registers a function for these kinds, and gives the function back."""

        def register(function: Callable[[N], R]) -> Callable[[N], R]:
            self._subscribers.add(kinds, function)
            return function

        return register
