"""C6: `check` says what `charge` will do, `left` is the most that it will do, and nothing is spent.

`left` is accepted, one smallest part more is refused, and None is what nothing ends. Where a price
falls with the quantity (volume tiers) there may be several such quantities; it is one of them.
"""

import pytest
from hypothesis import given, settings

from tests.charging.cases import FEATURE, Case, cases
from tests.charging.pages import CUSTOMER, Priced
from tests.charging.scene import START, Scene, refused
from tollkeeper import Money
from tollkeeper.decisions.charging import Charge
from tollkeeper.decisions.foreseeing import Foreseen, foresee
from tollkeeper.errors import BalanceOverflow, Refusal


def asked(case: Case, quantity: int) -> Charge:
    """The request that both are asked."""
    prices = Priced(case.terms)
    return Charge(id="op_1", customer=CUSTOMER, feature=FEATURE, quantity=quantity, prices=prices)


def foreseen(case: Case, quantity: int) -> Foreseen:
    """Check."""
    book = case.book
    return foresee(book, asked(case, quantity), START)  # type: ignore[arg-type]  # as decisions see it


def refusal(case: Case, quantity: int) -> Refusal | None:
    """Charge, and take no notice of what was accepted."""
    try:
        case.book.copy().run(asked(case, quantity))
    except Refusal as error:
        return error
    return None


@settings(max_examples=150)
@given(case=cases(rising=False))
def test_check_says_what_charge_does(case: Case) -> None:
    """Allowed is accepted; the shares are those of the receipt, the refusal is the very same."""
    told, error = foreseen(case, case.quantity), refusal(case, case.quantity)
    assert (told.refusal is None) == (error is None)
    if error is not None:
        assert told.refusal is not None
        assert (told.refusal.code, told.refusal.details) == (error.code, error.details)
        assert not told.shares
    else:
        outcome = case.book.copy().run(asked(case, case.quantity))
        assert [list(share) for share in told.shares] == outcome.result["shares"]


@settings(max_examples=150)
@given(case=cases(rising=False))
def test_left_is_the_most_that_can_be_charged(case: Case) -> None:
    """It is accepted, and one step more is not."""
    left = foreseen(case, case.quantity).left
    if left is None:
        error = refusal(case, 2**63 - 1)
        assert error is None or isinstance(error, BalanceOverflow)
        return
    assert left == 0 or refusal(case, left) is None
    assert refusal(case, left + 1) is not None


@given(case=cases())
def test_left_does_not_depend_on_what_was_asked(case: Case) -> None:
    """Whatever quantity is asked for, the same is left; and less than that is accepted."""
    left = foreseen(case, case.quantity).left
    assert foreseen(case, case.quantity + 7).left == left
    if left is None or case.quantity <= left:
        assert case.terms.is_whole or refusal(case, case.quantity) is None


def test_who_is_not_entitled_is_told_so(scene: Scene, customer: str) -> None:
    """A feature that is not part of the plan is an answer of `check`, as any other refusal."""
    scene.put_on(customer, "free")
    scene.billing.credits.grant(customer, "credits", 10)
    with scene.nothing_is_written(customer):
        error = refused("not_entitled", scene.billing.charge, customer, "vip", 1)
        told = scene.billing.check(customer, "vip", 1)
    assert (told.is_allowed, told.reason) == (False, "not_entitled")
    assert told.left == 0
    assert error.message in scene.billing.explain(customer, "vip", 1)
    scene.put_on(customer, "pro")
    assert scene.billing.check(customer, "vip", 1)
    assert scene.billing.charge(customer, "vip", 1).quantity == 1


def test_a_stranger_is_answered_and_not_made(scene: Scene, customer: str) -> None:
    """Nobody has heard of him: nothing is left, and nothing is written."""
    with scene.nothing_is_written(customer):
        told = scene.billing.check(customer, "image", 2)
        assert (told.is_allowed, told.reason) == (False, "insufficient_balance")
        assert told.left == 0
        assert scene.billing.explain(customer, "image", 2).startswith("2 image: refused")
        assert scene.billing.check(customer, "gift", 2)


def test_explain_shows_every_source_and_limit(scene: Scene, customer: str) -> None:
    """A few lines: who would pay, what each has, how each limit stands."""
    scene.put_on(customer, "pro")
    scene.billing.credits.grant(customer, "credits", 4)
    scene.billing.wallet.deposit(customer, Money("3.00", "usd"))
    scene.billing.charge(customer, "scan", 2)
    assert scene.billing.explain(customer, "scan", 6).splitlines() == [
        "6 scan: allowed; 22 left.",
        "  2 paid by credits: 2 credits",
        "  3 paid by wallet: 3 usd",
        "  1 paid by usage: 1 usd",
        "  credits: 2 credits available, enough for 2",
        "  wallet: 3 usd available, enough for 3",
        "  usage: on the later bill, in usd",
        "  limit scan:quantity:customer:lifetime: 2 of 30 scan used",
        "  limit scan:money:usd:customer:period: 0 of 20 usd used, starts anew at"
        " 2026-04-01T00:00:00+00:00",
    ]


@pytest.mark.parametrize("overdraft", [0, 3])
def test_left_counts_what_may_be_overdrawn(scene: Scene, customer: str, overdraft: int) -> None:
    """Gems go to -5, unless the account says otherwise."""
    scene.billing.credits.grant(customer, "gems", 1)
    if overdraft:
        scene.billing.credits.set_overdraft(customer, "gems", overdraft)
    limit = overdraft or 5
    told = scene.billing.check(customer, "bundle", 1)
    assert told.left == 4 * (1 + limit)
    assert scene.billing.charge(customer, "bundle", told.left).quantity == told.left
    assert not scene.billing.check(customer, "bundle", 1)
