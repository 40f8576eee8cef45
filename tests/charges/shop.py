"""The catalog of the tests of charges that are set aside: every kind of rate, limit and excess."""

from functools import cache

from tollkeeper.catalog import Catalog

SHOP = """
currency = "usd"

[units.credits]
scale = 0

[features.call]
scale = 0
cost = { credits = 1 }
rate = "0.25 usd"

[features.word]
scale = 0
cost = { credits = "1 / 3" }
rate = "1 usd / 3"

[features.tier]
scale = 0
rate = { graduated = [{ up_to = 5, each = "1 usd / 3" }, { each = "0.10 usd" }], over = "period" }

[features.step]
scale = 0
rate = { graduated = [{ up_to = 4, each = "1 usd", flat = "2 usd" }, { each = "0.30 usd" }] }

[features.bulk]
scale = 0
rate = { volume = [{ up_to = 9, each = "1 usd" }, { each = "0.50 usd" }] }

[features.post]
scale = 0
cost = { credits = 1 }

[features.film]
scale = 0
cost = { credits = 1 }
rate = "1 usd"
at_limit = "overage"

[features.note]
scale = 0
cost = { credits = 1 }
at_limit = "allow"

[features.scan]
scale = 0
cost = { credits = 1 }
rate = "1 usd"

[[limits]]
feature = "post"
at_most = 20
every = "day"

[[limits]]
feature = "film"
at_most = 8
every = "month"

[[limits]]
feature = "note"
at_most = 3
every = "year"

[[limits]]
spend = "20.00 usd"
every = "month"
feature = "scan"
"""


@cache
def shop() -> Catalog:
    """Give the catalog, read once."""
    return Catalog.from_toml(SHOP)
