"""What opens an account and what merely may use it, in one batch, in either order (C1, D1).

A plan's grant opens the account that a charge beside it may or may not find: whichever comes first,
the account is there afterwards, and nothing of the grant is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.requests import Request
from tollkeeper.doors.rounds import run_with_missing
from tollkeeper.doors.tickets import ThreadTicket
from tollkeeper.errors import Refusal
from tollkeeper.ledger.change import Manner
from tollkeeper.operations.calls import Desk
from tollkeeper.rooms import Rooms

CATALOG = Catalog.from_toml("""
currency = "usd"
[units.credits]
[units.gold]
[features.image]
cost = { credits = 1 }
rate = "0.10 usd"
[features.post]
rate = "0.10 usd"
[plans.free]
allowances.credits = "50 / month"
limits = [{ feature = "image", at_most = 20, every = "day", per = "member" }]
[plans.pro]
group = "pro"
prices = ["20.00 usd / month"]
allowances.credits = "1000 / month"
""")


class Caught(Exception):
    """A call came as far as its request."""


class CatchingDoor:
    """A door that hands over the request of a call instead of running it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def change(self, request: Request, finish: Any = None) -> Any:
        raise Caught(request)

    def change_all(self, requests: Sequence[Request], finish: Any = None) -> Any:
        raise Caught(*requests)

    def perform(self, work: Callable[[Any], Any]) -> Any:
        return work(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


OPENING: dict[str, Callable[[Rooms, str], Any]] = {
    "assign_free": lambda rooms, who: rooms.subscriptions.assign_free(who),
    "allocate": lambda rooms, who: rooms.subscriptions.allocate(who, "pro"),
    "merge": lambda rooms, who: rooms.customers.merge("giver", into=who),
    "grant": lambda rooms, who: rooms.credits.grant(who, "credits", 3),
}
USING: dict[str, Callable[[Rooms, str], Any]] = {
    "charge": lambda rooms, who: rooms.charge(who, "image", 1),
    "of a member": lambda rooms, who: rooms.charge(who, "image", 1, member="ann"),
    "hold": lambda rooms, who: rooms.charges.hold(who, "image", 1),
}
BEFORE: dict[str, Callable[[Rooms, str], Any]] = {
    "nobody knew him": lambda rooms, who: None,
    "used before": lambda rooms, who: rooms.usage.record(who, "post", 1),
    "has another unit": lambda rooms, who: rooms.credits.grant(who, "gold", 1),
    "was created": lambda rooms, who: rooms.customers.create(who, currency="usd"),
}


@pytest.fixture
def books(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    with Billing(database_url, catalog=CATALOG, clock=clock) as billing:
        billing.migrate()
        billing.credits.grant("giver", "credits", 3)
        yield billing


def request_of(billing: Billing, call: Callable[[Rooms, str], Any]) -> Request:
    """Make a call as far as its request."""
    door = CatchingDoor(billing._wired.threads)
    with pytest.raises(Caught) as caught:
        call(Rooms(Desk(door, billing._wired.ledger)), "user")
    [request] = caught.value.args
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("using", USING)
@pytest.mark.parametrize("opening", OPENING)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_account_that_one_must_have_and_another_may_use(
    books: Billing, opening: str, using: str, before: str, *, is_first: bool
) -> None:
    """In one batch they are decided as one after the other."""
    BEFORE[before](books, "user")
    calls = [OPENING[opening], USING[using]] if is_first else [USING[using], OPENING[opening]]
    tickets = [ThreadTicket(request_of(books, call)) for call in calls]
    transactor = books._wired.writer._transactor(1000)
    manner = Manner(skip_locked=books._wired.ledger.database.is_postgres, look_up_keys=False)
    answers = [answer for _, answer in run_with_missing(transactor, tickets, manner)]
    transactor.close()
    given = {"assign_free": 50, "allocate": 1000}.get(opening, 3)
    opened, used = answers if is_first else reversed(answers)
    assert not isinstance(opened, BaseException)
    balance = books.credits.balance("user", "credits")
    took = 0 if isinstance(used, Refusal) else 1
    assert balance.available == given - took
    assert took == is_first
    report = books.books.audit()
    assert report.ok, report.findings
