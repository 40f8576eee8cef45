"""Tollkeeper decides who pays for each use of an app, and keeps books that can prove it.

>>> from tollkeeper import Billing
>>> with Billing("sqlite://") as billing:
...     _ = billing.migrate()
...     _ = billing.credits.grant("user_1", "api_calls", 1000)
...     billing.credits.consume("user_1", "api_calls", 3).balance.available
Decimal('997')
"""

from tollkeeper.billing import AsyncBilling, Billing
from tollkeeper.values.money import Money

__version__ = "0.1.0"

__all__ = ["AsyncBilling", "Billing", "Money"]
