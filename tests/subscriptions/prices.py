"""The price list of these tests, and what they look at in the books."""

from decimal import Decimal

from tollkeeper import Billing, Entry
from tollkeeper.catalog import Catalog

CATALOG = Catalog.from_toml("""
currency = "usd"

[units.calls]
overdraft = 500
[units.storage]
[units.weekly]
[units.welcome]

[features.call]
cost = { calls = 1 }
[features.export]
type = "boolean"

[plans.free]
allowances.calls = "100 / month"

[plans.basic]
prices = ["9.99 usd / month"]
allowances.calls = "1_000 / month"

[plans.pro]
prices = ["29.99 usd / month", "299.00 usd / year"]
allowances.calls = "10_000 / month"
allowances.storage = { amount = 100, on_renewal = "add", cap = 250 }
entitlements.export = true

[plans.upfront]
group = "upfront"
prices = ["10.00 usd / month", "100.00 usd / year", "3.00 usd / week"]
allowances.calls = { amount = 1_001, pace = "upfront" }
allowances.welcome = { amount = 5, every = "year" }

[plans.team]
group = "team"
prices = ["5.00 usd / month"]
seats = { mode = "pool", minimum = 1, maximum = 50 }
allowances.calls = "100 / month"

[plans.bare]
group = "bare"
prices = ["1.00 usd / month"]

[plans.by_hand]
group = "by_hand"
prices = ["1.00 usd / month"]
grants = "manual"
allowances.calls = "77 / month"

[plans.more]
add_on = true
prices = ["2.00 usd / month"]
allowances.calls = "50 / month"

[plans.rolling]
group = "rolling"
prices = ["2.00 usd / month"]
allowances.weekly = { amount = 10, every = "week", on_renewal = "add", lifetime = "2 weeks" }
""")

#: What a history shows of an entry: its kind, its change of `available`, and what there is then.
Shown = tuple[str, int, int]


def shown(billing: Billing, customer: str, unit: str = "calls") -> list[Shown]:
    """Show a customer's entries in a unit, oldest first."""
    page = billing.credits.history(customer, unit, limit=1000)
    return [_shown(entry) for entry in reversed(page.entries)]


def available(billing: Billing, customer: str, unit: str = "calls") -> int:
    """Give what a customer can spend; here it is a whole number."""
    return _whole(billing.credits.balance(customer, unit).available)


def _shown(entry: Entry) -> Shown:
    scale = Decimal(10) ** -entry.unit.scale
    change, after = entry.change.available * scale, entry.after.available * scale
    return entry.kind, _whole(change), _whole(after)


def _whole(amount: Decimal) -> int:
    assert amount == int(amount)
    return int(amount)


def seen(*values: object) -> tuple[object, ...]:
    """Put what is to be compared side by side: decimals are compared with whole numbers."""
    return values
