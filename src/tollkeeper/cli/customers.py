"""The noun `customers`: whose balances are kept, and what is known of them."""

from typing import Annotated, Any, Final

import typer

from tollkeeper.cli import answers, parsing
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import Customer

app: Final = typer.Typer(help="Introduce, merge and erase customers.", no_args_is_help=True)

Zone = Annotated[
    str | None, typer.Option(metavar="ZONE", help="IANA time zone, such as Europe/Berlin.")
]
WalletCurrency = Annotated[
    str | None, typer.Option(metavar="CODE", help="ISO 4217 code of the wallet's currency.")
]
Email = Annotated[str | None, typer.Option(metavar="ADDRESS", help="E-mail address.")]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="What people call the customer.")]
Organisation = Annotated[
    str | None, typer.Option(metavar="ID", help="The customer that is this one's organisation.")
]
OwnMetadata = Annotated[
    dict[str, Any] | None,
    typer.Option(metavar="JSON", parser=parsing.metadata, help="Your own data, a JSON object."),
]


@verb(app, "create", changes=True, takes_metadata=False)
def create(
    call: Call,
    customer: Customer,
    *,
    zone: Zone = None,
    currency: WalletCurrency = None,
    email: Email = None,
    name: Name = None,
    organisation: Organisation = None,
    metadata: OwnMetadata = None,
) -> None:
    """Introduce a customer, new or known by first use only."""
    with call.billing() as billing:
        found = billing.customers.create(
            customer,
            zone=zone,
            currency=currency,
            email=email,
            name=name,
            organisation=organisation,
            metadata=metadata,
            **call.change,
        )
    answers.show_customer(call, found)


@verb(app, "get")
def get(call: Call, customer: Customer) -> None:
    """Show what is known of a customer."""
    with call.billing() as billing:
        found = billing.customers.get(customer)
    answers.show_customer(call, found)


@verb(app, "update", changes=True, takes_metadata=False)
def update(
    call: Call,
    customer: Customer,
    *,
    zone: Zone = None,
    currency: WalletCurrency = None,
    email: Email = None,
    name: Name = None,
    organisation: Organisation = None,
    metadata: OwnMetadata = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Forget this field; may be repeated."),
    ] = None,
) -> None:
    """Change what is given; --clear forgets a field, such as email."""
    given = {
        "zone": zone,
        "currency": currency,
        "email": email,
        "name": name,
        "organisation": organisation,
        "metadata": metadata,
    }
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    changed |= dict.fromkeys(_cleared(clear or [], set(given), set(changed)))
    with call.billing() as billing:
        found = billing.customers.update(customer, **changed, **call.change)
    answers.show_customer(call, found)


@verb(app, "merge", by_hand=True)
def merge(
    call: Call,
    customer: Customer,
    *,
    into: Annotated[str, typer.Option(metavar="CUSTOMER", help="Who gets all balances.")],
) -> None:
    """Move all balances of one customer to another, for good."""
    with call.correcting(customer, into) as billing:
        receipt = billing.customers.merge(customer, into=into, **call.change)
    answers.show_receipt(call, receipt)


@verb(app, "erase", by_hand=True, takes_metadata=False)
def erase(call: Call, customer: Customer) -> None:
    """Erase a customer's e-mail, name and metadata, and those of all operations; books stay."""
    with call.correcting(customer) as billing:
        found = billing.customers.erase(customer, **call.change)
    answers.show_customer(call, found)


def _cleared(clear: list[str], known: set[str], changed: set[str]) -> list[str]:
    for field in clear:
        if field not in known:
            raise typer.BadParameter(f"{field!r} is none of {', '.join(sorted(known))}.")
        if field in changed:
            raise typer.BadParameter(f"{field!r} cannot be both given and cleared.")
    return clear
