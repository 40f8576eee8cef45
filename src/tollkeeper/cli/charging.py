"""One call decides who pays for a use: charge, check, explain."""

from typing import Any

from tollkeeper.cli import answers, entitlements, parsing
from tollkeeper.cli.calls import Call
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.options import (
    ApiKey,
    Customer,
    Dimensions,
    FeatureKey,
    Member,
    PayFrom,
    Quantity,
    Tags,
)


def charge(
    call: Call,
    customer: Customer,
    feature: FeatureKey,
    quantity: Quantity = "1",
    *,
    pay_from: PayFrom = None,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tags = None,
    dimension: Dimensions = None,
) -> None:
    """Charge for a use: the catalog says who pays, in which order and under which limits."""
    named = said(pay_from, member, api_key, tag, dimension)
    with call.billing() as billing:
        receipt = billing.charge(customer, feature, quantity, **named, **call.change)
    answers.show_charge(call, receipt)


def check(
    call: Call,
    customer: Customer,
    feature: FeatureKey,
    quantity: Quantity = "1",
    *,
    pay_from: PayFrom = None,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tags = None,
    dimension: Dimensions = None,
) -> int:
    """Tell whether a charge would be accepted now, and spend nothing; exit code 1 means no."""
    named = said(pay_from, member, api_key, tag, dimension)
    with call.billing() as billing:
        found = billing.check(customer, feature, quantity, **named)
    answers.show(call, found.to_dict(), lambda: entitlements.parts(found))
    return DONE if found else FOUND


def explain(
    call: Call,
    customer: Customer,
    feature: FeatureKey,
    quantity: Quantity = "1",
    *,
    pay_from: PayFrom = None,
    member: Member = None,
    api_key: ApiKey = None,
    tag: Tags = None,
    dimension: Dimensions = None,
) -> None:
    """Say in words who would pay for a charge, why not, and how each source and limit stands."""
    named = said(pay_from, member, api_key, tag, dimension)
    with call.billing() as billing:
        text = billing.explain(customer, feature, quantity, **named)
    answers.show(call, {"explanation": text}, lambda: [text])


def said(
    pay_from: list[str] | None,
    member: str | None,
    api_key: str | None,
    tags: list[str] | None,
    dimensions: list[str] | None,
) -> dict[str, Any]:
    """Give what was said of a use, as the verbs take it."""
    return {
        "pay_from": pay_from or None,
        "member": member,
        "api_key": api_key,
        "tags": tags or (),
        "dimensions": parsing.dimensions(dimensions or ()),
    }
