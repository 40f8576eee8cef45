"""The noun `subscriptions`: who is on which plan, since when and until when."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from tollkeeper.cli import answers, parsing
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import Customer
from tollkeeper.cli.sheets import Column, Part, Sheet, moment

if TYPE_CHECKING:
    from tollkeeper.values.subscriptions import Subscription

app: Final = typer.Typer(help="Put customers on plans, cancel, and look.", no_args_is_help=True)

Plan = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's key, such as pro.")]
AnyPlan = Annotated[
    str | None, typer.Argument(metavar="[PLAN]", help="The plan's key.", show_default=False)
]
Which = Annotated[
    str | None,
    typer.Argument(
        metavar="[SUBSCRIPTION]", help="Which, such as sub_01j…; the only one.", show_default=False
    ),
]
Interval = Annotated[
    str | None, typer.Option(metavar="SPAN", help="What is paid for, such as month or year.")
]
Quantity = Annotated[int, typer.Option(metavar="N", min=1, help="How many seats.")]
Anchor = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="What periods are counted from: now."),
]
Payment = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Your name of the payment; one buys one subscription."),
]
Now = Annotated[bool, typer.Option("--now", help="At once, and not with the period.")]


@verb(app, "allocate", changes=True)
def allocate(
    call: Call,
    customer: Customer,
    plan: Plan,
    *,
    interval: Interval = None,
    quantity: Quantity = 1,
    anchor: Anchor = None,
    payment_id: Payment = None,
) -> None:
    """Put a customer on a plan that is paid for, and grant its first allowances."""
    with call.billing() as billing:
        found = billing.subscriptions.allocate(
            customer,
            plan,
            interval=interval,
            quantity=quantity,
            anchor=anchor,
            payment_id=payment_id,
            **call.change,
        )
    _show(call, found)


@verb(app, "assign-free", changes=True)
def assign_free(call: Call, customer: Customer, plan: AnyPlan = None) -> None:
    """Put a customer who has no plan on the free one."""
    with call.billing() as billing:
        found = billing.subscriptions.assign_free(customer, plan, **call.change)
    if found is None:
        answers.show(call, {"subscription": None}, lambda: ["The customer has a plan already."])
    else:
        _show(call, found)


@verb(app, "cancel", changes=True)
def cancel(call: Call, customer: Customer, subscription: Which = None, *, now: Now = False) -> None:
    """End a subscription with the period that is paid for, or now."""
    at: Literal["now", "period_end"] = "now" if now else "period_end"
    with call.billing() as billing:
        found = billing.subscriptions.cancel(customer, subscription, at=at, **call.change)
    _show(call, found)


@verb(app, "resume", changes=True)
def resume(call: Call, customer: Customer, subscription: Which = None) -> None:
    """Take back a cancellation before the period is over."""
    with call.billing() as billing:
        found = billing.subscriptions.resume(customer, subscription, **call.change)
    _show(call, found)


@verb(app, "list")
def list_subscriptions(call: Call, customer: Customer) -> None:
    """List every subscription that a customer has or had, the latest first."""
    with call.billing() as billing:
        found = billing.subscriptions.list(customer)
    data = {"subscriptions": [each.to_dict() for each in found]}
    answers.show(call, data, lambda: [_sheet(found)])


def _show(call: Call, found: "Subscription") -> None:
    answers.show(call, found.to_dict(), lambda: [_sheet((found,))])


def _sheet(found: "tuple[Subscription, ...]") -> Part:
    columns = (
        Column("subscription"),
        Column("plan"),
        Column("status"),
        Column("paid by", drop=2),
        Column("seats", is_number=True, drop=1),
        Column("since", drop=3),
        Column("period ends"),
        Column("ends"),
    )
    rows = [
        (
            each.id,
            each.plan,
            each.status,
            each.interval or "",
            str(each.quantity) if each.quantity > 1 else "",
            moment(each.started_at),
            moment(each.period.end),
            moment(each.ends_at) if each.ends_at else "",
        )
        for each in found
    ]
    return Sheet(columns=columns, rows=tuple(rows), empty="The customer never had a subscription.")
