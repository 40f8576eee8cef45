"""The laws of the ledger, each by its name, over random histories.

Laws 1, 2, 3, 5 and 7 are read from the views by the second opinion of `checks.py`; the product's
own audit has to agree. Law 6 is about decisions alone; 4 and 8 go through the door.
"""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.ledger.actions import Actions
from tests.ledger.checks import Books, law_1, law_2, law_3, law_5, law_7, read
from tests.ledger.pure import START, UNIT, PureBook
from tests.ledger.side_by_side import side_by_side
from tests.ledger.strategies import actions, few, opening
from tollkeeper import Billing
from tollkeeper.decisions.holding import Extend, Place
from tollkeeper.decisions.settling import Release, Settle
from tollkeeper.decisions.spending import Consume
from tollkeeper.errors import InsufficientBalance

HOUR = timedelta(hours=1)
Law = Callable[[Books], Iterator[str]]

#: A history is long, and costs most of the time; so there are few, each checked by every law.
HISTORIES = 3
histories = st.lists(actions, min_size=15, max_size=40)

#: What a grant of the pure laws differs in.
facts = st.fixed_dictionaries(
    {
        "amount": st.integers(1, 60),
        "priority": st.sampled_from([20, 40]),
        "paid": st.booleans(),
        "expires_at": st.sampled_from([None, START + HOUR, START + 2 * HOUR]),
        "features": st.sampled_from([(), (), ("chat",), ("image",)]),
    }
)
wallets = st.lists(facts, max_size=6)
amounts = st.integers(1, 80)
wanted = st.sampled_from([None, "chat", "image"])
overdrafts = st.sampled_from([None, None, 15, 70])


def owning(grants: list[dict[str, Any]]) -> PureBook:
    """A book in which somebody has these grants."""
    book = PureBook()
    for given_facts in grants:
        book.grant(**given_facts)
    return book


def consume(book: PureBook, amount: int, feature: str | None, limit: int | None) -> None:
    """Consume in a pure book."""
    request = Consume(**book.name(), unit=UNIT, amount=amount, feature=feature, overdraft=limit)
    book.run(request)


def hold(book: PureBook, amount: int, feature: str | None, limit: int | None) -> str:
    """Place a hold in a pure book, and give its id."""
    request = Place(
        **book.name(), unit=UNIT, amount=amount, lifetime=HOUR, feature=feature, overdraft=limit
    )
    return book.run(request).holds[0].id


@given(history=histories)
@few(HISTORIES)
def _the_law_holds(law: Law, url: str, history: list[tuple[str, dict[str, Any]]]) -> None:
    both = side_by_side(url)
    try:
        side = Actions(both)
        for verb, arguments in [*opening(), *history]:
            getattr(side, verb)(**arguments)
        with both.engine.connect() as connection:
            assert list(law(read(connection, both.customers))) == []
        for customer in both.customers:
            assert both.first.books.audit(customer=customer).findings == ()
    finally:
        both.close()


def test_law_1_sums(books_url: str) -> None:
    """Balances are sums of entries, versions run without a gap, each after follows its before."""
    _the_law_holds(law_1, books_url)


def test_law_2_balances(books_url: str) -> None:
    """Available, restricted and held are what grants, debt and holds say."""
    _the_law_holds(law_2, books_url)


def test_law_3_grants(books_url: str) -> None:
    """Every part of every grant is somewhere."""
    _the_law_holds(law_3, books_url)


def test_law_5_keys(books_url: str) -> None:
    """One key has at most one operation."""
    _the_law_holds(law_5, books_url)


def test_law_7_whole_book(books_url: str) -> None:
    """What came in is there or went out."""
    _the_law_holds(law_7, books_url)


def test_law_4_no_crowd_passes_the_overdraft_limit(billing: Billing, customer: str) -> None:
    """Sixty calls from twelve threads: as many succeed as the balance and the limit allow."""
    billing.credits.grant(customer, "calls", 100)
    billing.credits.set_overdraft(customer, "calls", 50)

    def spend(number: int) -> bool:
        if number % 2:
            return billing.credits.try_consume(customer, "calls", 7).success
        try:
            billing.credits.hold(customer, "calls", 7)
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        accepted = sum(threads.map(spend, range(60)))
    assert accepted == 150 // 7
    balance = billing.credits.balance(customer, "calls")
    assert balance.available == 100 - 147
    assert balance.debt == 47


@pytest.mark.parametrize("excess", ["charge", "cap"])
def test_law_4_what_passes_the_limit_is_marked(
    billing: Billing, customer: str, excess: str
) -> None:
    """A human's adjustment may pass the limit; a settle stops at it, and tells what it lost."""
    room = billing.credits
    room.grant(customer, "calls", 10)
    held = room.hold(customer, "calls", 10)
    receipt = room.settle(customer, held, 25, excess=excess)
    assert room.balance(customer, "calls").debt == 0
    marks = [entry.mark for entry in receipt.entries]
    assert marks == ([None, "uncollected"] if excess == "charge" else [None])
    assert receipt.uncollected == (15 if excess == "charge" else 0)
    assert receipt.settled == 25
    adjusted = room.adjust(customer, "calls", -5, reason="a mistake of ours", actor="ann")
    assert [entry.mark for entry in adjusted.entries] == ["beyond_limit"]
    assert room.balance(customer, "calls").debt == 5


@given(wallets, amounts, amounts, wanted, overdrafts)
def test_law_6_consuming_in_two_parts_is_consuming_once(
    grants: list[dict[str, Any]], a: int, b: int, feature: str | None, limit: int | None
) -> None:
    """Consuming a then b leaves the same state as consuming a + b, or both ways are refused."""
    once = owning(grants)
    twice = once.copy()

    def in_two_parts(book: PureBook) -> None:
        consume(book, a, feature, limit)
        consume(book, b, feature, limit)

    try:
        consume(once, a + b, feature, limit)
    except InsufficientBalance:
        with pytest.raises(InsufficientBalance):
            in_two_parts(twice)
        return
    in_two_parts(twice)
    assert (twice.numbers, twice.remains) == (once.numbers, once.remains)


@given(wallets, amounts, st.data(), wanted, overdrafts)
def test_law_6_a_hold_settled_is_a_consume(
    grants: list[dict[str, Any]],
    amount: int,
    data: st.DataObject,
    feature: str | None,
    limit: int | None,
) -> None:
    """A hold settled at x leaves the same balances and grants as consuming x."""
    held = owning(grants)
    consumed = held.copy()
    used = data.draw(st.integers(0, amount))
    try:
        name = hold(held, amount, feature, limit)
    except InsufficientBalance:
        return
    held.run(Settle(**held.name(), hold=name, amount=_credits(used)))
    if used:
        consume(consumed, used, feature, limit)
    assert (held.numbers, held.remains) == (consumed.numbers, consumed.remains)


@given(wallets, st.lists(amounts, min_size=1, max_size=3), wanted, overdrafts)
def test_law_6_a_hold_released_never_was(
    grants: list[dict[str, Any]], parts: list[int], feature: str | None, limit: int | None
) -> None:
    """A hold released, extended or not, leaves the same balances and grants as before."""
    book = owning(grants)
    before = (book.numbers, book.remains)
    try:
        name = hold(book, parts[0], feature, limit)
    except InsufficientBalance:
        return
    for more in parts[1:]:
        try:
            book.run(Extend(**book.name(), hold=name, amount=_credits(more)))
        except InsufficientBalance:
            continue
    book.run(Release(**book.name(), hold=name))
    assert (book.numbers, book.remains) == before


@given(wallets, amounts, amounts, wanted)
def test_law_6_a_hold_in_two_parts_is_one_hold(
    grants: list[dict[str, Any]], a: int, b: int, feature: str | None
) -> None:
    """A hold of a, extended by b, then settled at any part, is a hold of a + b settled so."""
    for used in (0, 1, a, a + b - 1, a + b):
        once = owning(grants)
        twice = once.copy()
        try:
            whole = hold(once, a + b, feature, None)
        except InsufficientBalance:
            return
        first = hold(twice, a, feature, None)
        twice.run(Extend(**twice.name(), hold=first, amount=_credits(b)))
        once.run(Settle(**once.name(), hold=whole, amount=_credits(used)))
        twice.run(Settle(**twice.name(), hold=first, amount=_credits(used)))
        assert (twice.numbers, twice.remains) == (once.numbers, once.remains)


def test_law_8_entries_are_never_changed(billing: Billing, engine: Engine, customer: str) -> None:
    """What was booked stays as it was, byte for byte; and the database itself refuses changes."""
    with engine.connect() as connection:
        room = billing.credits
        room.grant(customer, "calls", 100)
        spent = room.consume(customer, "calls", 30)
        before = read(connection, [customer]).entries[(customer, "calls")]
        connection.rollback()
        room.reverse(customer, spent)
        room.set_balance(customer, "calls", 5)
        after = read(connection, [customer]).entries[(customer, "calls")]
        connection.rollback()
        assert list(itertools.islice(after, len(before))) == before
        prefix = "tollkeeper_" if engine.dialect.name == "sqlite" else "tollkeeper."
        for change in ("UPDATE {} SET kind = 'grant'", "DELETE FROM {}"):
            statement = f"{change.format(prefix + 'operation')} WHERE customer_id = :customer"
            with pytest.raises(IntegrityError):
                connection.execute(text(statement), {"customer": customer})
            connection.rollback()


def _credits(minor: int) -> str:
    """Write the smallest parts of a unit of scale 6, as a settle takes them."""
    return f"0.{minor:06}"
