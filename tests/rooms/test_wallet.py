"""The room of the wallet keeps money: one currency a customer, exact, by the rules of credits."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    CurrencyMismatch,
    CustomerNotFound,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    TollkeeperError,
    UnitMismatch,
    UnknownCurrency,
)
from tollkeeper.values.books import Balance
from tollkeeper.values.receipts import Receipt

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
USD = "usd"


def usd(amount: int | str | Decimal) -> Money:
    """Dollars."""
    return Money(amount, USD)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at the first of June."""
    return FixedClock(JUNE)


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Iterator[Billing]:
    """A Billing over an empty database."""
    with Billing(database_url, clock=clock) as billing:
        billing.migrate()
        yield billing


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The host's own engine, which on SQLite begins by itself."""
    engine = create_engine(database_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _: setattr(raw, "isolation_level", None))
        event.listen(engine, "begin", lambda inner: inner.exec_driver_sql("BEGIN IMMEDIATE"))
    yield engine
    engine.dispose()


def rows(billing: Billing, table: str) -> int:
    """How many rows one of our tables has."""
    engine = billing._wired.engine
    name = f"tollkeeper_{table}" if engine.dialect.name == "sqlite" else f"tollkeeper.{table}"
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())


def balance_of(
    billing: Billing, customer: str, *, at: datetime | None = None, known_at: datetime | None = None
) -> Balance:
    """The balance of a wallet that is there."""
    found = billing.wallet.balance(customer, at=at, known_at=known_at)
    assert found is not None
    return found


def after(receipt: Receipt) -> Balance:
    """The balance that a receipt tells."""
    assert receipt.balance is not None
    return receipt.balance


def assert_books_hold(billing: Billing) -> None:
    """Every law of the ledger holds."""
    report = billing.books.audit()
    assert report.ok, [str(finding) for finding in report.findings]


class TestScenario90:
    """From no wallet to an empty one, and to one in debt."""

    def test_s090_unfunded_is_none(self, billing: Billing) -> None:
        """Who was never heard of has no wallet, and neither has who only holds credits."""
        billing.credits.grant("holder", "api_calls", 5)
        assert billing.wallet.balance("nobody") is None
        assert billing.wallet.balance("nobody", USD) is None
        assert billing.wallet.balance("holder") is None
        assert billing.wallet.grants("holder") == []
        assert billing.wallet.history("holder").entries == ()

    def test_s090_add_accumulate_spend(self, billing: Billing) -> None:
        """Deposits add up; what is spent is gone; all spent is zero, not none; then debt."""
        assert after(billing.wallet.deposit("a", usd("10"))).formatted == "$10.00"
        assert after(billing.wallet.deposit("a", usd("2.50"))).formatted == "$12.50"
        assert after(billing.wallet.spend("a", usd("0.0025"))).formatted == "$12.4975"
        assert after(billing.wallet.spend("a", usd("12.4975"))).available == 0
        empty = billing.wallet.balance("a")
        assert empty is not None
        assert empty.available == 0
        assert empty.money == usd(0)
        receipt = billing.wallet.spend("a", usd(3), overdraft=usd(5))
        assert after(receipt).formatted == "-$3.00"
        assert after(receipt).debt == 3
        assert_books_hold(billing)

    def test_s092_formats_by_currency(self, billing: Billing) -> None:
        """Each currency is written with its own sign and digits, below zero and below a cent."""
        expected = {
            "usd": "$1,234.50",
            "eur": "€1,234.50",
            "gbp": "£1,234.50",
            "jpy": "¥1,234",
            "krw": "₩1,234",
            "chf": "1,234.50 CHF",
        }
        for code, shown in expected.items():
            amount = "1234" if code in ("jpy", "krw") else "1234.50"
            receipt = billing.wallet.deposit(f"in_{code}", Money(amount, code))
            assert after(receipt).formatted == shown
        below = billing.wallet.spend("in_usd", usd("1234.5012"), overdraft="unlimited")
        assert after(below).formatted == "-$0.0012"


class TestShortBalance:
    """A3 for money."""

    def test_a3_spend_refuses_and_writes_nothing(self, billing: Billing) -> None:
        """The refusal carries the numbers, for a known wallet and for an unknown customer."""
        billing.wallet.deposit("a", usd(5))
        before = rows(billing, "operation")
        with pytest.raises(InsufficientBalance) as refusal:
            billing.wallet.spend("a", usd("5.01"))
        assert (refusal.value.available, refusal.value.required) == (5, Decimal("5.01"))
        with pytest.raises(InsufficientBalance):
            billing.wallet.spend("nobody", usd(1))
        assert rows(billing, "operation") == before
        assert rows(billing, "customer") == 1

    def test_a3_try_spend_answers_with_a_result(self, billing: Billing) -> None:
        """A short balance is a result; a success carries the receipt."""
        billing.wallet.deposit("a", usd(5))
        short = billing.wallet.try_spend("a", usd(6))
        assert not short.success
        assert short.required == 6
        assert short.balance.formatted == "$5.00"
        done = billing.wallet.try_spend("a", usd(4))
        assert done.success
        assert done.receipt is not None
        assert done.balance.formatted == "$1.00"

    def test_has_is_true_at_equality(self, billing: Billing) -> None:
        """It compares with what is there, not with an overdraft; nothing is always there."""
        billing.wallet.deposit("a", usd(5))
        billing.wallet.set_overdraft("a", "unlimited")
        assert billing.wallet.has("a", usd(5))
        assert not billing.wallet.has("a", usd("5.000000001"))
        assert not billing.wallet.has("nobody", usd(1))

    def test_a3_overdraft_of_the_wallet(self, billing: Billing) -> None:
        """A limit in money, unlimited, and none again; the two that are no money need a wallet."""
        billing.wallet.set_overdraft("a", usd(10))
        assert after(billing.wallet.spend("a", usd(10))).debt == 10
        with pytest.raises(InsufficientBalance):
            billing.wallet.spend("a", usd("0.01"))
        billing.wallet.set_overdraft("a", "unlimited")
        assert after(billing.wallet.spend("a", usd(1_000_000))).debt == 1_000_010
        billing.wallet.set_overdraft("a", None)
        with pytest.raises(InsufficientBalance):
            billing.wallet.spend("a", usd("0.01"))
        assert_books_hold(billing)

    def test_overdraft_without_a_currency_needs_one_that_is_chosen(self, billing: Billing) -> None:
        """Nobody guesses a currency."""
        with pytest.raises(CustomerNotFound):
            billing.wallet.set_overdraft("a", "unlimited")
        billing.credits.grant("a", "api_calls", 1)
        with pytest.raises(InvalidRequest, match="has no wallet yet"):
            billing.wallet.set_overdraft("a", None)
        billing.customers.create("b", currency="eur")
        billing.wallet.set_overdraft("b", "unlimited")
        assert after(billing.wallet.spend("b", Money(7, "eur"))).formatted == "-€7.00"

    def test_a3_the_limit_of_one_call(self, billing: Billing) -> None:
        """It holds for that call alone."""
        billing.wallet.deposit("a", usd(1))
        billing.wallet.spend("a", usd(3), overdraft=usd(2))
        with pytest.raises(InsufficientBalance):
            billing.wallet.spend("a", usd("0.01"))
        billing.wallet.spend("a", usd(100), overdraft="unlimited")
        assert balance_of(billing, "a").formatted == "-$102.00"

    def test_s096_debt_is_paid_back_by_the_next_deposit(self, billing: Billing) -> None:
        """A4: as an entry of its own, first; promotional money pays none."""
        billing.wallet.spend("a", usd(5), overdraft=usd(5))
        billing.wallet.deposit("a", usd(2), source="promotion")
        assert balance_of(billing, "a").debt == 5
        receipt = billing.wallet.deposit("a", usd(8))
        assert [entry.kind for entry in receipt.entries] == ["grant", "repay"]
        assert (balance_of(billing, "a").debt, balance_of(billing, "a").available) == (
            Decimal(0),
            Decimal(5),
        )
        assert_books_hold(billing)


class TestOneCurrency:
    """E8 and scenario 93: money never changes currency in silence."""

    @pytest.mark.parametrize(
        "path",
        [
            lambda wallet: wallet.deposit("a", Money(1, "eur")),
            lambda wallet: wallet.spend("a", Money(1, "eur")),
            lambda wallet: wallet.spend("a", usd(1), overdraft=Money(1, "eur")),
            lambda wallet: wallet.try_spend("a", Money(1, "eur")),
            lambda wallet: wallet.has("a", Money(1, "eur")),
            lambda wallet: wallet.hold("a", Money(1, "eur")),
            lambda wallet: wallet.hold("a", usd(1), overdraft=Money(1, "eur")),
            lambda wallet: wallet.adjust("a", Money(1, "eur"), reason="why", actor="who"),
            lambda wallet: wallet.adjust("a", Money(-1, "eur"), reason="why", actor="who"),
            lambda wallet: wallet.set_overdraft("a", Money(1, "eur")),
        ],
    )
    def test_s093_every_path_refuses_another_currency(
        self, billing: Billing, path: Callable[[Any], Any]
    ) -> None:
        """Both codes are told and nothing is written, whatever the verb."""
        billing.wallet.deposit("a", usd(10))
        before = [rows(billing, table) for table in ("operation", "account", "unit", "note")]
        with pytest.raises(CurrencyMismatch) as refusal:
            path(billing.wallet)
        assert {refusal.value.wallet, refusal.value.asked} == {"usd", "eur"}
        after = [rows(billing, table) for table in ("operation", "account", "unit", "note")]
        assert before == after

    def test_s093_holds_refuse_another_currency(self, billing: Billing) -> None:
        """What a hold is extended or settled by has the hold's currency."""
        billing.wallet.deposit("a", usd(10))
        hold = billing.wallet.hold("a", usd(5))
        with pytest.raises(CurrencyMismatch) as refusal:
            billing.wallet.settle("a", hold, Money(5, "eur"))
        assert (refusal.value.wallet, refusal.value.asked) == ("usd", "eur")
        with pytest.raises(CurrencyMismatch):
            billing.wallet.extend("a", hold, Money(1, "eur"))
        assert balance_of(billing, "a").held == 5

    def test_s093_the_currency_of_create_holds_before_any_deposit(self, billing: Billing) -> None:
        """It is fixed with the customer."""
        billing.customers.create("a", currency="gbp")
        with pytest.raises(CurrencyMismatch) as refusal:
            billing.wallet.deposit("a", usd(1))
        assert (refusal.value.wallet, refusal.value.asked) == ("gbp", "usd")
        assert billing.wallet.balance("a") is None
        assert after(billing.wallet.deposit("a", Money(1, "gbp"))).formatted == "£1.00"

    def test_s093_the_first_deposit_fixes_it(self, billing: Billing) -> None:
        """An empty wallet keeps its currency; a refused first call fixes none."""
        with pytest.raises(InsufficientBalance):
            billing.wallet.spend("a", Money(1, "eur"))
        billing.wallet.deposit("a", usd(1))
        billing.wallet.spend("a", usd(1))
        assert billing.customers.get("a").currency == "usd"
        with pytest.raises(CurrencyMismatch):
            billing.wallet.deposit("a", Money(1, "eur"))
        assert billing.wallet.balance("a", "eur") is None

    def test_e8_one_of_two_first_deposits_wins(
        self, database_url: str, clock: FixedClock, billing: Billing
    ) -> None:
        """Two at once, twenty times over: one currency wins, and only one wallet opens."""
        customers = [f"c{number}" for number in range(20)]
        barrier = threading.Barrier(2)

        def deposit(own: Billing, code: str, customer: str) -> str | None:
            barrier.wait(20)
            try:
                own.wallet.deposit(customer, Money(1, code))
            except CurrencyMismatch:
                return None
            return code

        with Billing(database_url, clock=clock) as other, ThreadPoolExecutor(2) as pool:
            for customer in customers:
                calls = [
                    pool.submit(deposit, own, code, customer)
                    for own, code in ((billing, "usd"), (other, "eur"))
                ]
                won = [code for call in calls if (code := call.result(30)) is not None]
                assert won == [billing.customers.get(customer).currency]
        assert rows(billing, "account") == len(customers)
        assert_books_hold(billing)

    def test_e8_one_of_many_first_deposits_in_a_batch_wins(self, billing: Billing) -> None:
        """Forty threads, one commit or several: whoever came first has chosen the currency."""
        codes = ["usd", "eur", "gbp", "jpy"] * 10

        def deposit(code: str) -> bool:
            try:
                billing.wallet.deposit("a", Money(1, code))
            except CurrencyMismatch:
                return False
            return True

        with ThreadPoolExecutor(len(codes)) as pool:
            done = dict(zip(range(len(codes)), pool.map(deposit, codes), strict=True))
        won = {codes[number] for number, ok in done.items() if ok}
        assert won == {billing.customers.get("a").currency}
        assert sum(done.values()) == 10
        assert balance_of(billing, "a").available == 10

    @pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
    def test_e8_holds_between_joined_transactions(
        self, billing: Billing, engine: Engine, *, commits: bool
    ) -> None:
        """The second host waits for the first, and learns its currency only if it commits."""
        started, result = threading.Event(), []

        def second() -> None:
            with engine.begin() as connection:
                started.set()
                try:
                    billing.using(connection).wallet.deposit("a", Money(1, "eur"))
                    result.append("eur")
                except TollkeeperError as error:
                    result.append(error.code)

        with engine.connect() as first:
            billing.using(first).wallet.deposit("a", usd(1))
            thread = threading.Thread(target=second)
            thread.start()
            if engine.dialect.name == "postgresql":
                assert started.wait(10)
            threading.Event().wait(0.2)
            first.commit() if commits else first.rollback()
            thread.join(20)
        assert result == (["currency_mismatch"] if commits else ["eur"])
        assert billing.customers.get("a").currency == ("usd" if commits else "eur")


class TestHolds:
    """The verbs of holds, said in money."""

    def test_hold_extend_settle(self, billing: Billing) -> None:
        """What is settled is spent, and the rest comes back."""
        billing.wallet.deposit("a", usd(10))
        hold = billing.wallet.hold("a", usd(4))
        hold = billing.wallet.extend("a", hold, usd("1.50"))
        assert hold.held == Decimal("5.5")
        receipt = billing.wallet.settle("a", hold, usd("5.25"))
        assert (receipt.settled, after(receipt).formatted) == (Decimal("5.25"), "$4.75")
        assert billing.wallet.settle("a", hold, usd("5.25")).replayed
        assert_books_hold(billing)

    def test_hold_settles_whole_or_is_released_without_an_amount(self, billing: Billing) -> None:
        """No amount means the hold's own."""
        billing.wallet.deposit("a", usd(10))
        whole = billing.wallet.hold("a", usd(4))
        assert billing.wallet.settle("a", whole).settled == 4
        back = billing.wallet.hold("a", usd(4))
        assert after(billing.wallet.release("a", back)).available == 6

    def test_hold_lapses(self, billing: Billing, clock: FixedClock) -> None:
        """What lapsed is back, whether or not anybody looked."""
        billing.wallet.deposit("a", usd(10))
        billing.wallet.hold("a", usd(4), lifetime=timedelta(minutes=1))
        assert balance_of(billing, "a").formatted == "$6.00"
        clock.advance(minutes=1)
        assert balance_of(billing, "a").formatted == "$10.00"

    def test_each_room_minds_its_own_holds(self, billing: Billing) -> None:
        """A hold of credits is not settled in dollars, nor one of dollars in a bare number."""
        billing.wallet.deposit("a", usd(10))
        billing.credits.grant("a", "api_calls", 10)
        money = billing.wallet.hold("a", usd(4))
        calls = billing.credits.hold("a", "api_calls", 4)
        mistakes: list[Callable[[], Receipt]] = [
            lambda: billing.credits.settle("a", money, 4),
            lambda: billing.credits.extend("a", money, 1),
            lambda: billing.credits.release("a", money),
            lambda: billing.wallet.settle("a", calls),
            lambda: billing.wallet.settle("a", calls, usd(4)),
            lambda: billing.wallet.extend("a", calls, usd(1)),
            lambda: billing.wallet.release("a", calls),
        ]
        for wrong in mistakes:
            with pytest.raises(UnitMismatch):
                wrong()
        with pytest.raises(HoldNotFound):
            billing.wallet.settle("b", money)


class TestCorrections:
    """Adjust and reverse."""

    def test_s098_adjust_names_reason_and_actor(self, billing: Billing) -> None:
        """Both are mandatory, stored, and shown in the history."""
        billing.wallet.deposit("a", usd(10))
        for options in ({}, {"reason": "goodwill"}, {"actor": "admin_1"}):
            with pytest.raises(InvalidRequest):
                billing.wallet.adjust("a", usd(5), **options)  # type: ignore[arg-type]  # options of every kind
        billing.wallet.adjust("a", usd(5), reason="goodwill", actor="admin_1")
        down = billing.wallet.adjust("a", usd(-20), reason="fraud", actor="admin_1")
        assert after(down).formatted == "-$5.00"
        latest = billing.wallet.history("a", limit=1).entries[0]
        assert latest.note == {"reason": "fraud", "actor": "admin_1"}
        assert latest.mark == "beyond_limit"
        assert_books_hold(billing)

    def test_a6_reverse_gives_back_to_the_very_deposits(self, billing: Billing) -> None:
        """It unwinds the entries, once."""
        billing.wallet.deposit("a", usd(3), expires_at=JUNE + timedelta(days=1))
        billing.wallet.deposit("a", usd(10))
        spent = billing.wallet.spend("a", usd(5))
        billing.wallet.reverse("a", spent)
        assert [grant.remaining for grant in billing.wallet.grants("a")] == [3, 10]
        assert billing.wallet.reverse("a", spent.operation_id).replayed

    def test_s095_credits_and_money_stay_apart(self, billing: Billing) -> None:
        """To revoke or list all credits leaves the wallet alone; each room shows its own."""
        billing.wallet.deposit("a", usd(10))
        billing.credits.grant("a", "api_calls", 5)
        billing.credits.revoke("a")
        assert balance_of(billing, "a").formatted == "$10.00"
        assert list(billing.credits.balances("a")) == ["api_calls"]
        assert {entry.unit.key for entry in billing.wallet.history("a").entries} == {"money:usd"}
        assert {entry.unit.key for entry in billing.credits.history("a").entries} == {"api_calls"}
        with pytest.raises(UnitMismatch):
            billing.credits.grant("a", "money:usd", 5)


class TestMoments:
    """Balance at any moment, histories by pages."""

    def test_a8_balance_at_a_moment(self, billing: Billing, clock: FixedClock) -> None:
        """None before the first deposit, then what it was."""
        billing.wallet.deposit("a", usd(10))
        clock.advance(days=1)
        billing.wallet.spend("a", usd(4))
        assert billing.wallet.balance("a", at=JUNE - timedelta(days=1)) is None
        assert balance_of(billing, "a", at=JUNE).available == 10
        assert balance_of(billing, "a", at=clock.now(), known_at=JUNE).available == 10
        assert billing.wallet.balance("a", USD) == balance_of(billing, "a")
        with pytest.raises(InvalidRequest):
            billing.wallet.balance("a", known_at=JUNE)

    def test_history_goes_by_pages(self, billing: Billing) -> None:
        """Newest first, each with the balance after it."""
        for amount in range(1, 6):
            billing.wallet.deposit("a", usd(amount))
        first = billing.wallet.history("a", limit=3)
        second = billing.wallet.history("a", limit=3, cursor=first.next_cursor)
        entries = (*first.entries, *second.entries)
        assert [entry.amount for entry in entries] == [5, 4, 3, 2, 1]
        assert [entry.balance.available for entry in entries] == [15, 10, 6, 3, 1]
        assert second.next_cursor is None

    def test_a2_expired_deposits_are_gone(self, billing: Billing, clock: FixedClock) -> None:
        """Promotional money may end."""
        day = timedelta(days=1)
        billing.wallet.deposit("a", usd(5), source="promotion", expires_at=JUNE + day)
        billing.wallet.deposit("a", usd(1))
        clock.set(JUNE + day)
        assert balance_of(billing, "a").formatted == "$1.00"
        with pytest.raises(InsufficientBalance):
            billing.wallet.spend("a", usd(2))


class TestRequests:
    """Bad input, and keys."""

    @pytest.mark.parametrize("wrong", [5, "5.00", Decimal(5), 5.0, None, True, ("5", "usd")])
    def test_a5_only_money_is_money(self, billing: Billing, wrong: Any) -> None:
        """A bare number names no currency."""
        for verb in (
            billing.wallet.deposit,
            billing.wallet.spend,
            billing.wallet.try_spend,
            billing.wallet.hold,
            billing.wallet.has,
        ):
            with pytest.raises(InvalidAmount):
                verb("a", wrong)
        assert rows(billing, "customer") == 0

    def test_a5_amounts_are_positive_and_exact(self, billing: Billing) -> None:
        """Zero, negative, too many digits, too large, unknown: each is refused by name."""
        for amount in (0, -1):
            with pytest.raises(InvalidAmount):
                billing.wallet.deposit("a", usd(amount))
        with pytest.raises(InvalidAmount):
            usd("0.0000000001")
        with pytest.raises(InvalidAmount):
            usd(10**10)
        with pytest.raises(UnknownCurrency):
            billing.wallet.balance("a", "xxx1")
        with pytest.raises(InvalidAmount):
            billing.wallet.set_overdraft("a", 5)  # type: ignore[arg-type]  # what the test is about
        with pytest.raises(InvalidAmount):
            billing.wallet.spend("a", usd(1), overdraft="5")  # type: ignore[arg-type]  # what the test is about

    def test_s023_keys_replay_every_verb(self, billing: Billing) -> None:
        """The same key and request give the first answer, byte for byte; another one conflicts."""
        wallet, why = billing.wallet, {"reason": "why", "actor": "who"}
        billing.wallet.deposit("a", usd(100))
        hold = wallet.hold("a", usd(5))
        other = wallet.hold("a", usd(5))
        calls: list[tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...], dict[str, Any]]] = [
            (wallet.deposit, (usd(1),), (usd(2),), {}),
            (wallet.spend, (usd(1),), (usd(2),), {}),
            (wallet.hold, (usd(1),), (usd(2),), {}),
            (wallet.extend, (hold, usd(1)), (hold, usd(2)), {}),
            (wallet.settle, (hold, usd(1)), (hold, usd(2)), {}),
            (wallet.release, (other,), (hold,), {}),
            (wallet.adjust, (usd(1),), (usd(-1),), why),
            (wallet.set_overdraft, ("unlimited",), (None,), {}),
            (wallet.set_overdraft, (usd(5),), (usd(6),), {}),
        ]
        for number, (verb, same, different, options) in enumerate(calls):
            key = f"key_{number}"
            first = verb("a", *same, idempotency_key=key, **options)
            again = verb("a", *same, idempotency_key=key, **options)
            assert (first.replayed, again.replayed) == (False, True)
            assert again.to_json() == first.to_json()
            with pytest.raises(IdempotencyConflict):
                verb("a", *different, idempotency_key=key, **options)
        assert_books_hold(billing)

    def test_a_key_is_answered_although_the_money_is_gone(self, billing: Billing) -> None:
        """A refusal must not hide a replay."""
        billing.wallet.deposit("a", usd(5))
        first = billing.wallet.spend("a", usd(5), idempotency_key="k")
        again = billing.wallet.try_spend("a", usd(5), idempotency_key="k")
        assert again.success
        assert again.receipt == first


class TestDoors:
    """The same verbs from tasks and inside a host's transaction."""

    def test_tasks(self, database_url: str) -> None:
        """A representative part, awaited; a currency nobody has used yet included."""

        async def main() -> None:
            async with AsyncBilling(database_url) as opened:
                billing: Any = opened
                await billing.migrate()
                assert await billing.wallet.balance("a") is None
                await asyncio.gather(
                    *(billing.wallet.deposit("a", Money(1, "chf")) for _ in range(20))
                )
                hold = await billing.wallet.hold("a", Money(5, "chf"))
                await billing.wallet.settle("a", hold, Money("4.5", "chf"))
                with pytest.raises(CurrencyMismatch):
                    await billing.wallet.spend("a", usd(1))
                with pytest.raises(CurrencyMismatch):
                    await billing.wallet.has("a", usd(1))
                await billing.wallet.set_overdraft("a", "unlimited")
                attempt = await billing.wallet.try_spend("a", Money(20, "chf"))
                assert attempt.balance.formatted == "-4.50 CHF"
                assert len(await billing.wallet.grants("a")) == 20

        asyncio.run(main())

    def test_joined_transaction(self, billing: Billing, engine: Engine) -> None:
        """Commit and rollback are the host's; a refusal leaves the transaction usable."""

        def work(connection: Connection) -> None:
            wallet = billing.using(connection).wallet
            wallet.deposit("a", usd(10))
            with pytest.raises(CurrencyMismatch):
                wallet.deposit("a", Money(1, "eur"))
            wallet.spend("a", usd(4))
            wallet.set_overdraft("a", None)
            found = wallet.balance("a")
            assert found is not None
            assert found.formatted == "$6.00"

        with engine.connect() as connection:
            work(connection)
            connection.rollback()
        assert billing.wallet.balance("a") is None
        with engine.begin() as connection:
            work(connection)
        assert balance_of(billing, "a").formatted == "$6.00"
        assert_books_hold(billing)

    def test_what_a_host_rolled_back_is_not_remembered(
        self, billing: Billing, engine: Engine
    ) -> None:
        """A unit that was read in a host's transaction may never come to be."""
        with engine.connect() as connection:
            joined = billing.using(connection)
            joined.wallet.deposit("a", usd(10))
            joined.credits.grant("a", "api_calls", 10)
            assert len(joined.wallet.history("a").entries) == 1
            assert list(joined.credits.balances("a")) == ["api_calls"]
            connection.rollback()
        billing.wallet.deposit("b", usd(10))
        billing.credits.grant("b", "api_calls", 10)
        assert rows(billing, "unit") == 2
        assert_books_hold(billing)

    def test_joined_tasks(self, database_url: str) -> None:
        """An async connection of the host's carries the wallet's verbs as well."""
        url = database_url.replace("sqlite:", "sqlite+aiosqlite:")

        async def main() -> None:
            host = create_async_engine(url)
            async with AsyncBilling(database_url) as opened:
                billing: Any = opened
                await billing.migrate()
                async with host.begin() as connection:
                    wallet = billing.using(connection).wallet
                    await wallet.deposit("a", usd(10))
                    with pytest.raises(CurrencyMismatch):
                        await wallet.deposit("a", Money(1, "eur"))
                assert (await billing.wallet.balance("a")).formatted == "$10.00"
            await host.dispose()

        asyncio.run(main())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "spend", "limit", "adjust"]),
        st.integers(min_value=1, max_value=20_000_000_000).map(lambda n: Decimal(n).scaleb(-9)),
    ),
    max_size=12,
)
EXAMPLES = iter(range(1_000_000))


@given(steps=STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chains_equal_a_small_model(billing: Billing, steps: list[tuple[str, Decimal]]) -> None:
    """Deposits, spends, limits and corrections: a number and a limit tell the same story."""
    customer = f"model_{next(EXAMPLES)}"
    balance, limit, is_open = Decimal(0), Decimal(0), False
    for step, amount in steps:
        if step == "limit":
            billing.wallet.set_overdraft(customer, usd(amount))
            limit, is_open = amount, True
        elif step == "spend":
            fits = balance - amount >= -limit
            attempt = billing.wallet.try_spend(customer, usd(amount))
            assert attempt.success == fits
            balance -= amount if fits else 0
        elif step == "adjust":
            billing.wallet.adjust(customer, usd(-amount), reason="model", actor="model")
            balance, is_open = balance - amount, True
        else:
            billing.wallet.deposit(customer, usd(amount))
            balance, is_open = balance + amount, True
        found = billing.wallet.balance(customer)
        assert (found is not None) == is_open
        if found is not None:
            assert found.available == balance
            assert found.debt == max(-balance, 0)
            assert billing.wallet.has(customer, usd(max(balance, Decimal(0)))) == (balance >= 0)
    report = billing.books.audit(customer=customer)
    assert report.ok, [str(finding) for finding in report.findings]
