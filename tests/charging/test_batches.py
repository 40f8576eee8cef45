"""Group commit: tasks that charge at once share transactions, and none spoils another's."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.charging.scene import Scene
from tests.charging.shop import shop
from tollkeeper import AsyncBilling, Money
from tollkeeper.errors import TollkeeperError
from tollkeeper.values.charges import ChargeReceipt

NewCustomer = Callable[[], str]

GOOD = ("call", "word", "tier")
#: What is wrong with a call: the feature, the quantity, the options, and the error's code.
BAD: tuple[tuple[str, Any, dict[str, Any], str], ...] = (
    ("no_such_thing", 1, {}, "unknown_feature"),
    ("model", 1, {"dimensions": {"name": "huge"}}, "not_priced"),
    ("image", 2**63 - 1, {"pay_from": "usage"}, "balance_overflow"),
    ("call", 1, {"pay_from": "gold"}, "invalid_request"),
    ("vip", 41, {"pay_from": "credits"}, "insufficient_balance"),
    ("call", 0, {}, "invalid_amount"),
)


async def outcome(call: Awaitable[ChargeReceipt]) -> ChargeReceipt | str:
    """Give the receipt, or the error's code."""
    try:
        return await call
    except TollkeeperError as error:
        return error.code


def test_64_tasks_on_many_and_on_one_customer(scene: Scene, new_customer: NewCustomer) -> None:
    """Half of them meet at one customer; every sixth call is wrong in some way, and says so."""
    crowd = [new_customer() for _ in range(12)]
    for customer in crowd:
        scene.put_on(customer, "pro")
        scene.billing.credits.grant(customer, "credits", 20)
        scene.billing.wallet.deposit(customer, Money("5.00", "usd"))

    async def main() -> list[ChargeReceipt | str]:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:

            def call(number: int) -> Awaitable[ChargeReceipt]:
                customer = crowd[0] if number % 2 else crowd[number % len(crowd)]
                if number % 6 == 5:
                    feature, quantity, options, _ = BAD[number // 6 % len(BAD)]
                    return billing.charge(customer, feature, quantity, **options)
                return billing.charge(customer, GOOD[number % 3], 1 + number % 4)

            return await asyncio.gather(*[outcome(call(number)) for number in range(64)])

    results = asyncio.run(main())
    for number, result in enumerate(results):
        if number % 6 == 5:
            assert result == BAD[number // 6 % len(BAD)][3]
        else:
            assert isinstance(result, ChargeReceipt)
            assert result.feature == GOOD[number % 3]
            assert sum(share.quantity for share in result.shares) == 1 + number % 4
    receipts = [result for result in results if isinstance(result, ChargeReceipt)]
    assert len({receipt.operation_id for receipt in receipts}) == len(receipts)
    events = [event["id"] for customer in crowd for event in scene.rows("usage_event", customer)]
    assert sorted(events) == sorted(receipt.operation_id for receipt in receipts)
    scene.audited(*crowd)


def test_strangers_charge_at_once(scene: Scene, new_customer: NewCustomer) -> None:
    """First uses by 24 customers whom nobody knew, members and all, in one go; free of charge."""
    crowd = [new_customer() for _ in range(8)]

    async def main() -> list[ChargeReceipt]:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:
            calls = [
                billing.charge(customer, "gift", 2, member=f"m{number}")
                for number in range(3)
                for customer in crowd
            ]
            return await asyncio.gather(*calls)

    assert len(asyncio.run(main())) == 24
    for customer in crowd:
        assert scene.counters(customer)["gift:quantity:customer:week"] == 6
        assert len(scene.rows("usage_event", customer)) == 3
        assert not scene.rows("account", customer)
    scene.audited(*crowd)


def test_tasks_against_one_limit(scene: Scene, customer: str) -> None:
    """Of 64 tasks that post at once, 20 may; an attempt says so without an error."""
    scene.billing.credits.grant(customer, "credits", 100)

    async def main() -> int:
        async with AsyncBilling(scene.url, catalog=shop(), clock=scene.clock) as billing:
            attempts = await asyncio.gather(
                *[billing.try_charge(customer, "post", 1) for _ in range(64)]
            )
            told = await billing.check(customer, "post", 1)
            assert not told.is_allowed
            assert told.left == 0
            assert "refused" in await billing.explain(customer, "post", 1)
            return sum(attempt.success for attempt in attempts)

    assert asyncio.run(main()) == 20
    scene.audited(customer)
