"""The catalog of the bench: two features that three sources pay for, and one that is recorded.

Owns the keys of its units and features. Both charged features go by the same terms: their own
credits first, then a pool, then money, under one limit a day that no run comes near.
"""

from typing import TYPE_CHECKING, Final

from tollkeeper.cli.bench.load import UNIT

if TYPE_CHECKING:
    from tollkeeper import Catalog

#: Charged where one source pays: it has credits of its own without end, the same as for `consume`.
CALLS: Final = UNIT
#: Charged where three sources pay, a part each.
IMAGES: Final = "bench_images"
#: Recorded, and billed later by the plan's rate for usage.
EVENTS: Final = "bench_events"
POOL: Final = "bench_credits"
#: What one use of a charged feature costs in credits of the pool.
POOL_COST: Final = 10
CURRENCY: Final = "usd"
#: What the later bill asks for a recorded event.
PRICE: Final = "0.001"


def bench_catalog() -> "Catalog":
    """Read the catalog."""
    from tollkeeper import Catalog

    return Catalog.from_toml(catalog_text())


def catalog_text(*, price: str = PRICE) -> str:
    """Write the catalog, with this price of a recorded event, in money."""
    return f"""currency = "{CURRENCY}"
default_plan = "bench"

[units.{CALLS}]
[units.{IMAGES}]
[units.{POOL}]

[features.{CALLS}]
cost = {{ {POOL} = {POOL_COST} }}
rate = "0.10 {CURRENCY}"

[features.{IMAGES}]
cost = {{ {POOL} = {POOL_COST} }}
rate = "0.10 {CURRENCY}"

[features.{EVENTS}]
dimensions = ["model"]

[plans.bench]
usage.{EVENTS} = "{price} {CURRENCY}"

[[limits]]
name = "{CALLS}"
feature = "{CALLS}"
at_most = 1_000_000_000
every = "day"

[[limits]]
name = "{IMAGES}"
feature = "{IMAGES}"
at_most = 1_000_000_000
every = "day"
"""
