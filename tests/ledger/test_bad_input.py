"""Bad input of every kind, for every verb: a clear error with a stable code, and nothing written."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, MetaData, create_engine, func, select

from tests.ledger.side_by_side import START
from tollkeeper import AsyncBilling, Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import TollkeeperError, UnitMismatch
from tollkeeper.values.units import credits_unit, currency_unit

HOUR = timedelta(hours=1)
NOTE: dict[str, Any] = {"reason": "a mistake of ours", "actor": "ann"}
Call = Callable[[Any], Any]

NO_AMOUNTS: list[Any] = [
    1.5,
    float("nan"),
    True,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("-Infinity"),
    "NaN",
    "inf",
    "",
    "ten",
    "1_000",
    " 1",
    "1,5",
    "１",
    "0x1",
    "1\x00",
    "\ud800",
    "9" * 101,
    [],
    b"1",
    object(),
    1 + 0j,
    Money("1.00", "usd"),
]
TOO_LONG = ["0.0000001", Decimal("1.0000001"), "1e-7"]
TOO_LARGE = [10**30, 2**63, "9223372036854.775808", "1e300", Decimal("1e999999"), 10**5000]
NEGATIVE = [-1, "-0.000001", Decimal(-5)]

NO_TEXTS: list[Any] = ["", "a\x00b", "\ud800", "tab\t", "line\n", 5, b"bytes", [], True, "x" * 256]
NO_MOMENTS: list[Any] = [datetime(2026, 6, 1), "2026-06-01", 1780272000, START.date()]  # noqa: DTZ001  # what is refused
DEEP: dict[str, Any] = {}
for _ in range(9):
    DEEP = {"deeper": DEEP}
NO_METADATA: list[Any] = [
    [],
    "text",
    {1: "one"},
    {"nan": float("nan")},
    {"large": 2**63},
    {"text": "a\x00b"},
    {"text": "\udfff"},
    {"moment": START},
    {"text": "x" * 20_000},
    DEEP,
]


@dataclass
class Scene:
    """A customer with a grant of 100 and an open hold of 10 of it."""

    billing: Billing
    engine: Engine
    customer: str
    hold: str
    grant: str

    @property
    def room(self) -> Any:
        """The room of credits, to which these tests hand what its types forbid."""
        return self.billing.credits

    def counts(self) -> dict[str, int]:
        """How many rows each of our tables has."""
        postgres = self.engine.dialect.name == "postgresql"
        with self.engine.connect() as connection:
            metadata = MetaData(schema="tollkeeper" if postgres else None)
            metadata.reflect(connection)
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    @contextmanager
    def nothing_is_written(self) -> Iterator[None]:
        """Whatever happens inside leaves every table and balance as it was."""
        before, balance = self.counts(), self.room.balances(self.customer)
        yield
        assert self.counts() == before
        assert self.room.balances(self.customer) == balance


@pytest.fixture
def scene(books_url: str, billing: Billing, customer: str) -> Iterator[Scene]:
    """Somebody who has something that bad input could break."""
    granted = billing.credits.grant(customer, "calls", 100)
    held = billing.credits.hold(customer, "calls", 10)
    engine = create_engine(books_url)
    yield Scene(billing, engine, customer, held.id, granted.grant_id or "")
    engine.dispose()


def refused(call: Call, room: Any, code: str) -> TollkeeperError:
    """Make a call that must be refused, with this code and a message for people."""
    with pytest.raises(TollkeeperError) as refusal:
        call(room)
    error = refusal.value
    assert error.code == code, f"{error!r} has the code {error.code}"
    assert error.message
    assert len(error.message) < 500
    return error


#: Every verb that takes an amount, and which of the amounts below it refuses.
AMOUNTS: dict[str, tuple[Callable[[Any, Scene, Any], Any], list[Any]]] = {
    "grant": (lambda r, s, x: r.grant(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "consume": (lambda r, s, x: r.consume(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "try_consume": (lambda r, s, x: r.try_consume(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "overdraft": (lambda r, s, x: r.consume(s.customer, "calls", 1, overdraft=x), NEGATIVE),
    "hold": (lambda r, s, x: r.hold(s.customer, "calls", x), [*NEGATIVE, 0, None]),
    "extend": (lambda r, s, x: r.extend(s.customer, s.hold, x), [*NEGATIVE, 0]),
    "settle": (lambda r, s, x: r.settle(s.customer, s.hold, x), NEGATIVE),
    "revoke": (lambda r, s, x: r.revoke(s.customer, "calls", x), [*NEGATIVE, 0]),
    "revoke one": (
        lambda r, s, x: r.revoke(s.customer, "calls", x, grant=s.grant),
        [*NEGATIVE, 0],
    ),
    "adjust": (lambda r, s, x: r.adjust(s.customer, "calls", x, **NOTE), [None]),
    "set_balance": (lambda r, s, x: r.set_balance(s.customer, "calls", x), [None]),
    "set_overdraft": (lambda r, s, x: r.set_overdraft(s.customer, "calls", x), NEGATIVE),
    "transfer": (
        lambda r, s, x: r.transfer(s.customer, "calls", x, to=f"{s.customer}_b"),
        [*NEGATIVE, 0, None],
    ),
    "has": (lambda r, s, x: r.has(s.customer, "calls", x), [*NEGATIVE, None]),
}


@pytest.mark.parametrize("verb", AMOUNTS)
def test_s015_a5_every_verb_refuses_what_is_no_amount(scene: Scene, verb: str) -> None:
    """By name: `invalid_amount`, whatever was wrong with it; through `using` as well."""
    call, more = AMOUNTS[verb]
    with scene.nothing_is_written():
        for amount in [*NO_AMOUNTS, *TOO_LONG, *TOO_LARGE, *more]:
            refused(lambda room, x=amount: call(room, scene, x), scene.room, "invalid_amount")
        with Billing(scene.engine) as other, scene.engine.begin() as connection:
            room = other.using(connection).credits
            refused(lambda room: call(room, scene, 1.5), room, "invalid_amount")


@pytest.mark.parametrize("amount", ["0.000001", "1e-6", Decimal("1E+1"), "+5", ".5", "5.", 12])
def test_s015_fractions_are_taken_to_the_units_scale(scene: Scene, amount: Any) -> None:
    """Every way to write an exact amount gives exactly that amount."""
    receipt = scene.room.consume(scene.customer, "calls", amount)
    assert receipt.amount == Decimal(amount)
    assert scene.room.reverse(scene.customer, receipt).balance.available == 90


#: Every verb, by what its customer is.
CUSTOMERS: dict[str, Callable[[Any, Any, Scene], Any]] = {
    "grant": lambda r, name, s: r.grant(name, "calls", 1),
    "consume": lambda r, name, s: r.consume(name, "calls", 1),
    "try_consume": lambda r, name, s: r.try_consume(name, "calls", 1),
    "hold": lambda r, name, s: r.hold(name, "calls", 1),
    "extend": lambda r, name, s: r.extend(name, s.hold, 1),
    "settle": lambda r, name, s: r.settle(name, s.hold),
    "release": lambda r, name, s: r.release(name, s.hold),
    "revoke": lambda r, name, s: r.revoke(name),
    "adjust": lambda r, name, s: r.adjust(name, "calls", 1, **NOTE),
    "set_balance": lambda r, name, s: r.set_balance(name, "calls", 1),
    "set_overdraft": lambda r, name, s: r.set_overdraft(name, "calls", 1),
    "transfer": lambda r, name, s: r.transfer(name, "calls", 1, to="another"),
    "transfer to": lambda r, name, s: r.transfer(s.customer, "calls", 1, to=name),
    "reverse": lambda r, name, s: r.reverse(name, "op_1"),
    "balance": lambda r, name, s: r.balance(name, "calls"),
    "balances": lambda r, name, s: r.balances(name),
    "has": lambda r, name, s: r.has(name, "calls", 1),
    "history": lambda r, name, s: r.history(name),
    "grants": lambda r, name, s: r.grants(name),
}


@pytest.mark.parametrize("verb", CUSTOMERS)
def test_every_verb_refuses_what_is_no_customer(scene: Scene, verb: str) -> None:
    """NUL, lone surrogates, control characters, the empty text, too much of it, other types."""
    with scene.nothing_is_written():
        for name in [*NO_TEXTS, None]:
            call: Call = lambda room, n=name: CUSTOMERS[verb](room, n, scene)  # noqa: E731  # bound to this name
            refused(call, scene.room, "invalid_text")


#: Every text that a verb takes besides its customer.
TEXTS: dict[str, Callable[[Any, Any, Scene], Any]] = {
    "source": lambda r, x, s: r.grant(s.customer, "calls", 1, source=x),
    "source_id": lambda r, x, s: r.grant(s.customer, "calls", 1, source_id=x),
    "features": lambda r, x, s: r.grant(s.customer, "calls", 1, features=[x]),
    "feature": lambda r, x, s: r.consume(s.customer, "calls", 1, feature=x),
    "feature of a hold": lambda r, x, s: r.hold(s.customer, "calls", 1, feature=x),
    "hold": lambda r, x, s: r.settle(s.customer, x),
    "grant": lambda r, x, s: r.revoke(s.customer, "calls", grant=x),
    "operation": lambda r, x, s: r.reverse(s.customer, x),
    "key": lambda r, x, s: r.consume(s.customer, "calls", 1, idempotency_key=x),
    "key of a release": lambda r, x, s: r.release(s.customer, s.hold, idempotency_key=x),
    "actor": lambda r, x, s: r.consume(s.customer, "calls", 1, actor=x),
    "unit": lambda r, x, s: r.consume(s.customer, x, 1),
    "unit of a balance": lambda r, x, s: r.balance(s.customer, x),
    "unit of a history": lambda r, x, s: r.history(s.customer, x),
}


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_one_that_can_be_stored(scene: Scene, text: str) -> None:
    """And is refused before anything else is looked at."""
    with scene.nothing_is_written():
        for value in NO_TEXTS:
            call: Call = lambda room, x=value: TEXTS[text](room, x, scene)  # noqa: E731  # bound to this value
            refused(call, scene.room, "invalid_text")


def test_hostile_texts_are_kept_as_they_are(billing: Billing, customer: str) -> None:
    """Quotes, braces, the word NULL, other scripts: what can be stored comes back unchanged."""
    for text in ("NULL", '"', "\\", "{a,b}", "'; --", "%s", ":x", " x ", "é", "é", "😀", "ﬁ"):
        name = f"{customer}{text}"
        room = billing.credits
        granted = room.grant(
            name,
            "calls",
            10,
            source=text,
            source_id=text,
            features=[text],
            idempotency_key=text,
            reason=text,
            metadata={text: text},
        )
        assert room.grant(
            name, "calls", 10, source=text, features=[text], idempotency_key=text
        ).replayed
        room.consume(name, "calls", 4, feature=text)
        room.transfer(name, "calls", 1, to=customer) if text == "never" else None
        found = room.grants(name)[0]
        assert (found.source, found.source_id, found.features) == (text, text, (text,))
        assert room.history(name).entries[-1].note == {"reason": text, "metadata": {text: text}}
        assert granted.customer == name
        assert room.balance(name, "calls").restricted == 6


CALLS: dict[str, tuple[str, Callable[[Any, Scene], Any]]] = {
    "a key of ours": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, idempotency_key="tollkeeper:1"),
    ),
    "an expiry before the beginning": (
        "invalid_request",
        lambda r, s: r.grant(
            s.customer, "calls", 1, effective_at=START + HOUR, expires_at=START + HOUR
        ),
    ),
    "a cost that is no money": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, cost_basis="9.00 usd"),
    ),
    "a cost below zero": (
        "invalid_amount",
        lambda r, s: r.grant(s.customer, "calls", 1, cost_basis=Money("-1", "usd")),
    ),
    "features in one text": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, features="chat"),
    ),
    "features that are a number": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, features=5),
    ),
    "too many features": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, features=[str(n) for n in range(101)]),
    ),
    "a priority below zero": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, priority=-1),
    ),
    "a priority that is a truth": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, priority=True),
    ),
    "a huge priority": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, priority=2**31),
    ),
    "a truth in words": (
        "invalid_request",
        lambda r, s: r.grant(s.customer, "calls", 1, paid="no"),
    ),
    "a lifetime of zero": (
        "invalid_request",
        lambda r, s: r.hold(s.customer, "calls", 1, lifetime=timedelta(0)),
    ),
    "a lifetime in seconds": (
        "invalid_request",
        lambda r, s: r.hold(s.customer, "calls", 1, lifetime=60),
    ),
    "a lifetime of a year": (
        "invalid_request",
        lambda r, s: r.extend(s.customer, s.hold, lifetime=timedelta(days=365)),
    ),
    "an extension by nothing": ("invalid_request", lambda r, s: r.extend(s.customer, s.hold)),
    "a policy nobody knows": (
        "invalid_request",
        lambda r, s: r.settle(s.customer, s.hold, 1, excess="forgive"),
    ),
    "another policy nobody knows": (
        "invalid_request",
        lambda r, s: r.reverse(s.customer, "op_1", expired="keep"),
    ),
    "an adjustment without a reason": (
        "invalid_request",
        lambda r, s: r.adjust(s.customer, "calls", 1, actor="ann"),
    ),
    "an adjustment without an actor": (
        "invalid_request",
        lambda r, s: r.adjust(s.customer, "calls", 1, reason="why not"),
    ),
    "an adjustment by nothing": (
        "invalid_request",
        lambda r, s: r.adjust(s.customer, "calls", 0, **NOTE),
    ),
    "a transfer to oneself": (
        "invalid_request",
        lambda r, s: r.transfer(s.customer, "calls", 1, to=s.customer),
    ),
    "an amount of every unit": ("invalid_request", lambda r, s: r.revoke(s.customer, amount=1)),
    "a grant of every unit": (
        "invalid_request",
        lambda r, s: r.revoke(s.customer, grant=s.grant),
    ),
    "a hold nobody has": ("hold_not_found", lambda r, s: r.settle(s.customer, "hld_nothing")),
    "a grant nobody has": (
        "grant_not_found",
        lambda r, s: r.revoke(s.customer, "calls", grant="grt_nothing"),
    ),
    "a grant of another unit": (
        "grant_not_found",
        lambda r, s: r.revoke(s.customer, "tokens", grant=s.grant),
    ),
    "an operation nobody made": (
        "operation_not_found",
        lambda r, s: r.reverse(s.customer, "op_nothing"),
    ),
    "money among credits": (
        "unit_mismatch",
        lambda r, s: r.grant(s.customer, "money:usd", 1),
    ),
    "money asked of credits": ("unit_mismatch", lambda r, s: r.balance(s.customer, "money:usd")),
    "a unit with a space": ("invalid_text", lambda r, s: r.grant(s.customer, "api calls", 1)),
    "a reason without end": (
        "invalid_text",
        lambda r, s: r.consume(s.customer, "calls", 1, reason="x" * 2001),
    ),
    "no page at all": ("invalid_request", lambda r, s: r.history(s.customer, limit=0)),
    "a page of everything": ("invalid_request", lambda r, s: r.history(s.customer, limit=1001)),
    "a cursor nobody gave": (
        "invalid_request",
        lambda r, s: r.history(s.customer, cursor="nonsense"),
    ),
    "a cursor beyond 64 bits": (
        "invalid_request",
        lambda r, s: r.history(s.customer, cursor="eyJjYWxscyI6IDk5OTk5OTk5OTk5OTk5OTk5OTk5OX0"),
    ),
    "knowledge about no moment": (
        "invalid_request",
        lambda r, s: r.balance(s.customer, "calls", known_at=START),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_makes_no_sense_is_refused_by_name(scene: Scene, call: str) -> None:
    """With a code that programs can rely on."""
    code, made = CALLS[call]
    with scene.nothing_is_written():
        refused(lambda room: made(room, scene), scene.room, code)


MOMENTS: dict[str, Callable[[Any, Any, Scene], Any]] = {
    "effective_at": lambda r, x, s: r.grant(s.customer, "calls", 1, effective_at=x),
    "expires_at": lambda r, x, s: r.grant(s.customer, "calls", 1, expires_at=x),
    "at": lambda r, x, s: r.balance(s.customer, "calls", at=x),
    "known_at": lambda r, x, s: r.balance(s.customer, "calls", at=START, known_at=x),
    "since": lambda r, x, s: r.history(s.customer, since=x),
    "until": lambda r, x, s: r.history(s.customer, until=x),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_a_moment_without_a_zone_is_refused(scene: Scene, name: str) -> None:
    """Nobody guesses in which zone it was meant."""
    with scene.nothing_is_written():
        for moment in NO_MOMENTS:
            call: Call = lambda room, x=moment: MOMENTS[name](room, x, scene)  # noqa: E731  # bound to this moment
            assert name in refused(call, scene.room, "invalid_request").message


def test_metadata_is_what_json_can_carry(scene: Scene) -> None:
    """Not too large, not too deep, no NaN, no text that no database takes."""
    with scene.nothing_is_written():
        for metadata in NO_METADATA:
            call: Call = lambda room, x=metadata: room.consume(  # noqa: E731  # bound to this one
                scene.customer, "calls", 1, metadata=x
            )
            refused(call, scene.room, "invalid_text")


@pytest.mark.parametrize("verb", ["grant", "consume", "hold", "set_balance", "set_overdraft"])
def test_a_misspelt_keyword_is_an_error(scene: Scene, verb: str) -> None:
    """A key that was meant and not taken would be spent twice."""
    with scene.nothing_is_written():
        for wrong in ({"idempotancy_key": "k"}, {"idempotency_key": "k", "reasn": "why"}):
            with pytest.raises(TypeError, match=r"idempotancy_key|reasn"):
                getattr(scene.room, verb)(scene.customer, "calls", 1, **wrong)


def test_a_refused_call_makes_no_customer(scene: Scene) -> None:
    """Nor an account, nor a unit, where there was none."""
    unit = f"unit_{uuid4().hex}"
    with scene.nothing_is_written():
        for call in (
            lambda room: room.consume(f"{scene.customer}_new", unit, 1),
            lambda room: room.hold(f"{scene.customer}_new", "calls", 1),
            lambda room: room.transfer(f"{scene.customer}_new", "calls", 1, to=scene.customer),
        ):
            refused(call, scene.room, "insufficient_balance")
        assert not scene.room.has(f"{scene.customer}_new", unit, 1)
        assert scene.room.balance(f"{scene.customer}_new", unit).available == 0


def test_what_changes_nothing_leaves_no_note(scene: Scene) -> None:
    """A balance set to what it is writes no row, not even its reason."""
    with scene.nothing_is_written():
        receipt = scene.room.set_balance(scene.customer, "calls", 90, **NOTE)
        assert receipt.entries == ()


def test_money_stays_out_of_credits_once_it_is_known(billing: Billing, customer: str) -> None:
    """The wallet has made the unit; the room of credits refuses it all the same."""
    billing.wallet.deposit(customer, Money("25.00", "usd"))
    assert currency_unit("usd").key == "money:usd"
    for call in (
        lambda: billing.credits.consume(customer, "money:usd", 1),
        lambda: billing.credits.revoke(customer, "money:usd"),
        lambda: billing.credits.history(customer, "money:usd"),
    ):
        with pytest.raises(UnitMismatch):
            call()
    assert billing.credits.balances(customer) == {}
    billing.credits.revoke(customer)
    assert billing.wallet.balance(customer).available == 25


def test_a_units_scale_is_fixed_for_life(
    billing: Billing, books_url: str, clock: FixedClock, customer: str
) -> None:
    """Whoever declares another is told so before anything is scaled by it."""
    unit = f"unit_{uuid4().hex}"
    billing.credits.grant(customer, unit, "0.000001")
    with Billing(books_url, clock=clock, units=[credits_unit(unit, 2)]) as other:
        for call in (
            lambda: other.credits.grant(customer, unit, 1),
            lambda: other.credits.balance(customer, unit),
        ):
            with pytest.raises(UnitMismatch) as refusal:
                call()
            assert refusal.value.code == "unit_mismatch"
    assert billing.credits.balance(customer, unit).available == Decimal("0.000001")


@pytest.mark.parametrize("scale", [0, 2, 12])
def test_amounts_keep_the_scale_of_their_unit(
    books_url: str, clock: FixedClock, customer: str, scale: int
) -> None:
    """The smallest and the largest amount of each scale go in and come out."""
    unit = credits_unit(f"unit_{uuid4().hex}", scale)
    smallest = Decimal(1).scaleb(-scale)
    largest = Decimal(2**63 - 1).scaleb(-scale)
    with Billing(books_url, clock=clock, units=[unit]) as billing:
        room = billing.credits
        refused(lambda r: r.grant(customer, unit.key, smallest / 10), room, "invalid_amount")
        refused(lambda r: r.grant(customer, unit.key, largest + smallest), room, "invalid_amount")
        room.grant(customer, unit.key, largest)
        assert room.consume(customer, unit.key, smallest).balance.available == largest - smallest


def test_tasks_are_refused_the_same(scene: Scene, books_url: str, clock: FixedClock) -> None:
    """A sample: the checks are the same code."""

    async def calls() -> None:
        async with AsyncBilling(books_url, clock=clock) as other:
            room: Any = other.credits
            for call, code in (
                (lambda: room.consume(scene.customer, "calls", 1.5), "invalid_amount"),
                (lambda: room.grant("\ud800", "calls", 1), "invalid_text"),
                (lambda: room.consume(scene.customer, "calls", 1000), "insufficient_balance"),
                (lambda: room.grant(scene.customer, "money:usd", 1), "unit_mismatch"),
            ):
                with pytest.raises(TollkeeperError) as refusal:
                    await call()
                assert refusal.value.code == code

    with scene.nothing_is_written():
        asyncio.run(calls())
