"""Looks at usage: sums, events, the report of all customers. Changes nothing."""

from typing import Any, Final

import typer

from tollkeeper.cli import answers, parsing
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import Cursor, Customer, FeatureKey, Member
from tollkeeper.cli.usage import tables
from tollkeeper.cli.usage.options import (
    EVENTS_A_PAGE,
    AnyFeature,
    By,
    GroupBy,
    Limit,
    OnlyCustomer,
    PeriodWord,
    Since,
    Until,
    Where,
)

app: Final = typer.Typer()


@verb(app, "summary")
def summary(
    call: Call,
    customer: Customer,
    feature: FeatureKey,
    *,
    since: Since = None,
    until: Until = None,
    period: PeriodWord = None,
    member: Member = None,
    where: Where = None,
    group_by: GroupBy = None,
) -> None:
    """Sum up a customer's use of a feature, who paid for it, and what it cost."""
    span: dict[str, Any] = {"since": since, "until": until, "period": period}
    with call.billing() as billing:
        found = billing.usage.summary(
            customer,
            feature,
            **span,
            member=member,
            where=parsing.dimensions(where or ()),
            group_by=group_by or (),
        )
    answers.show(call, found.to_dict(), lambda: tables.summary(found))


@verb(app, "history")
def history(
    call: Call,
    customer: Customer,
    feature: AnyFeature = None,
    *,
    since: Since = None,
    until: Until = None,
    member: Member = None,
    where: Where = None,
    limit: Limit = EVENTS_A_PAGE,
    cursor: Cursor = None,
) -> None:
    """List usage events, newest first, by pages."""
    with call.billing() as billing:
        found = billing.usage.history(
            customer,
            feature,
            since=since,
            until=until,
            member=member,
            where=parsing.dimensions(where or ()),
            limit=limit,
            cursor=cursor,
        )
    answers.show(call, found.to_dict(), lambda: tables.page(found))


@verb(app, "report")
def report(
    call: Call,
    *,
    since: Since = None,
    until: Until = None,
    by: By = None,
    customer: OnlyCustomer = None,
) -> None:
    """Sum up the usage of all customers; without bounds, of the running month, in UTC."""
    with call.billing() as billing:
        found = billing.usage.report(
            since=since, until=until, by=by or ("month", "customer"), customer=customer
        )
    answers.show(call, found.to_dict(), lambda: tables.report(found))
