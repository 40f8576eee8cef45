"""What the books show, in the short forms that tests compare."""

from tollkeeper import Billing


def numbers(billing: Billing, customer: str, unit: str = "calls") -> tuple[object, ...]:
    """Available, restricted, held, debt; as objects, so that they compare with plain integers."""
    balance = billing.credits.balance(customer, unit)
    return balance.available, balance.restricted, balance.held, balance.debt


def kinds(billing: Billing, customer: str) -> list[str]:
    """The kinds of a customer's entries, oldest first."""
    return [entry.kind for entry in reversed(billing.credits.history(customer).entries)]


def remains(billing: Billing, customer: str) -> list[object]:
    """What is left of each of a customer's grants, oldest first."""
    return [grant.remaining for grant in billing.credits.grants(customer)]
