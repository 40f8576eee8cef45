"""The catalog that the tests of charging share: small numbers, every kind of rate, limit and plan.

Quantities are whole (scale 0), except those of `token`, so that a model may count them one by one.
"""

from functools import cache

from tollkeeper.catalog import Catalog

#: A feature of each kind: what pays for it, and how it is rated.
SHOP = """
currency = "usd"

[wallet]
overdraft = "0.00 usd"

[units.credits]
scale = 0

[units.gems]
scale = 2
overdraft = 5

[features.call]
scale = 0
cost = { credits = 1 }
rate = "0.25 usd"

[features.image]
scale = 0
cost = { credits = 10 }
rate = ["1.50 usd", "1.25 eur"]

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

[features.bundle]
scale = 0
cost = { gems = { package = 4, each = 1 } }

[features.bulk]
scale = 0
rate = { volume = [{ up_to = 9, each = "1 usd" }, { each = "0.50 usd" }] }

[features.movie]
scale = 1
whole = true
cost = { credits = 3 }
rate = "2 usd"

[features.token]
scale = 6
rate = "1 usd / 3_000_000"

[features.gift]
scale = 0
cost = { credits = 0 }

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

[features.model]
scale = 0
rate = { by = "name", rates = { small = "0.10 usd", large = "1 usd" } }

[features.vip]
scale = 0
cost = { credits = 1 }

[[limits]]
feature = "post"
at_most = 20
every = "day"

[[limits]]
feature = "post"
at_most = 7
every = "hour"
per = "member"

[[limits]]
feature = "post"
at_most = 5
within = "5 hours"
per = "api_key"

[[limits]]
feature = "post"
at_most = 6
every = "minute"
per = "tag"
tag = "night"

[[limits]]
feature = "film"
at_most = 8
every = "month"

[[limits]]
feature = "call"
at_most = 40
every = "quarter"

[[limits]]
feature = "gift"
at_most = 50
every = "week"

[[limits]]
feature = "note"
at_most = 3
every = "year"

[[limits]]
feature = "scan"
at_most = 30
every = "lifetime"

[[limits]]
spend = "20.00 usd"
every = "period"
feature = "scan"

[plans.free]
allowances.credits = { amount = 10, every = "month" }
entitlements.vip = false

[plans.pro]
prices = ["20.00 usd / month"]
allowances.credits = { amount = 100, every = "month" }
waterfall = ["own", "pool", "wallet", "usage"]
entitlements.vip = true

[plans.team]
prices = ["90.00 usd / month"]
waterfall = ["usage", "own", "pool"]
overage.film = "3 usd"
limits = [{ feature = "vip", at_most = 40, every = "quarter" }]
"""


@cache
def shop() -> Catalog:
    """Give the catalog, read once."""
    return Catalog.from_toml(SHOP)
