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
    from tollkeeper.catalog.offered import CostShown, PackShown
    from tollkeeper.catalog.planning import CatalogDiff, CatalogVersion
    from tollkeeper.catalog.showing import PlanShown
    from tollkeeper.metering.calls.call import MeteredCall
    from tollkeeper.metering.calls.sizing import CallEstimate
    from tollkeeper.metering.rates import PinnedRates
    from tollkeeper.notices.states import NoticePage, NoticeState
    from tollkeeper.operations.uses import NewCharge
    from tollkeeper.values.amounts import Amount
    from tollkeeper.values.attempts import Attempt, ChargeAttempt
    from tollkeeper.values.books import Balance, Entry, GrantLine, Page
    from tollkeeper.values.charges import ChargeHoldReceipt, ChargeReceipt, PaidShare
    from tollkeeper.values.customers import Customer
    from tollkeeper.values.entitlements import Entitlement, LimitState, SourceState
    from tollkeeper.values.features import FeatureEntitlement, Gauge
    from tollkeeper.values.findings import AuditReport, DueReport, Finding
    from tollkeeper.values.grants import Grant
    from tollkeeper.values.held_charges import HeldCharge, HeldChargePage
    from tollkeeper.values.limits import CustomerLimit, LimitChange
    from tollkeeper.values.model_calls import ModelCall, ModelCallPage, ModelReport, ModelReportLine
    from tollkeeper.values.money import Money
    from tollkeeper.values.periods import Period
    from tollkeeper.values.receipts import HoldReceipt, Receipt
    from tollkeeper.values.simulations import Comparison, Simulation, SpanResult
    from tollkeeper.values.subscriptions import Subscription
    from tollkeeper.values.summaries import UsageGroup, UsageReport, UsageSummary
    from tollkeeper.values.units import Unit, credits_unit, currency_unit
    from tollkeeper.values.usage import (
        Backfill,
        BackfillPart,
        NewUsage,
        RecordedBatch,
        UsageEvent,
        UsagePage,
        UsageParts,
    )

__version__ = "0.1.0"

__all__ = [
    "Amount",
    "AsyncBilling",
    "Attempt",
    "AuditReport",
    "Backfill",
    "BackfillPart",
    "Balance",
    "Billing",
    "CallEstimate",
    "Catalog",
    "CatalogDiff",
    "CatalogVersion",
    "ChargeAttempt",
    "ChargeHoldReceipt",
    "ChargeReceipt",
    "Comparison",
    "CostShown",
    "Customer",
    "CustomerLimit",
    "DueReport",
    "Entitlement",
    "Entry",
    "FeatureEntitlement",
    "Finding",
    "Gauge",
    "Grant",
    "GrantLine",
    "HeldCharge",
    "HeldChargePage",
    "HoldReceipt",
    "LimitChange",
    "LimitState",
    "MeteredCall",
    "ModelCall",
    "ModelCallPage",
    "ModelReport",
    "ModelReportLine",
    "Money",
    "NewCharge",
    "NewUsage",
    "NoticePage",
    "NoticeState",
    "PackShown",
    "Page",
    "PaidShare",
    "Period",
    "PinnedRates",
    "PlanShown",
    "Receipt",
    "RecordedBatch",
    "Simulation",
    "SourceState",
    "SpanResult",
    "Subscription",
    "Unit",
    "UsageEvent",
    "UsageGroup",
    "UsagePage",
    "UsageParts",
    "UsageReport",
    "UsageSummary",
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
    "Backfill": "tollkeeper.values.usage",
    "BackfillPart": "tollkeeper.values.usage",
    "Balance": "tollkeeper.values.books",
    "Billing": "tollkeeper.billing",
    "CallEstimate": "tollkeeper.metering.calls.sizing",
    "Catalog": "tollkeeper.catalog.catalog",
    "CatalogDiff": "tollkeeper.catalog.planning",
    "CatalogVersion": "tollkeeper.catalog.planning",
    "ChargeAttempt": "tollkeeper.values.attempts",
    "ChargeHoldReceipt": "tollkeeper.values.charges",
    "ChargeReceipt": "tollkeeper.values.charges",
    "Comparison": "tollkeeper.values.simulations",
    "CostShown": "tollkeeper.catalog.offered",
    "Customer": "tollkeeper.values.customers",
    "CustomerLimit": "tollkeeper.values.limits",
    "DueReport": "tollkeeper.values.findings",
    "Entitlement": "tollkeeper.values.entitlements",
    "Entry": "tollkeeper.values.books",
    "FeatureEntitlement": "tollkeeper.values.features",
    "Finding": "tollkeeper.values.findings",
    "Gauge": "tollkeeper.values.features",
    "Grant": "tollkeeper.values.grants",
    "GrantLine": "tollkeeper.values.books",
    "HeldCharge": "tollkeeper.values.held_charges",
    "HeldChargePage": "tollkeeper.values.held_charges",
    "HoldReceipt": "tollkeeper.values.receipts",
    "LimitChange": "tollkeeper.values.limits",
    "LimitState": "tollkeeper.values.entitlements",
    "MeteredCall": "tollkeeper.metering.calls.call",
    "ModelCall": "tollkeeper.values.model_calls",
    "ModelCallPage": "tollkeeper.values.model_calls",
    "ModelReport": "tollkeeper.values.model_calls",
    "ModelReportLine": "tollkeeper.values.model_calls",
    "Money": "tollkeeper.values.money",
    "NewCharge": "tollkeeper.operations.uses",
    "NewUsage": "tollkeeper.values.usage",
    "NoticePage": "tollkeeper.notices.states",
    "NoticeState": "tollkeeper.notices.states",
    "PackShown": "tollkeeper.catalog.offered",
    "Page": "tollkeeper.values.books",
    "PaidShare": "tollkeeper.values.charges",
    "Period": "tollkeeper.values.periods",
    "PinnedRates": "tollkeeper.metering.rates",
    "PlanShown": "tollkeeper.catalog.showing",
    "Receipt": "tollkeeper.values.receipts",
    "RecordedBatch": "tollkeeper.values.usage",
    "Simulation": "tollkeeper.values.simulations",
    "SourceState": "tollkeeper.values.entitlements",
    "SpanResult": "tollkeeper.values.simulations",
    "Subscription": "tollkeeper.values.subscriptions",
    "Unit": "tollkeeper.values.units",
    "UsageEvent": "tollkeeper.values.usage",
    "UsageGroup": "tollkeeper.values.summaries",
    "UsagePage": "tollkeeper.values.usage",
    "UsageParts": "tollkeeper.values.usage",
    "UsageReport": "tollkeeper.values.summaries",
    "UsageSummary": "tollkeeper.values.summaries",
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
