"""Tollkeeper decides who pays for each use of an app, and keeps books that can prove it.

>>> from tollkeeper import Billing
>>> with Billing("sqlite://") as billing:
...     _ = billing.migrate()
...     _ = billing.credits.grant("user_1", "api_calls", 1000)
...     billing.credits.consume("user_1", "api_calls", 3).balance.available
Decimal('997')
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tollkeeper import errors

if TYPE_CHECKING:
    from tollkeeper.billing import AsyncBilling, Billing
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.notices.states import NoticePage, NoticeState
    from tollkeeper.values.amounts import Amount
    from tollkeeper.values.attempts import Attempt, ChargeAttempt
    from tollkeeper.values.books import Balance, Entry, GrantLine, Page
    from tollkeeper.values.charges import ChargeReceipt, PaidShare
    from tollkeeper.values.customers import Customer
    from tollkeeper.values.entitlements import Entitlement, LimitState, SourceState
    from tollkeeper.values.findings import AuditReport, DueReport, Finding
    from tollkeeper.values.grants import Grant
    from tollkeeper.values.money import Money
    from tollkeeper.values.receipts import HoldReceipt, Receipt
    from tollkeeper.values.units import Unit, credits_unit, currency_unit

__version__ = "0.1.0"

__all__ = [
    "Amount",
    "AsyncBilling",
    "Attempt",
    "AuditReport",
    "Balance",
    "Billing",
    "Catalog",
    "ChargeAttempt",
    "ChargeReceipt",
    "Customer",
    "DueReport",
    "Entitlement",
    "Entry",
    "Finding",
    "Grant",
    "GrantLine",
    "HoldReceipt",
    "LimitState",
    "Money",
    "NoticePage",
    "NoticeState",
    "Page",
    "PaidShare",
    "Receipt",
    "SourceState",
    "Unit",
    "credits_unit",
    "currency_unit",
    "errors",
]

#: Where the public names live. They are imported when first asked for: `tollkeeper --help` needs no
#: database toolkit, and importing one takes most of a second.
_HOMES = {
    "Amount": "tollkeeper.values.amounts",
    "AsyncBilling": "tollkeeper.billing",
    "Attempt": "tollkeeper.values.attempts",
    "AuditReport": "tollkeeper.values.findings",
    "Balance": "tollkeeper.values.books",
    "Billing": "tollkeeper.billing",
    "Catalog": "tollkeeper.catalog.catalog",
    "ChargeAttempt": "tollkeeper.values.attempts",
    "ChargeReceipt": "tollkeeper.values.charges",
    "Customer": "tollkeeper.values.customers",
    "DueReport": "tollkeeper.values.findings",
    "Entitlement": "tollkeeper.values.entitlements",
    "Entry": "tollkeeper.values.books",
    "Finding": "tollkeeper.values.findings",
    "Grant": "tollkeeper.values.grants",
    "GrantLine": "tollkeeper.values.books",
    "HoldReceipt": "tollkeeper.values.receipts",
    "LimitState": "tollkeeper.values.entitlements",
    "Money": "tollkeeper.values.money",
    "NoticePage": "tollkeeper.notices.states",
    "NoticeState": "tollkeeper.notices.states",
    "Page": "tollkeeper.values.books",
    "PaidShare": "tollkeeper.values.charges",
    "Receipt": "tollkeeper.values.receipts",
    "SourceState": "tollkeeper.values.entitlements",
    "Unit": "tollkeeper.values.units",
    "credits_unit": "tollkeeper.values.units",
    "currency_unit": "tollkeeper.values.units",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what there is, asked for or not."""
    return sorted({*globals(), *__all__})
