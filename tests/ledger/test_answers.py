"""What answers say: receipts, entries and balances, in Python and in JSON in the same words."""

import json
import pickle
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import BeyondHold, NotFound
from tollkeeper.values.books import GrantLine
from tollkeeper.values.receipts import Receipt

HOUR = timedelta(hours=1)
NOTE: dict[str, Any] = {"reason": "a mistake of ours", "actor": "ann"}


def _moved(receipt: Receipt) -> list[Any]:
    return [(entry.kind, entry.amount) for entry in receipt.entries]


def _told(*values: Any) -> Any:
    return values


def _touched(lines: tuple[GrantLine, ...]) -> list[Any]:
    return [tuple(line) for line in lines]


def test_an_entry_tells_which_way_the_balance_went(billing: Billing, customer: str) -> None:
    """Up is above zero, and so is debt that was paid back; of a settle it is what was used."""
    room = billing.credits
    assert _moved(room.consume(customer, "calls", 5, overdraft=5)) == [("consume", -5)]
    assert _moved(room.grant(customer, "calls", 3, source="purchase")) == [
        ("grant", 3),
        ("repay", 3),
    ]
    assert _moved(room.grant(customer, "calls", 12, paid=True)) == [("grant", 12), ("repay", 2)]
    assert _moved(room.hold(customer, "calls", 4)) == [("hold", -4)]
    held = room.hold(customer, "calls", 6)
    assert _moved(room.settle(customer, held, 2)) == [("settle", -2)]
    whole = room.hold(customer, "calls", 1)
    assert _moved(room.settle(customer, whole)) == [("settle", -1)]
    freed = room.hold(customer, "calls", 1)
    assert _moved(room.release(customer, freed)) == [("release", 1)]
    assert _moved(room.adjust(customer, "calls", -2, **NOTE)) == [("adjust", -2)]
    assert _moved(room.set_overdraft(customer, "calls", 9)) == [("set_overdraft", 0)]


def test_a_receipt_lists_the_grants_of_all_its_entries(billing: Billing, customer: str) -> None:
    """Those that a settle took beyond its hold as well; of a transfer only the giver's."""
    room = billing.credits
    first = room.grant(customer, "calls", 10).grant_id
    held = room.hold(customer, "calls", 10)
    second = room.grant(customer, "calls", 10).grant_id
    settled = room.settle(customer, held, 14)
    assert _touched(settled.lines) == [(first, 0, -10), (second, -4, 0)]
    moved = room.transfer(customer, "calls", 2, to=f"{customer}_b")
    assert _touched(moved.lines) == [(second, -2, 0)]
    assert [line.remaining_change for line in moved.entries[1].lines] == [2]
    assert moved.to_dict()["entries"][0]["lines"] == [
        {"grant_id": second, "remaining_change": "-2", "held_change": "0"}
    ]


def test_a_receipt_of_several_units_tells_one_of_them(billing: Billing, customer: str) -> None:
    """The amount is in the unit of the balance beside it."""
    room = billing.credits
    room.grant(customer, "calls", 7)
    room.grant(customer, "tokens", 5)
    receipt = room.revoke(customer)
    assert _told(receipt.unit, receipt.amount, receipt.balance.available) == ("tokens", 5, 0)
    assert [line.remaining_change for line in receipt.lines] == [-7, -5]


def test_a_receipt_shows_its_balance_as_one(billing: Billing, customer: str) -> None:
    """Nobody takes it for the amount of the operation."""
    assert repr(billing.credits.grant(customer, "calls", 7)).endswith(": balance 7 calls>")
    money = billing.wallet.deposit(customer, Money("12.50", "usd"))
    assert repr(money).endswith(": balance $12.50>")
    assert repr(billing.credits.revoke(f"{customer}_b")).endswith(": no balance>")


def test_a_receipt_without_a_balance_says_so(billing: Billing, customer: str) -> None:
    """Of an operation that touched no account; whoever asks all the same is told in words."""
    billing.customers.create(customer)
    receipts = (
        billing.credits.revoke(customer),
        billing.customers.merge(customer, into=f"{customer}_b", idempotency_key="merged"),
    )
    for receipt in receipts:
        assert not receipt.has_balance
        assert _told(receipt.unit, receipt.amount, receipt.lines) == (None, 0, ())
        assert receipt.to_dict()["balance"] is None
        with pytest.raises(NotFound, match="has_balance"):
            _ = receipt.balance
        assert pickle.loads(pickle.dumps(receipt)) == receipt  # our own bytes
    assert billing.credits.grant(f"{customer}_b", "calls", 1).has_balance


@pytest.mark.parametrize("limit", [None, 0, "2.5", "unlimited"])
def test_an_accounts_own_overdraft_limit_can_be_read_back(
    billing: Billing, clock: FixedClock, customer: str, limit: Any
) -> None:
    """In balances, at earlier moments too, and in the receipt that set it."""
    room = billing.credits
    room.grant(customer, "calls", 7)
    began = clock.now()
    told = Decimal(limit) if limit not in (None, "unlimited") else limit
    text = None if limit is None else str(limit)
    assert room.balance(customer, "calls").overdraft is None
    assert room.balance(customer, "calls").to_dict()["overdraft"] is None
    clock.advance(hours=1)
    room.set_overdraft(customer, "calls", 33)
    first = room.set_overdraft(customer, "calls", limit, idempotency_key="limit")
    again = room.set_overdraft(customer, "calls", limit, idempotency_key="limit")
    for balance in (
        first.balance,
        again.balance,
        room.balance(customer, "calls"),
        room.balance(customer, "calls", at=clock.now()),
        room.balance(customer, "calls", at=clock.now() + HOUR),
        room.balances(customer)["calls"],
    ):
        assert balance.overdraft == told
        assert balance.to_dict()["overdraft"] == text
    clock.advance(hours=1)
    assert room.balance(customer, "calls", at=clock.now() - HOUR).overdraft == told
    assert room.balance(customer, "calls", at=began).overdraft is None
    assert again.replayed
    assert again.to_json() == first.to_json()
    assert again == first
    assert first.to_dict()["result"]["overdraft"] == text
    assert "overdraft" not in room.grant(customer, "calls", 1).to_dict()["balance"]


def test_a_wallets_own_overdraft_limit_can_be_read_back(billing: Billing, customer: str) -> None:
    """As an amount of its currency."""
    billing.wallet.set_overdraft(customer, Money("2.50", "eur"))
    balance = billing.wallet.balance(customer)
    assert balance is not None
    assert (balance.overdraft, balance.to_dict()["overdraft"]) == (Decimal("2.5"), "2.5")


def test_a_hold_is_told_in_the_same_words(billing: Billing, customer: str) -> None:
    """What Python calls id, held and expires_at is called so in JSON."""
    room = billing.credits
    room.grant(customer, "calls", 50)
    held = room.hold(customer, "calls", 20, idempotency_key="held")
    again = room.hold(customer, "calls", 20, idempotency_key="held")
    more = room.extend(customer, held, "1.5", lifetime=HOUR)
    for receipt in (held, again, more):
        told = json.loads(receipt.to_json())
        assert told["id"] == receipt.id == told["result"]["hold"]
        assert Decimal(told["held"]) == receipt.held == Decimal(told["result"]["held"])
        assert datetime.fromisoformat(told["expires_at"]) == receipt.expires_at
    assert _told(held.held, more.held) == (20, Decimal("21.5"))


def test_only_an_open_hold_tells_when_it_lapses(
    billing: Billing, clock: FixedClock, customer: str
) -> None:
    """Once it is settled, released or lapsed it will not."""
    room = billing.credits
    room.grant(customer, "calls", 50)
    settled, released, late, lapsed = (room.hold(customer, "calls", 5) for _ in range(4))
    over = [room.settle(customer, settled, 3), room.release(customer, released)]
    clock.advance(hours=1)
    over += [room.settle(customer, late), room.release(customer, lapsed)]
    assert [receipt.result["status"] for receipt in over] == [
        *("settled", "released", "settled", "lapsed")
    ]
    assert all("expires_at" not in receipt.to_dict()["result"] for receipt in over)
    assert room.balance(customer, "calls", at=clock.now() - HOUR).available == 37


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(
    ("excess", "charged", "uncollected"), [("cap", 20, 0), ("charge", 30, 5), (None, 30, 5)]
)
def test_b2_a_settle_tells_what_was_used_and_what_was_charged(
    billing: Billing,
    clock: FixedClock,
    customer: str,
    excess: str | None,
    charged: int,
    uncollected: int,
    *,
    is_late: bool,
) -> None:
    """The two differ where the usage was capped, or nobody could pay all of it."""
    room = billing.credits
    room.grant(customer, "calls", 30)
    held = room.hold(customer, "calls", 20)
    if is_late:
        clock.advance(hours=1)
    receipt = room.settle(customer, held, 35, excess=excess)
    assert _told(receipt.settled, receipt.amount) == (35, 35)
    assert _told(receipt.charged, receipt.uncollected) == (charged, uncollected)
    assert receipt.balance.available == 30 - charged
    told = receipt.to_dict()["result"]
    assert (told["settled"], told["charged"]) == ("35", str(charged))
    assert receipt.late is is_late


def test_a_settle_within_its_hold_was_charged_in_full(billing: Billing, customer: str) -> None:
    """With debt as well, since debt is paid one day."""
    room = billing.credits
    held = room.hold(customer, "calls", 20, overdraft=20)
    receipt = room.settle(customer, held, 12)
    assert _told(receipt.settled, receipt.charged, receipt.uncollected) == (12, 12, 0)


def test_a_reverse_tells_all_that_it_undid(billing: Billing, customer: str) -> None:
    """A6: of a settle with its excess both parts; of a grant its amount, whatever it had repaid."""
    room = billing.credits
    room.grant(customer, "calls", 100)
    settled = room.settle(customer, room.hold(customer, "calls", 50), 70)
    undone = room.reverse(customer, settled.operation_id)
    assert _told(undone.amount, undone.signed_amount, undone.balance.available) == (70, 70, 100)
    room.consume(customer, "calls", 120, overdraft=20)
    bought = room.grant(customer, "calls", 30, source="purchase")
    undone = room.reverse(customer, bought.operation_id)
    assert _told(undone.amount, undone.signed_amount, undone.balance.available) == (30, -30, -20)


def test_a_refused_excess_says_why(billing: Billing, customer: str) -> None:
    """B2: the balance would do; it is what was held that does not."""
    billing.credits.grant(customer, "calls", 100)
    held = billing.credits.hold(customer, "calls", 10)
    with pytest.raises(BeyondHold, match="20 used, 10 calls held; the excess is refused"):
        billing.credits.settle(customer, held, 20, excess="refuse")
