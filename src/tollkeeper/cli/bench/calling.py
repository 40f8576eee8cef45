"""What each operation calls, again and again. The same for tasks and for threads.

The rooms have the same verbs for both: what a call gives is an answer, or is awaited for one.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tollkeeper.cli.bench.load import UNIT, Load
from tollkeeper.cli.bench.selling import CALLS, EVENTS

#: How far back a summary looks.
SUMMED: Final = timedelta(days=30)
#: What events say of the model that was used.
_MODELS: Final = tuple({"model": name} for name in ("small", "medium", "large", "huge"))


def call_of(billing: Any, load: Load) -> Callable[[], Any]:
    """Give what a caller of this load calls, on a `Billing` or an `AsyncBilling`."""
    return _CALLS[load.operation](billing, load)


def new_key() -> str:
    """Make a random key, as long as a UUID, without asking the system for randomness each time.

    What is to be measured is the database; the peer's keys come out of a buffer as well.
    """
    return f"{random.getrandbits(144):036x}"


def _consume(billing: Any, load: Load) -> Callable[[], Any]:
    room, customer = billing.credits, load.customer
    return lambda: room.consume(customer(), UNIT, 1, idempotency_key=new_key())


def _balance(billing: Any, load: Load) -> Callable[[], Any]:
    room, customer = billing.credits, load.customer
    return lambda: room.balance(customer(), UNIT)


def _charge(billing: Any, load: Load) -> Callable[[], Any]:
    charge, customer = billing.charge, load.customer
    return lambda: charge(customer(), CALLS, 1, idempotency_key=new_key())


def _check(billing: Any, load: Load) -> Callable[[], Any]:
    check, customer = billing.check, load.customer
    return lambda: check(customer(), CALLS, 1)


def _record(billing: Any, load: Load) -> Callable[[], Any]:
    record_many = billing.usage.record_many

    def call() -> Any:
        return record_many(
            [
                {
                    "customer": customer,
                    "feature": EVENTS,
                    "dimensions": _MODELS[number & 3],
                    "idempotency_key": new_key(),
                }
                for number, customer in enumerate(load.customers_of_batch())
            ]
        )

    return call


def _summary(billing: Any, load: Load) -> Callable[[], Any]:
    summary, customer = billing.usage.summary, load.customer
    since, until = span(datetime.now(UTC), cuts_hours=load.cuts_hours)
    return lambda: summary(customer(), EVENTS, since=since, until=until)


def span(now: datetime, *, cuts_hours: bool) -> tuple[datetime, datetime]:
    """Give thirty days: up to the end of the running hour, or from within one hour to another.

    >>> noon = datetime(2026, 6, 30, 12, 34, tzinfo=UTC)
    >>> [str(moment) for moment in span(noon, cuts_hours=True)]
    ['2026-05-31 11:30:00+00:00', '2026-06-30 11:30:00+00:00']
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    until = hour - timedelta(minutes=30) if cuts_hours else hour + timedelta(hours=1)
    return until - SUMMED, until


_CALLS: Final[dict[str, Callable[[Any, Load], Callable[[], Any]]]] = {
    "consume": _consume,
    "balance": _balance,
    "charge": _charge,
    "check": _check,
    "record": _record,
    "summary": _summary,
}
