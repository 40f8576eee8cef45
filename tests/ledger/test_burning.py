"""The burn order (A1) and what may be spent when (A2, A3), of the decisions alone."""

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger import model
from tests.ledger.pure import CUSTOMER, START, UNIT, PureBook
from tollkeeper.decisions.accounts import UNLIMITED, OpenGrant
from tollkeeper.decisions.burning import burn, burn_key, spendable
from tollkeeper.decisions.spending import Consume
from tollkeeper.errors import InsufficientBalance

HOUR = timedelta(hours=1)

open_grants = st.builds(
    OpenGrant,
    id=st.integers(0, 9).map(lambda number: f"grt_{number}"),
    remaining=st.integers(1, 50),
    amount=st.integers(50, 60),
    priority=st.integers(0, 2),
    effective_at=st.integers(0, 2).map(lambda hours: START - hours * HOUR),
    expires_at=st.none() | st.integers(1, 3).map(lambda hours: START + hours * HOUR),
    paid=st.booleans(),
    cost=st.integers(0, 3).map(lambda parts: parts * 60),
    features=st.sampled_from([(), (), ("chat",), ("image",)]),
    pending=st.just(False),  # noqa: FBT003  # a strategy takes its value so
)
wallets = st.lists(open_grants, max_size=7, unique_by=lambda grant: grant.id)

#: Two grants, of which the first burns first: each differs in one thing, and what comes after it
#: in the order says the opposite.
EARLIER = START - HOUR
TIE_BREAKERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lower priority": (
        {"priority": 20, "paid": True, "cost": 99},
        {"priority": 40, "expires_at": START + HOUR},
    ),
    "sooner expiry": (
        {"expires_at": START + HOUR, "paid": True, "cost": 99},
        {"expires_at": START + 2 * HOUR},
    ),
    "never-expiring last": (
        {"expires_at": START + 9999 * HOUR, "paid": True, "cost": 99},
        {},
    ),
    "promotional before paid": ({"cost": 99}, {"paid": True, "effective_at": EARLIER}),
    "lower cost basis": ({"cost": 98}, {"cost": 99, "effective_at": EARLIER}),
    "earlier effective": ({"effective_at": EARLIER, "id": "grt_2"}, {"id": "grt_1"}),
    "id": ({"id": "grt_1"}, {"id": "grt_2"}),
}


def open_grant(**facts: Any) -> OpenGrant:
    """A promotional grant of 100, all of it left."""
    plain: dict[str, Any] = {
        "id": "grt_1",
        "remaining": 100,
        "amount": 100,
        "priority": 40,
        "effective_at": START,
    }
    return OpenGrant(**(plain | facts))


def modelled(grants: list[OpenGrant], debt: int) -> model.Account:
    """The same account for the model."""
    account = model.Account(CUSTOMER, UNIT, debt=debt)
    for grant in grants:
        account.grants[grant.id] = model.Grant(
            grant.id,
            grant.amount,
            grant.remaining,
            grant.priority,
            grant.paid,
            grant.effective_at,
            grant.expires_at,
            grant.cost,
            grant.features,
        )
    return account


def opened(grants: list[OpenGrant], debt: int) -> PureBook:
    """The same account for the decisions."""
    book = PureBook()
    general = sum(grant.remaining for grant in grants if not grant.features)
    every = sum(grant.remaining for grant in grants)
    book.states[(CUSTOMER, UNIT)] = book.state._replace(
        available=general - debt,
        restricted=every - general,
        debt=debt,
        grants=tuple(sorted(grants, key=burn_key)),
    )
    return book


@pytest.mark.parametrize("breaker", TIE_BREAKERS)
def test_a1_each_tie_breaker_decides_before_those_after_it(breaker: str) -> None:
    """Whatever is said further down the order, the first difference decides."""
    first, second = (open_grant(**facts) for facts in TIE_BREAKERS[breaker])
    assert burn_key(first) < burn_key(second)


def test_a1_cost_basis_is_the_price_of_one() -> None:
    """A large grant at a low price is cheaper than a small one at a high price."""
    large = open_grant(id="grt_2", amount=1000, cost=500)
    small = open_grant(id="grt_1", amount=10, cost=50)
    assert burn_key(large) < burn_key(small)


@given(wallets, st.randoms(use_true_random=False))
def test_a1_the_order_is_total(grants: list[OpenGrant], chance: random.Random) -> None:
    """No two grants rank alike, so their order does not depend on how they came."""
    assert len({burn_key(grant) for grant in grants}) == len(grants)
    shuffled = list(grants)
    chance.shuffle(shuffled)
    assert sorted(shuffled, key=burn_key) == sorted(grants, key=burn_key)


@given(wallets)
def test_a1_the_model_ranks_as_the_decisions_do(grants: list[OpenGrant]) -> None:
    """Two who read the same rule put grants in the same order."""
    ranked = [grant.id for grant in modelled(grants, 0).ranked()]
    assert ranked == [grant.id for grant in sorted(grants, key=burn_key)]


@given(
    wallets,
    st.integers(0, 80),
    st.integers(1, 150),
    st.sampled_from([None, "chat", "image", "other"]),
    st.sampled_from([0, 0, 10, 60, UNLIMITED]),
)
def test_a1_a3_burning_down_is_what_the_model_does(
    grants: list[OpenGrant], debt: int, amount: int, feature: str | None, limit: int
) -> None:
    """The same parts of the same grants, the same debt, or a refusal on both sides."""
    account, book = modelled(grants, debt), opened(grants, debt)
    request = Consume(**book.name(), unit=UNIT, amount=amount, feature=feature, overdraft=limit)
    try:
        account.take(amount, feature, None if limit == UNLIMITED else limit)
    except model.Refused:
        before = book.state
        with pytest.raises(InsufficientBalance):
            book.run(request)
        assert book.state == before
        return
    entry = book.run(request).entries[0]
    assert book.numbers == account.numbers()
    assert book.remains == {g.id: g.remaining for g in account.ranked() if g.remaining}
    taken = [line.grant for line in entry.lines]
    assert taken == [grant.id for grant in sorted(grants, key=burn_key) if grant.id in taken]
    assert sum(line.remaining for line in entry.lines) - entry.debt == -amount


@given(wallets, st.integers(0, 80), st.integers(1, 150), st.sampled_from([None, "chat"]))
def test_burning_conserves(
    grants: list[OpenGrant], debt: int, amount: int, feature: str | None
) -> None:
    """What is taken and what stays unpaid make the amount; no grant goes below zero."""
    account = opened(grants, debt).state
    burnt = burn(account, amount, feature, 0)
    left = {grant.id: grant.remaining for grant in burnt.grants}
    for line in burnt.lines:
        before = next(grant.remaining for grant in grants if grant.id == line.grant)
        assert 0 < -line.remaining <= before
        assert left.get(line.grant, 0) == before + line.remaining
    assert burnt.unpaid - sum(line.remaining for line in burnt.lines) == amount


@given(wallets, st.integers(0, 80), st.sampled_from([None, "chat", "image"]))
def test_spendable_is_the_most_that_can_be_consumed(
    grants: list[OpenGrant], debt: int, feature: str | None
) -> None:
    """Without overdraft, exactly what is spendable is accepted, and one more is refused."""
    most = max(0, spendable(opened(grants, debt).state, feature))
    for amount in (most, most + 1):
        book = opened(grants, debt)
        request = Consume(**book.name(), unit=UNIT, amount=amount, feature=feature)
        if amount == most + 1:
            with pytest.raises(InsufficientBalance):
                book.run(request)
        elif amount:
            book.run(request)


@pytest.mark.parametrize(
    ("moment", "is_there"),
    [
        (START + HOUR - timedelta(microseconds=1), False),
        (START + HOUR, True),
        (START + 2 * HOUR - timedelta(microseconds=1), True),
        (START + 2 * HOUR, False),
    ],
)
def test_a2_the_interval_is_half_open(moment: datetime, is_there: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    """Spendable from `effective_at` until just before `expires_at`, to the microsecond."""
    book = PureBook()
    book.grant(10, effective_at=START + HOUR, expires_at=START + 2 * HOUR)
    request = Consume(**book.name(), unit=UNIT, amount=10)
    if is_there:
        book.run(request, moment)
        assert book.numbers == (0, 0, 0, 0)
    else:
        with pytest.raises(InsufficientBalance):
            book.run(request, moment)


def test_a2_looking_often_or_once_books_the_same() -> None:
    """In which steps time is looked at changes nothing: neither entries nor balances."""
    book = PureBook()
    for hours in (1, 2, 2, 5):
        book.grant(10 * hours, expires_at=START + hours * HOUR)
        book.grant(3, effective_at=START + hours * HOUR, source="purchase", paid=True)
    for steps in itertools.combinations(range(1, 6), 3):
        stepwise, once = book.copy(), book.copy()
        for hours in (*steps, 6):
            stepwise.advance(START + hours * HOUR)
        once.advance(START + 6 * HOUR)
        assert stepwise.state == once.state
