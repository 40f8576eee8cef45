"""The demo's scenes about selling: a price list, and one call that decides who pays.

Each calls the library as an app would, and shows the answer.
"""

from typing import TYPE_CHECKING, Final

from tollkeeper.cli.calls import Call
from tollkeeper.cli.demo.stage import Stage
from tollkeeper.cli.sheets import Column, Part, Sheet, number
from tollkeeper.errors import LimitReached

if TYPE_CHECKING:
    from tollkeeper import Billing, ChargeReceipt

CUSTOMER: Final = "ada"

PRICE_LIST: Final = """\
currency = "usd"

[units.credits]

[features.image]
cost = { credits = 10 }     # ten credits of the pool,
rate = "0.12 usd"           # or twelve cents of the wallet

[features.story]
cost = { credits = "1 / 100" }   # a credit pays for a hundred words

[plans.free]
allowances.credits = "50 / month"
limits = [{ feature = "image", at_most = 10, every = "day" }]
"""


def sell(call: Call, stage: Stage) -> None:
    """Play the scenes on one price list."""
    from tollkeeper import Billing, Catalog

    with Billing(call.url(), catalog=Catalog.from_toml(PRICE_LIST)) as billing:
        _list_prices(billing, stage)
        _charge(billing, stage)
        _limit(billing, stage)
        _meter(billing, stage)


def _list_prices(billing: "Billing", stage: Stage) -> None:
    from tollkeeper import Money

    stage.scene(
        "A price list",
        "What is sold is written like a price list. Ada takes the free plan, and puts five dollars "
        "into her wallet.",
    )
    plan = billing.subscriptions.assign_free(CUSTOMER)
    billing.wallet.deposit(CUSTOMER, Money("5.00", "usd"), idempotency_key="order-7")
    stage.tell("plan", plan.to_dict() if plan else None)
    stage.show(PRICE_LIST)
    left = number(billing.credits.balance(CUSTOMER, "credits").available)
    stage.listed([f"> billing.subscriptions.assign_free({CUSTOMER!r})", f"credits: {left}"])


def _charge(billing: "Billing", stage: Stage) -> None:
    stage.scene(
        "Who pays",
        "She makes six images. One call walks her plan's sources, and books all of it at once: the "
        "pool pays for five of them, the wallet for the sixth.",
    )
    receipt = billing.charge(CUSTOMER, "image", 6, idempotency_key="request-1")
    stage.tell("charged", receipt.to_dict())
    stage.show(f"> billing.charge({CUSTOMER!r}, 'image', 6)", _shares(receipt))
    explained = billing.explain(CUSTOMER, "image", 3)
    stage.listed([f"> billing.explain({CUSTOMER!r}, 'image', 3)", *explained.splitlines()])


def _limit(billing: "Billing", stage: Stage) -> None:
    from tollkeeper.notices import LimitApproaching

    stage.scene(
        "A limit, and a notice",
        "Ten images a day are the plan's limit. At 80 % of it the app hears of it; beyond it a "
        "call is refused, though there is money left.",
    )
    heard: list[LimitApproaching] = []
    billing.on(LimitApproaching)(heard.append)
    lines = [f"> billing.charge({CUSTOMER!r}, 'image', 3)"]
    billing.charge(CUSTOMER, "image", 3)
    billing.jobs.run_due()
    lines += [
        f"heard {type(notice).__name__}: {number(notice.used)} of {number(notice.at_most)}"
        for notice in heard
    ]
    try:
        billing.charge(CUSTOMER, "image", 2)
    except LimitReached as error:
        lines += [f"> billing.charge({CUSTOMER!r}, 'image', 2)", f"LimitReached: {error.message}"]
        stage.tell("limited", {"code": error.code, "left": error.left})
    stage.tell("heard", [notice.kind for notice in heard])
    stage.listed(lines)


def _meter(billing: "Billing", stage: Stage) -> None:
    stage.scene(
        "A metered call",
        "A story of unknown length: an estimate is held first, and what really came is charged at "
        "the end. Calls of AI vendors are metered the same way, by the tokens of their answers.",
    )
    billing.credits.grant(CUSTOMER, "credits", 20, source="purchase")
    with billing.metered(CUSTOMER, "story", hold=1000) as call:
        held = billing.credits.balance(CUSTOMER, "credits").held
        for words in (300, 250, 70):
            call.add(words)
    summary = billing.usage.summary(CUSTOMER, "story")
    left = billing.credits.balance(CUSTOMER, "credits").available
    stage.tell("metered", summary.to_dict())
    stage.listed(
        [
            f"> with billing.metered({CUSTOMER!r}, 'story', hold=1000) as call: call.add(…)",
            f"held: {number(held)} credits; used: {number(summary.quantity)} words; "
            f"credits left: {number(left)}",
        ]
    )


def _shares(receipt: "ChargeReceipt") -> Part:
    columns = (
        Column("Paid by"),
        Column("Quantity", is_number=True),
        Column("Amount", is_number=True),
        Column("Unit"),
    )
    rows = tuple(
        (share.source, number(share.quantity), number(share.amount), share.unit)
        for share in receipt.shares
    )
    return Sheet(columns=columns, rows=rows)
