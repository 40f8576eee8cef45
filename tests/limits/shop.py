"""A price list with limits, and what tests of them have in common."""

from datetime import UTC, datetime
from typing import Any

from tollkeeper import Money
from tollkeeper.catalog import Catalog

BEGINNING = datetime(2026, 6, 15, 12, tzinfo=UTC)

CATALOG = Catalog.from_toml("""
currency = "usd"

[units.credits]
[features.image]
rate = "0.10 usd"
[features.chat]
cost = { credits = 1 }
[features.seats]
type = "gauge"
[features.projects]
type = "gauge"
[features.export]
type = "boolean"
[features.model]
type = "value"

[plans.free]
limits = [
  { feature = "image", at_most = 10, every = "day" },
  { feature = "image", at_most = 4, every = "day", per = "member" },
  { spend = "5.00 usd", every = "month", name = "budget" },
]
entitlements = { seats = 3, export = false, model = "small" }

[plans.team]
group = "team"
prices = ["9.00 usd / month"]
entitlements = { seats = "+5", projects = "unlimited", export = true, model = "large" }
""")

WHY: dict[str, Any] = {"reason": "asked for it", "actor": "ann"}


def dollars(amount: str) -> Money:
    """Give an amount of dollars."""
    return Money(amount, "usd")


def seen(*values: object) -> tuple[object, ...]:
    """Put what is to be compared side by side: decimals are compared with whole numbers."""
    return values
