"""The room of customers: who they are, merged and erased, with the books as they were."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    BalanceOverflow,
    CurrencyMismatch,
    CustomerExists,
    CustomerMerged,
    CustomerNotFound,
    HoldsOpen,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
    InvalidText,
    NotReversible,
    SerializationFailure,
    TollkeeperError,
    UnknownCurrency,
)
from tollkeeper.values.amounts import MAXIMUM
from tollkeeper.values.grants import Grant

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PERSONAL: dict[str, Any] = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "metadata": {"phone": "555-0100"},
}


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


def read(engine: Engine, name: str, where: str = "") -> list[dict[str, Any]]:
    """The rows of a table or view of ours."""
    prefix = "tollkeeper_" if engine.dialect.name == "sqlite" else "tollkeeper."
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {prefix}{name} {where}"))
        return [dict(row) for row in found.mappings()]


def everything(engine: Engine) -> str:
    """Every cell of every table, as one text."""
    schema = None if engine.dialect.name == "sqlite" else "tollkeeper"
    names = [name.removeprefix("tollkeeper_") for name in inspect(engine).get_table_names(schema)]
    return "\n".join(str(list(row.values())) for name in names for row in read(engine, name))


def available(billing: Billing, customer: str, unit: str = "api_calls") -> Decimal:
    """What a customer can spend."""
    return billing.credits.balance(customer, unit).available


def assert_books_hold(billing: Billing) -> None:
    """Every law of the ledger holds."""
    report = billing.books.audit()
    assert report.ok, [str(finding) for finding in report.findings]


class TestCreate:
    """Introduced by the app, or known by first use."""

    def test_create_and_get(self, billing: Billing) -> None:
        """What was said is what is known."""
        made = billing.customers.create(
            "ada", zone="Europe/London", currency="GBP", organisation="engines", **PERSONAL
        )
        assert billing.customers.get("ada") == made
        assert made.to_dict() == {
            "id": "ada",
            "zone": "Europe/London",
            "currency": "gbp",
            "organisation": "engines",
            **PERSONAL,
            "merged_into": None,
            "created_at": JUNE.isoformat(),
            "updated_at": JUNE.isoformat(),
            "erased_at": None,
        }

    def test_get_of_nobody(self, billing: Billing) -> None:
        """Nobody has heard of him."""
        with pytest.raises(CustomerNotFound) as error:
            billing.customers.get("nobody")
        assert error.value.customer == "nobody"

    def test_first_use_creates(self, billing: Billing, clock: FixedClock) -> None:
        """A grant makes a customer; to introduce him later keeps what there is."""
        billing.credits.grant("ada", "api_calls", 5)
        assert billing.customers.get("ada").email is None
        clock.advance(days=1)
        made = billing.customers.create("ada", zone="Europe/London", **PERSONAL)
        assert (made.created_at, made.updated_at) == (JUNE, JUNE + DAY)
        assert made.email == PERSONAL["email"]
        assert available(billing, "ada") == 5

    def test_first_use_may_have_chosen_the_currency(self, billing: Billing) -> None:
        """Then create agrees, says nothing of it, or is refused."""
        billing.wallet.deposit("ada", Money(1, "usd"))
        with pytest.raises(CurrencyMismatch) as error:
            billing.customers.create("ada", currency="eur")
        assert (error.value.wallet, error.value.asked) == ("usd", "eur")
        assert billing.customers.create("ada").currency == "usd"
        assert billing.customers.create("ada", currency="usd").currency == "usd"

    def test_create_again(self, billing: Billing, engine: Engine) -> None:
        """The same fields give the customer, without a new row; others are refused by name."""
        made = billing.customers.create("ada", zone="Europe/London", **PERSONAL)
        before = everything(engine)
        assert billing.customers.create("ada", zone="Europe/London", **PERSONAL) == made
        assert billing.customers.create("ada") == made
        with pytest.raises(CustomerExists, match="use update") as error:
            billing.customers.create("ada", zone="Europe/Paris", email="eve@example.com")
        assert error.value.differing == ["email", "zone"]
        with pytest.raises(CustomerExists):
            billing.customers.create("ada", organisation="engines")
        assert everything(engine) == before

    def test_one_of_two_creations_wins(self, billing: Billing) -> None:
        """Twenty threads at once: one is heard, the others are told."""

        def create(number: int) -> str | None:
            try:
                return billing.customers.create("ada", name=f"Ada {number}").name
            except CustomerExists:
                return None

        with ThreadPoolExecutor(20) as pool:
            won = [name for name in pool.map(create, range(20)) if name]
        assert won == [billing.customers.get("ada").name]

    @pytest.mark.parametrize(
        "zone",
        ["Mars/Base", "../etc/passwd", "/etc/localtime", "Europe", "", "UTC\x00", 5, "x" * 300],
    )
    def test_a_zone_is_one_that_exists(self, billing: Billing, zone: Any) -> None:
        """Anything else is refused in a clear word, and nothing is written."""
        with pytest.raises((InvalidRequest, InvalidText)):
            billing.customers.create("ada", zone=zone)
        with pytest.raises(CustomerNotFound):
            billing.customers.get("ada")

    def test_fields_are_checked(self, billing: Billing) -> None:
        """Each by its own rule."""
        wrong: list[tuple[dict[str, Any], type[TollkeeperError]]] = [
            ({"currency": "xxx1"}, UnknownCurrency),
            ({"email": "ada"}, InvalidRequest),
            ({"email": "@example.com"}, InvalidRequest),
            ({"email": "a" * 320 + "@example.com"}, InvalidText),
            ({"name": "Ada\x00"}, InvalidText),
            ({"name": "Ada \ud800"}, InvalidText),
            ({"organisation": ""}, InvalidText),
            ({"metadata": {"at": JUNE}}, InvalidText),
            ({"metadata": {"text": "x" * 20_000}}, InvalidText),
        ]
        for fields, error in wrong:
            with pytest.raises(error):
                billing.customers.create("ada", **fields)
        with pytest.raises(InvalidText):
            billing.customers.create("")
        with pytest.raises(CustomerNotFound):
            billing.customers.get("ada")


class TestUpdate:
    """Only what is given changes."""

    def test_update_changes_what_is_given(self, billing: Billing, clock: FixedClock) -> None:
        """None clears a field; what is not named stays."""
        billing.customers.create("ada", zone="Europe/London", **PERSONAL)
        clock.advance(days=1)
        made = billing.customers.update("ada", email=None, organisation="engines")
        assert (made.email, made.organisation, made.name) == (None, "engines", PERSONAL["name"])
        assert (made.zone, made.updated_at) == ("Europe/London", JUNE + DAY)
        assert billing.customers.get("ada") == made
        assert billing.customers.update("ada", metadata=None).metadata == {}

    def test_what_stays_the_same_is_no_change(
        self, billing: Billing, engine: Engine, clock: FixedClock
    ) -> None:
        """Then no row is written."""
        made = billing.customers.create("ada", zone="Europe/London")
        before = everything(engine)
        clock.advance(days=1)
        assert billing.customers.update("ada", zone="Europe/London") == made
        assert everything(engine) == before

    def test_updates_that_are_refused(self, billing: Billing) -> None:
        """Of nobody, of nothing, of an unknown field, to an unknown zone."""
        with pytest.raises(CustomerNotFound):
            billing.customers.update("ada", name="Ada")
        billing.customers.create("ada")
        with pytest.raises(InvalidRequest):
            billing.customers.update("ada")
        with pytest.raises(TypeError, match="nickname"):
            billing.customers.update("ada", name="Ada", nickname="A")  # type: ignore[call-arg]  # what the test is about
        with pytest.raises(InvalidRequest):
            billing.customers.update("ada", zone="Mars/Base")

    def test_e8_the_currency_changes_only_while_there_is_no_wallet(self, billing: Billing) -> None:
        """Even an empty wallet has its currency for good."""
        billing.customers.create("ada", currency="eur")
        billing.customers.update("ada", currency="usd")
        billing.customers.update("ada", currency=None)
        billing.wallet.deposit("ada", Money(1, "gbp"))
        billing.wallet.spend("ada", Money(1, "gbp"))
        for currency in ("usd", None):
            with pytest.raises(CurrencyMismatch, match="cannot change"):
                billing.customers.update("ada", currency=currency)
        assert billing.customers.update("ada", currency="gbp", name="Ada").name == "Ada"

    def test_e8_a_deposit_waits_for_an_update_of_the_currency(
        self, billing: Billing, engine: Engine
    ) -> None:
        """The host has not committed yet: whoever deposits learns the new currency."""
        billing.customers.create("ada", currency="eur")
        with engine.connect() as host, ThreadPoolExecutor(1) as pool:
            billing.using(host).customers.update("ada", currency="usd")
            call = pool.submit(billing.wallet.deposit, "ada", Money(1, "eur"))
            threading.Event().wait(0.3)
            host.commit()
            with pytest.raises(CurrencyMismatch):
                call.result(20)
        assert billing.wallet.deposit("ada", Money(1, "usd")).balance is not None


class TestKeys:
    """Law 5, for what is said of customers."""

    def test_keys_replay_the_first_answer(self, billing: Billing, engine: Engine) -> None:
        """Whatever was said since; one row a key."""
        made = billing.customers.create("ada", idempotency_key="1", **PERSONAL)
        first = billing.customers.update("ada", name="A", zone="UTC", idempotency_key="2")
        billing.customers.update("ada", name="B", zone="Europe/London", idempotency_key="3")
        assert billing.customers.create("ada", idempotency_key="1", **PERSONAL) == made
        assert billing.customers.update("ada", zone="UTC", name="A", idempotency_key="2") == first
        assert billing.customers.get("ada").name == "B"
        assert len(read(engine, "operations")) == 3

    def test_another_request_conflicts(self, billing: Billing) -> None:
        """Other facts, other personal text, fewer fields, another verb."""
        billing.customers.create("ada", idempotency_key="1", zone="UTC", **PERSONAL)
        same = {"zone": "UTC", **PERSONAL}
        for other in (
            same | {"zone": "Europe/London"},
            same | {"email": "eve@example.com"},
            same | {"metadata": {}},
            PERSONAL,
            {"zone": "UTC"},
        ):
            with pytest.raises(IdempotencyConflict):
                billing.customers.create("ada", idempotency_key="1", **other)
        with pytest.raises(IdempotencyConflict):
            billing.customers.update("ada", idempotency_key="1", **same)
        with pytest.raises(IdempotencyConflict):
            billing.credits.grant("ada", "api_calls", 1, idempotency_key="1")

    def test_a_key_of_a_creation_that_changed_nothing(self, billing: Billing) -> None:
        """It is remembered all the same."""
        billing.customers.create("ada", name="Ada")
        first = billing.customers.create("ada", name="Ada", idempotency_key="1")
        billing.customers.update("ada", name="Eve")
        assert billing.customers.create("ada", name="Ada", idempotency_key="1") == first

    def test_the_same_key_from_many_threads(self, billing: Billing, engine: Engine) -> None:
        """One is done, all get its answer."""
        with ThreadPoolExecutor(20) as pool:
            calls = [
                pool.submit(billing.customers.create, "ada", name="Ada", idempotency_key="1")
                for _ in range(20)
            ]
            assert len({str(call.result(20)) for call in calls}) == 1
        assert len(read(engine, "operations")) == 1

    def test_replays_after_an_erasure_tell_nothing_personal(self, billing: Billing) -> None:
        """The key still answers, with what may be kept."""
        billing.customers.create("ada", idempotency_key="1", zone="UTC", **PERSONAL)
        billing.customers.erase("ada")
        again = billing.customers.create("ada", idempotency_key="1", zone="UTC", **PERSONAL)
        assert (again.zone, again.email, again.name, again.metadata) == ("UTC", None, None, {})
        assert billing.customers.get("ada").email is None


class TestErase:
    """I4: personal text goes, the books stay."""

    def fill(self, billing: Billing) -> None:
        """Leave personal text wherever one can."""
        why: dict[str, Any] = {
            "reason": "secret reason",
            "actor": "secret actor",
            "metadata": {"secret": "secret data"},
        }
        billing.customers.create("ada", idempotency_key="1", reason="secret reason", **PERSONAL)
        billing.customers.update("ada", name="secret name", actor="secret actor")
        billing.credits.grant("ada", "api_calls", 10, idempotency_key="2", **why)
        billing.credits.consume("ada", "api_calls", 4, **why)
        billing.wallet.deposit("ada", Money(5, "usd"), **why)
        billing.credits.grant("eve", "api_calls", 10, reason="another one's")

    def test_i4_erase_leaves_no_personal_text(self, billing: Billing, engine: Engine) -> None:
        """Not in any cell of any table; balances, entries and other customers stay."""
        self.fill(billing)
        before = read(engine, "entries"), read(engine, "balances"), read(engine, "operations")
        made = billing.customers.erase("ada")
        assert (made.email, made.name, made.metadata, made.erased_at) == (None, None, {}, JUNE)
        kept = everything(engine)
        for secret in ("secret", "ada@", "Lovelace", "555-0100"):
            assert secret not in kept
        assert "another one's" in kept
        assert before[:2] == (read(engine, "entries"), read(engine, "balances"))
        assert len(read(engine, "operations")) == len(before[2]) + 1
        assert available(billing, "ada") == 6
        assert_books_hold(billing)

    def test_i4_erase_again(self, billing: Billing, engine: Engine) -> None:
        """It is idempotent, and takes what came since."""
        self.fill(billing)
        first = billing.customers.erase("ada", idempotency_key="e")
        assert billing.customers.erase("ada", idempotency_key="e") == first
        assert billing.customers.erase("ada") == first
        billing.customers.update("ada", name="secret name")
        billing.credits.consume("ada", "api_calls", 1, reason="secret reason")
        assert billing.customers.erase("ada").name is None
        assert "secret" not in everything(engine)

    def test_i4_the_erasure_keeps_its_own_reason(self, billing: Billing, engine: Engine) -> None:
        """Who did it, and why, until the next erasure."""
        self.fill(billing)
        billing.customers.erase("ada", reason="ticket 12", actor="staff_1")
        notes = [note for note in read(engine, "note") if note["customer_id"] == "ada"]
        assert [(note["reason"], note["actor"]) for note in notes] == [("ticket 12", "staff_1")]
        billing.customers.erase("ada")
        assert not [note for note in read(engine, "note") if note["customer_id"] == "ada"]

    def test_a_reason_in_several_lines(self, billing: Billing, engine: Engine) -> None:
        """It stands in the books as it was written, beside plain ones of the same batch."""
        reason = 'Called "twice":\r\n\t- {hung up}\\n\n\t- paid, NULL'
        billing.credits.grant("ada", "api_calls", 10, reason=reason)
        billing.credits.grant("ada", "api_calls", 10, reason="plain")
        notes = {note["reason"] for note in read(engine, "note") if note["customer_id"] == "ada"}
        assert notes == {reason, "plain"}

    def test_i4_erase_in_one_batch_with_what_it_erases(
        self, database_url: str, billing: Billing, engine: Engine
    ) -> None:
        """What waited before the erasure is erased, what came after it stays."""
        billing.credits.grant("ada", "api_calls", 100)

        async def main() -> None:
            async with AsyncBilling(database_url) as opened:
                rooms: Any = opened
                use = rooms.credits.consume
                await use("ada", "api_calls", 1, reason="secret")
                await asyncio.gather(
                    *(use("ada", "api_calls", 1, reason="secret") for _ in range(30)),
                    rooms.customers.update("ada", name="secret"),
                    rooms.customers.erase("ada"),
                    rooms.customers.update("ada", name="Ada"),
                    use("ada", "api_calls", 1, reason="afterwards"),
                )

        asyncio.run(main())
        assert "secret" not in everything(engine)
        assert "afterwards" in everything(engine)
        assert billing.customers.get("ada").name == "Ada"
        assert available(billing, "ada") == 68

    def test_erase_of_nobody(self, billing: Billing) -> None:
        """There is nothing to erase."""
        with pytest.raises(CustomerNotFound):
            billing.customers.erase("nobody")

    def test_i4_a_merged_customer_can_be_erased(self, billing: Billing, engine: Engine) -> None:
        """The one change that a merge does not rule out."""
        self.fill(billing)
        billing.customers.merge("ada", into="eve", reason="secret reason")
        assert billing.customers.erase("ada").merged_into == "eve"
        assert "secret" not in everything(engine)
        assert_books_hold(billing)


class TestMerge:
    """Every balance moves, under one operation of two customers."""

    def test_merge_moves_every_balance(self, billing: Billing, engine: Engine) -> None:
        """Credits of two kinds and money, with a row of the one operation under each customer."""
        billing.credits.grant("guest", "api_calls", 10)
        billing.credits.grant("guest", "images", 3)
        billing.wallet.deposit("guest", Money(5, "usd"))
        billing.credits.grant("ada", "api_calls", 1)
        receipt = billing.customers.merge("guest", into="ada", reason="signed up")
        assert (receipt.kind, receipt.customer) == ("merge", "guest")
        assert receipt.result["to"] == "ada"
        assert available(billing, "ada") == 11
        assert available(billing, "ada", "images") == 3
        assert billing.wallet.balance("ada") == billing.wallet.balance("ada", "usd")
        assert billing.customers.get("ada").currency == "usd"
        under = [
            (row["customer_id"], row["id"])
            for row in read(engine, "operation", "ORDER BY part")
            if row["id"] == receipt.operation_id
        ]
        assert set(under) == {("guest", receipt.operation_id), ("ada", receipt.operation_id)}
        assert sum(row["available_change_scaled"] for row in read(engine, "entries")) == sum(
            row["available_scaled"] for row in read(engine, "balances", "WHERE customer_id = 'ada'")
        )
        assert_books_hold(billing)

    def test_grants_keep_what_they_are(self, billing: Billing, clock: FixedClock) -> None:
        """Priority, times, cost, features and source; the origin tells where they were."""
        billing.credits.grant(
            "guest",
            "api_calls",
            10,
            source="purchase",
            source_id="pur_1",
            priority=7,
            expires_at=JUNE + DAY,
            cost_basis=Money("9.90", "usd"),
        )
        billing.credits.grant("guest", "api_calls", 5, features=["chat"])
        billing.credits.grant("guest", "api_calls", 6, effective_at=JUNE + DAY)
        billing.credits.consume("guest", "api_calls", 4)
        before = billing.credits.grants("guest")
        billing.customers.merge("guest", into="ada")
        after = billing.credits.grants("ada")
        assert sorted(map(_nature, after)) == sorted(map(_nature, before))
        assert {grant.origin for grant in after} == {f"guest/{grant.id}" for grant in before}
        bought = next(grant for grant in after if grant.source == "purchase")
        assert (bought.source_id, bought.cost_basis) == ("pur_1", Money("5.94", "usd"))
        assert [grant.remaining for grant in billing.credits.grants("guest")] == [0, 0, 0]
        assert available(billing, "ada") == 6
        clock.advance(days=1)
        assert available(billing, "ada") == 6
        assert billing.credits.balance("ada", "api_calls", feature="chat").available == 11
        assert_books_hold(billing)

    def test_debt_moves(self, billing: Billing) -> None:
        """As debt, in both directions; the next deposit pays it back."""
        billing.wallet.spend("guest", Money(5, "usd"), overdraft="unlimited")
        billing.wallet.deposit("ada", Money(20, "usd"))
        receipt = billing.customers.merge("guest", into="ada")
        assert [(e.kind, e.mark) for e in receipt.entries] == [
            ("merge_out", None),
            ("merge_in", "beyond_limit"),
        ]
        found = billing.wallet.balance("ada")
        assert found is not None
        assert (found.available, found.debt) == (Decimal(15), Decimal(5))
        billing.wallet.deposit("ada", Money(5, "usd"))
        found = billing.wallet.balance("ada")
        assert found is not None
        assert (found.available, found.debt) == (Decimal(20), Decimal(0))
        assert_books_hold(billing)

    def test_a_new_customer_can_be_merged_into(self, billing: Billing) -> None:
        """He comes into being by first use."""
        billing.credits.grant("guest", "api_calls", 10)
        billing.customers.merge("guest", into="ada")
        assert available(billing, "ada") == 10
        assert billing.customers.get("ada").merged_into is None

    def test_there_may_be_nothing_to_move(self, billing: Billing, engine: Engine) -> None:
        """The merge stands all the same, under both."""
        billing.customers.create("guest")
        billing.customers.create("ada")
        receipt = billing.customers.merge("guest", into="ada")
        under = read(engine, "operation", f"WHERE id = '{receipt.operation_id}'")
        assert sorted(row["customer_id"] for row in under) == ["ada", "guest"]
        assert billing.customers.get("guest").merged_into == "ada"
        with pytest.raises(CustomerMerged):
            billing.credits.grant("guest", "api_calls", 1)
        assert_books_hold(billing)

    def test_an_empty_account_leaves_nothing_at_the_takers(
        self, billing: Billing, engine: Engine
    ) -> None:
        """All was spent: the giver's account is closed, the taker has no entry, but the row."""
        billing.credits.grant("guest", "api_calls", 10)
        billing.credits.consume("guest", "api_calls", 10)
        receipt = billing.customers.merge("guest", into="ada")
        assert [entry.kind for entry in receipt.entries] == ["merge_out"]
        assert billing.credits.history("ada").entries == ()
        under = read(engine, "operation", f"WHERE id = '{receipt.operation_id}' ORDER BY part")
        assert [(row["customer_id"], row["kind"]) for row in under] == [
            ("guest", "merge_out"),
            ("ada", "merge"),
        ]
        with pytest.raises(CustomerMerged):
            billing.credits.grant("guest", "api_calls", 1)
        assert_books_hold(billing)

    def test_merges_that_are_refused(self, billing: Billing) -> None:
        """Into itself, of nobody, of or into one already merged; nothing is written."""
        billing.credits.grant("guest", "api_calls", 10)
        billing.credits.grant("other", "api_calls", 10)
        with pytest.raises(InvalidRequest):
            billing.customers.merge("guest", into="guest")
        with pytest.raises(InvalidText):
            billing.customers.merge("guest", into="")
        with pytest.raises(CustomerNotFound):
            billing.customers.merge("nobody", into="guest")
        billing.customers.merge("guest", into="ada")
        with pytest.raises(CustomerMerged) as error:
            billing.customers.merge("guest", into="ada")
        assert error.value.into == "ada"
        with pytest.raises(CustomerMerged) as error:
            billing.customers.merge("other", into="guest")
        assert error.value.into == "ada"
        assert available(billing, "other") == 10

    def test_open_holds_refuse_a_merge(self, billing: Billing, clock: FixedClock) -> None:
        """Of credits and of money; one that lapsed by itself does not."""
        billing.credits.grant("guest", "api_calls", 10)
        hold = billing.credits.hold("guest", "api_calls", 4, lifetime=timedelta(minutes=1))
        with pytest.raises(HoldsOpen) as error:
            billing.customers.merge("guest", into="ada")
        assert (error.value.held, error.value.unit) == (4, "api_calls")
        clock.advance(minutes=1)
        billing.customers.merge("guest", into="ada")
        assert available(billing, "ada") == 10
        with pytest.raises(CustomerMerged):
            billing.credits.settle("guest", hold, 4)
        billing.wallet.deposit("payer", Money(5, "usd"))
        money = billing.wallet.hold("payer", Money(5, "usd"))
        with pytest.raises(HoldsOpen):
            billing.customers.merge("payer", into="ada")
        billing.wallet.settle("payer", money)
        billing.customers.merge("payer", into="ada")
        assert_books_hold(billing)

    def test_the_takers_holds_do_not_matter(self, billing: Billing) -> None:
        """They stay open, and settle."""
        billing.credits.grant("guest", "api_calls", 10)
        billing.credits.grant("ada", "api_calls", 10)
        hold = billing.credits.hold("ada", "api_calls", 4)
        billing.customers.merge("guest", into="ada")
        billing.credits.settle("ada", hold, 6)
        assert available(billing, "ada") == 14
        assert_books_hold(billing)

    def test_e8_wallets_of_two_currencies_are_not_merged(self, billing: Billing) -> None:
        """Whether the taker's has money yet, or only a currency."""
        billing.wallet.deposit("guest", Money(5, "eur"))
        billing.wallet.deposit("ada", Money(5, "usd"))
        billing.customers.create("eve", currency="gbp")
        for into, wallet in (("ada", "usd"), ("eve", "gbp")):
            with pytest.raises(CurrencyMismatch) as error:
                billing.customers.merge("guest", into=into)
            assert (error.value.wallet, error.value.asked) == (wallet, "eur")
        assert billing.customers.get("guest").merged_into is None
        assert billing.wallet.spend("guest", Money(5, "eur")).balance is not None

    def test_a_chain_of_merges(self, billing: Billing) -> None:
        """What was merged moves on; each says where he went."""
        billing.credits.grant("a", "api_calls", 10, source="purchase")
        billing.customers.merge("a", into="b")
        billing.credits.grant("b", "images", 1)
        billing.customers.merge("b", into="c")
        assert available(billing, "c") == 10
        assert available(billing, "c", "images") == 1
        assert billing.customers.get("a").merged_into == "b"
        grant = billing.credits.grants("c", "api_calls")[0]
        assert (grant.source, grant.origin) == (
            "purchase",
            f"b/{billing.credits.grants('b', 'api_calls')[0].id}",
        )
        assert_books_hold(billing)

    def test_merge_never_passes_what_64_bits_hold(self, billing: Billing) -> None:
        """Refused as a whole."""
        most = Decimal(MAXIMUM).scaleb(-6)
        billing.credits.grant("guest", "api_calls", most)
        billing.credits.grant("ada", "api_calls", 1)
        with pytest.raises(BalanceOverflow):
            billing.customers.merge("guest", into="ada")
        assert available(billing, "guest") == most
        assert available(billing, "ada") == 1

    def test_merge_replays_by_its_key(self, billing: Billing) -> None:
        """Byte for byte; with another taker it conflicts; old keys of the merged one answer too."""
        billing.credits.grant("guest", "api_calls", 10, idempotency_key="g")
        first = billing.customers.merge("guest", into="ada", idempotency_key="m")
        again = billing.customers.merge("guest", into="ada", idempotency_key="m")
        assert again.replayed
        assert again.to_json() == first.to_json()
        with pytest.raises(IdempotencyConflict):
            billing.customers.merge("guest", into="eve", idempotency_key="m")
        assert billing.credits.grant("guest", "api_calls", 10, idempotency_key="g").replayed
        assert available(billing, "ada") == 10

    def test_a_merge_is_not_reversed(self, billing: Billing) -> None:
        """Neither is what was said of a customer; what came before it belongs to the merged one."""
        granted = billing.credits.grant("guest", "api_calls", 10)
        receipt = billing.customers.merge("guest", into="ada")
        for customer in ("guest", "ada"):
            with pytest.raises(NotReversible):
                billing.credits.reverse(customer, receipt)
        with pytest.raises(CustomerMerged):
            billing.credits.reverse("guest", granted)
        billing.customers.create("eve")
        bare = billing.customers.merge("eve", into="ada")
        with pytest.raises(NotReversible):
            billing.credits.reverse("eve", bare)

    @pytest.mark.parametrize(
        "change",
        [
            lambda billing: billing.credits.grant("guest", "api_calls", 1),
            lambda billing: billing.credits.grant("guest", "new_unit", 1),
            lambda billing: billing.credits.consume("guest", "api_calls", 1),
            lambda billing: billing.credits.consume("guest", "new_unit", 1),
            lambda billing: billing.credits.try_consume("guest", "api_calls", 1),
            lambda billing: billing.credits.hold("guest", "api_calls", 1),
            lambda billing: billing.credits.revoke("guest", "api_calls"),
            lambda billing: billing.credits.revoke("guest"),
            lambda billing: billing.credits.adjust("guest", "api_calls", 1, reason="r", actor="a"),
            lambda billing: billing.credits.set_balance("guest", "api_calls", 1),
            lambda billing: billing.credits.set_overdraft("guest", "api_calls", 1),
            lambda billing: billing.credits.transfer("guest", "api_calls", 1, to="eve"),
            lambda billing: billing.credits.transfer("eve", "api_calls", 1, to="guest"),
            lambda billing: billing.credits.transfer("eve", "images", 1, to="guest"),
            lambda billing: billing.wallet.deposit("guest", Money(1, "usd")),
            lambda billing: billing.wallet.spend("guest", Money(1, "usd")),
            lambda billing: billing.wallet.set_overdraft("guest", "unlimited"),
            lambda billing: billing.customers.create("guest"),
            lambda billing: billing.customers.update("guest", name="Guest"),
            lambda billing: billing.customers.merge("guest", into="eve"),
            lambda billing: billing.customers.merge("eve", into="guest"),
        ],
    )
    def test_a_merged_customer_takes_no_change(
        self, billing: Billing, change: Callable[[Billing], Any]
    ) -> None:
        """Every verb says whom to use instead, with accounts that exist and those that do not."""
        billing.credits.grant("guest", "api_calls", 10)
        billing.credits.grant("eve", "api_calls", 10)
        billing.credits.grant("eve", "images", 10)
        billing.customers.merge("guest", into="ada")
        with pytest.raises(CustomerMerged) as error:
            change(billing)
        assert error.value.into == "ada"
        assert available(billing, "guest") == 0
        assert available(billing, "eve") == 10
        assert_books_hold(billing)

    def test_the_history_of_a_merged_customer_stays(
        self, billing: Billing, clock: FixedClock
    ) -> None:
        """What he had, when he had it, and that it moved."""
        billing.credits.grant("guest", "api_calls", 10)
        clock.advance(days=1)
        billing.customers.merge("guest", into="ada", reason="signed up")
        page = billing.credits.history("guest")
        assert [entry.kind for entry in page.entries] == ["merge_out", "grant"]
        assert page.entries[0].note == {"reason": "signed up"}
        assert billing.credits.balance("guest", "api_calls", at=JUNE).available == 10
        assert billing.credits.balance("guest", "api_calls", at=clock.now()).available == 0
        assert billing.credits.balance("ada", "api_calls", at=clock.now()).available == 10
        assert available(billing, "guest") == 0


class TestRaces:
    """Merges among other transactions."""

    def test_a_new_account_waits_for_a_merge(self, billing: Billing, engine: Engine) -> None:
        """The host has merged, but not committed: the grant learns of it, and opens nothing."""
        billing.credits.grant("guest", "api_calls", 10)
        with engine.connect() as host, ThreadPoolExecutor(1) as pool:
            billing.using(host).customers.merge("guest", into="ada")
            call = pool.submit(billing.credits.grant, "guest", "images", 5)
            threading.Event().wait(0.3)
            host.commit()
            with pytest.raises(CustomerMerged):
                call.result(20)
        assert not read(engine, "account", "WHERE unit = 'images'")
        with pytest.raises(CustomerMerged):
            billing.credits.grant("guest", "images", 5)

    def test_a_merge_waits_for_a_new_account(self, billing: Billing, engine: Engine) -> None:
        """The host has opened one, but not committed: the merge takes it along."""
        billing.credits.grant("guest", "api_calls", 10)
        with engine.connect() as host, ThreadPoolExecutor(1) as pool:
            billing.using(host).credits.grant("guest", "images", 5)
            call = pool.submit(partial(billing.customers.merge, "guest", into="ada"))
            threading.Event().wait(0.3)
            host.commit()
            call.result(20)
        assert available(billing, "ada") == 10
        assert available(billing, "ada", "images") == 5
        assert_books_hold(billing)

    def test_a_sleeping_host_delays_only_its_own_customers(self, postgres_url: str) -> None:
        """Others are served while a merge is not committed (SQLite has one writer at a time)."""
        engine = create_engine(postgres_url)
        with Billing(engine) as billing, ThreadPoolExecutor(4) as pool:
            billing.migrate()
            billing.credits.grant("guest", "api_calls", 10)
            billing.credits.grant("eve", "api_calls", 10)
            with engine.connect() as host:
                billing.using(host).customers.merge("guest", into="ada")
                blocked = pool.submit(billing.customers.update, "guest", name="Guest")
                for number in range(5):
                    billing.credits.consume("eve", "api_calls", 1)
                    billing.customers.create(f"new_{number}", name="New")
                    billing.credits.grant(f"new_{number}", "api_calls", 1)
                assert not blocked.done()
                host.rollback()
                assert blocked.result(20).name == "Guest"
        engine.dispose()

    @pytest.mark.parametrize(
        "change",
        [
            lambda joined: joined.customers.merge("guest", into="ada"),
            lambda joined: joined.customers.update("guest", currency="usd"),
            lambda joined: joined.wallet.deposit("guest", Money(1, "eur")),
        ],
    )
    def test_a_host_with_an_older_view_does_not_go_by_it(
        self, postgres_url: str, change: Callable[[Any], Any]
    ) -> None:
        """A wallet was opened since a REPEATABLE READ host began: it gets an error to repeat."""
        engine = create_engine(postgres_url)
        with Billing(engine) as billing:
            billing.migrate()
            billing.credits.grant("guest", "api_calls", 10)
            billing.customers.update("guest", currency="eur")
            isolated = engine.execution_options(isolation_level="REPEATABLE READ")
            with isolated.connect() as host:
                host.execute(text("SELECT count(*) FROM tollkeeper.account"))
                billing.wallet.deposit("guest", Money(5, "eur"))
                with pytest.raises(SerializationFailure):
                    change(billing.using(host))
                host.rollback()
            assert billing.customers.get("guest").currency == "eur"
            assert_books_hold(billing)
        engine.dispose()

    def test_merges_under_load_lose_nothing(self, billing: Billing) -> None:
        """Guests are merged while they are granted to and the taker spends."""
        guests = [f"guest_{number}" for number in range(6)]
        billing.credits.grant("ada", "api_calls", 100)
        for guest in guests:
            billing.credits.grant(guest, "api_calls", 10)
        lock, booked = threading.Lock(), Counter({"api_calls": 160})

        def grant(guest: str, unit: str) -> None:
            with suppress(CustomerMerged):
                billing.credits.grant(guest, unit, 1)
                with lock:
                    booked[unit] += 1

        def spend(unit: str) -> None:
            billing.credits.consume("ada", unit, 1)
            with lock:
                booked[unit] -= 1

        with ThreadPoolExecutor(16) as pool:
            calls: list[Future[Any]] = []
            for guest in guests:
                calls += [pool.submit(grant, guest, u) for u in ("api_calls", "images") * 4]
                calls += [pool.submit(spend, "api_calls") for _ in range(5)]
                calls.append(pool.submit(partial(billing.customers.merge, guest, into="ada")))
                calls += [pool.submit(grant, guest, u) for u in ("api_calls", "voices") * 4]
            for call in calls:
                call.result(60)
        for unit in ("api_calls", "images", "voices"):
            assert available(billing, "ada", unit) == booked[unit]
            assert {available(billing, guest, unit) for guest in guests} == {0}
        assert_books_hold(billing)


class TestDoors:
    """The same verbs from tasks and inside a host's transaction."""

    def test_tasks(self, database_url: str) -> None:
        """A representative part, awaited."""

        async def main() -> None:
            async with AsyncBilling(database_url) as opened:
                rooms: Any = opened
                await rooms.migrate()
                made = await rooms.customers.create("guest", idempotency_key="1", **PERSONAL)
                again = await rooms.customers.create("guest", idempotency_key="1", **PERSONAL)
                assert made == again == await rooms.customers.get("guest")
                await rooms.wallet.deposit("guest", Money(5, "usd"))
                receipt = await rooms.customers.merge("guest", into="ada")
                assert receipt.result["to"] == "ada"
                with pytest.raises(CustomerMerged):
                    await rooms.customers.update("guest", name="Guest")
                assert (await rooms.customers.erase("guest")).email is None
                assert (await rooms.wallet.balance("ada")).formatted == "$5.00"
                with pytest.raises(CustomerNotFound):
                    await rooms.customers.get("nobody")

        asyncio.run(main())

    def test_joined_transaction(self, billing: Billing, engine: Engine) -> None:
        """Commit and rollback are the host's; a refusal leaves the transaction usable."""
        for commits in (False, True):
            with engine.connect() as host:
                joined = billing.using(host)
                joined.customers.create("guest", zone="UTC", **PERSONAL)
                joined.credits.grant("guest", "api_calls", 5)
                with pytest.raises(CustomerExists):
                    joined.customers.create("guest", zone="Europe/London")
                joined.customers.update("guest", name="Guest")
                joined.customers.merge("guest", into="ada")
                with pytest.raises(CustomerMerged):
                    joined.credits.grant("guest", "api_calls", 5)
                with pytest.raises(InsufficientBalance):
                    joined.credits.consume("ada", "api_calls", 6)
                joined.customers.erase("guest")
                assert joined.customers.get("guest").merged_into == "ada"
                host.commit() if commits else host.rollback()
            if not commits:
                with pytest.raises(CustomerNotFound):
                    billing.customers.get("guest")
        assert available(billing, "ada") == 5
        assert_books_hold(billing)

    def test_joined_tasks(self, database_url: str) -> None:
        """An async connection of the host's carries the verbs as well."""
        url = database_url.replace("sqlite:", "sqlite+aiosqlite:")

        async def main() -> None:
            host = create_async_engine(url)
            async with AsyncBilling(database_url) as opened:
                rooms: Any = opened
                await rooms.migrate()
                async with host.begin() as connection:
                    joined = rooms.using(connection)
                    await joined.credits.grant("guest", "api_calls", 5)
                    await joined.customers.merge("guest", into="ada")
                assert (await rooms.customers.get("guest")).merged_into == "ada"
            await host.dispose()

        asyncio.run(main())


def _nature(grant: Grant) -> tuple[Any, ...]:
    """What a merge leaves as it is; of the cost, what remains has its share."""
    return (
        grant.unit.key,
        grant.remaining,
        grant.source,
        grant.priority,
        grant.paid,
        grant.effective_at,
        str(grant.expires_at),
        grant.features,
    )


AMOUNTS = st.integers(min_value=1, max_value=50)
GRANTS = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["api_calls", "images"]),
        "amount": AMOUNTS,
        "source": st.sampled_from(["promotion", "purchase", "allowance"]),
        "expires_at": st.sampled_from([None, JUNE + DAY, JUNE + 9 * DAY]),
        "effective_at": st.sampled_from([None, JUNE + DAY / 2]),
        "features": st.sampled_from([(), ("chat",)]),
    }
)
USES = st.tuples(st.sampled_from(["api_calls", "images"]), AMOUNTS, st.sampled_from([None, "chat"]))
PASTS = st.lists(st.one_of(GRANTS, USES), max_size=8)
EXAMPLES = iter(range(1_000_000))


def live(billing: Billing, customer: str, past: list[Any]) -> None:
    """Let a customer have a past: grants of every nature, uses, debts."""
    for step in past:
        if isinstance(step, dict):
            options = dict(step)
            billing.credits.grant(customer, options.pop("unit"), options.pop("amount"), **options)
        else:
            unit, amount, feature = step
            limit = 20 if amount % 2 else None
            billing.credits.try_consume(customer, unit, amount, feature=feature, overdraft=limit)


def sums(engine: Engine, customers: tuple[str, ...]) -> dict[tuple[str, str], int]:
    """The sums of all entries of some customers, straight from the view, by unit and number."""
    found: Counter[tuple[str, str]] = Counter()
    for row in read(engine, "entries", f"WHERE customer_id IN {customers}"):
        for number in ("available", "restricted", "held", "debt"):
            found[(row["unit"], number)] += row[f"{number}_change_scaled"]
    return {key: total for key, total in found.items() if total}


@given(first=PASTS, second=PASTS, days=st.integers(min_value=0, max_value=3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_merge_preserves_every_sum_and_every_grant(
    billing: Billing,
    engine: Engine,
    clock: FixedClock,
    first: list[Any],
    second: list[Any],
    days: int,
) -> None:
    """Available, restricted and debt add up in every unit; what remains of each grant stays."""
    number = next(EXAMPLES)
    pair = (f"guest_{number}", f"taker_{number}")
    clock.set(JUNE)
    billing.customers.create(pair[0])
    live(billing, pair[0], first)
    live(billing, pair[1], second)
    clock.advance(days=days)
    before = Counter(_nature(g) for c in pair for g in billing.credits.grants(c) if g.remaining)
    balances = [billing.credits.balances(customer) for customer in pair]
    receipt = billing.customers.merge(pair[0], into=pair[1])
    after = Counter(_nature(g) for g in billing.credits.grants(pair[1]) if g.remaining)
    assert after == before
    assert not [grant for grant in billing.credits.grants(pair[0]) if grant.remaining]
    now = billing.credits.balances(pair[1])
    for unit in {unit for found in balances for unit in found}:
        for name in ("available", "restricted", "held", "debt"):
            parts = [getattr(found[unit], name) for found in balances if unit in found]
            assert getattr(now[unit], name) == sum(parts)
            found = billing.credits.balance(pair[0], unit)
            assert getattr(found, name) == 0
    # The sums of entries follow what is booked: nothing but the merge may be the difference.
    moved = Counter[tuple[str, str]]()
    for entry in receipt.entries:
        moved[(entry.unit.key, "available")] += entry.change.available
        moved[(entry.unit.key, "restricted")] += entry.change.restricted
        moved[(entry.unit.key, "debt")] += entry.change.debt
    assert not [key for key, total in moved.items() if total]
    booked = sums(engine, pair)
    for row in read(engine, "balances", f"WHERE customer_id = '{pair[1]}'"):
        for name in ("available", "restricted", "held", "debt"):
            assert booked.get((row["unit"], name), 0) == row[f"{name}_scaled"]
    for customer in pair:
        report = billing.books.audit(customer=customer)
        assert report.ok, [str(finding) for finding in report.findings]
