"""The noun `limits`: a customer's own limits, and how all of his stand."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tollkeeper.cli import answers, parsing
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import Customer
from tollkeeper.cli.sheets import Column, Part, Sheet, moment, number

if TYPE_CHECKING:
    from tollkeeper.values.limits import CustomerLimit, LimitChange

app: Final = typer.Typer(help="Set, clear and list customers' limits.", no_args_is_help=True)

Feature = Annotated[
    str | None, typer.Option(metavar="KEY", help="Only the use of this feature counts.")
]
AtMost = Annotated[
    str | None, typer.Option(metavar="N", help="The most, of the feature or of --unit.")
]
Spend = Annotated[
    str | None, typer.Option(metavar="MONEY", help="The most money, like '50.00 usd'.")
]
Unit = Annotated[str | None, typer.Option(metavar="KEY", help="Count amounts of these credits.")]
Every = Annotated[
    str | None,
    typer.Option(metavar="WORD", help="The window: day, week, month, year, period, lifetime …"),
]
Within = Annotated[
    str | None, typer.Option(metavar="SPAN", help="A window from the first use, like '5 hours'.")
]
Member = Annotated[str | None, typer.Option(metavar="ID", help="Only this member's use counts.")]
ApiKey = Annotated[str | None, typer.Option(metavar="ID", help="Only this key's use counts.")]
Tag = Annotated[str | None, typer.Option(metavar="TAG", help="Only use with this tag counts.")]
AtLimit = Annotated[
    str | None, typer.Option(metavar="WORD", help="What happens beyond it: refuse, overage, allow.")
]
Until = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=parsing.moment, help="Until when; for good."),
]
ThisWindow = Annotated[bool, typer.Option("--this-window", help="Until the running window ends.")]
Name = Annotated[str, typer.Argument(metavar="LIMIT", help="The limit's name, as `list` says.")]


@verb(app, "set", by_hand=True)
def set_limit(
    call: Call,
    customer: Customer,
    *,
    feature: Feature = None,
    at_most: AtMost = None,
    spend: Spend = None,
    unit: Unit = None,
    every: Every = None,
    within: Within = None,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tag = None,
    at_limit: AtLimit = None,
    until: Until = None,
    this_window: ThisWindow = False,
) -> None:
    """Set a limit of a customer's own; what was used stays counted."""
    from tollkeeper import Money

    given: dict[str, Any] = {
        "feature": feature,
        "at_most": at_most,
        "spend": None if spend is None else Money.parse(spend),
        "unit": unit,
        "every": every,
        "within": within,
        "member": member,
        "api_key": api_key,
        "tag": tag,
        "at_limit": at_limit,
        "until": "window" if this_window else until,
    }
    with call.correcting(customer) as billing:
        found = billing.limits.set(customer, **given, **call.change)
    answers.show(call, found.to_dict(), lambda: [_sheet((found,))])


@verb(app, "clear", by_hand=True)
def clear(
    call: Call,
    customer: Customer,
    limit: Name,
    *,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tag = None,
) -> None:
    """Take a limit of a customer's own away; what the catalog says holds again."""
    with call.correcting(customer) as billing:
        found = billing.limits.clear(
            customer, limit, member=member, api_key=api_key, tag=tag, **call.change
        )
    answers.show(call, found.to_dict(), lambda: [_sheet((found,))])


@verb(app, "list")
def list_limits(
    call: Call,
    customer: Customer,
    *,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tag = None,
) -> None:
    """List a customer's limits as they stand: used, held, left, and when each starts anew."""
    with call.billing() as billing:
        tags = () if tag is None else (tag,)
        found = billing.limits.list(customer, member=member, api_key=api_key, tags=tags)
    data = {"limits": [each.to_dict() for each in found]}
    answers.show(call, data, lambda: [_sheet(found)])


@verb(app, "history")
def history(call: Call, customer: Customer) -> None:
    """Tell who set and cleared which limits of a customer, when and why, the latest first."""
    with call.billing() as billing:
        found = billing.limits.history(customer)
    data = {"changes": [each.to_dict() for each in found]}
    answers.show(call, data, lambda: [_changes(found)])


def _sheet(found: "tuple[CustomerLimit, ...]") -> Part:
    columns = (
        Column("limit"),
        Column("whose", drop=1),
        Column("at most", is_number=True),
        Column("used", is_number=True),
        Column("held", is_number=True, drop=3),
        Column("left", is_number=True),
        Column("counts", drop=2),
        Column("starts anew"),
        Column("own until", drop=1),
    )
    return Sheet(columns=columns, rows=tuple(map(_row, found)), empty="There are no limits.")


def _row(each: "CustomerLimit") -> tuple[str, ...]:
    until = moment(each.until) if each.until else "for good"
    return (
        each.name,
        each.subject,
        number(each.at_most),
        number(each.used),
        number(each.held) if each.held else "",
        number(each.left),
        each.counts,
        moment(each.resets_at) if each.resets_at else "never",
        until if each.is_own else "",
    )


def _changes(found: "tuple[LimitChange, ...]") -> Part:
    columns = (
        Column("when"),
        Column("what"),
        Column("limit"),
        Column("at most", is_number=True),
        Column("who"),
        Column("why", drop=1),
    )
    rows = [
        (
            moment(each.created_at),
            "set" if each.kind == "set_limit" else "cleared",
            each.limit.name,
            number(each.limit.at_most),
            each.actor or "",
            each.reason or "",
        )
        for each in found
    ]
    return Sheet(columns=columns, rows=tuple(rows), empty="Nobody has changed a limit.")
