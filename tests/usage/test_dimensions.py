"""Names of dimensions are checked where a feature declares them: a slip is no silent zero (G2)."""

from collections.abc import Callable
from typing import Any

import pytest

from tollkeeper import Billing, Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import UnknownDimension

CATALOG = """
currency = "usd"
[units.credits]
[features.tokens]
cost = { credits = 1 }
rate = { by = "region", rates = { eu = "0.02 usd" }, otherwise = "0.01 usd" }
dimensions = ["size", "region"]
[features.free]
cost = { credits = 1 }
"""

ASKS: dict[str, Callable[[Billing, dict[str, str]], Any]] = {
    "charge": lambda billing, named: billing.charge("c", "tokens", dimensions=named),
    "check": lambda billing, named: billing.check("c", "tokens", dimensions=named),
    "hold": lambda billing, named: billing.charges.hold("c", "tokens", 1, dimensions=named),
    "record": lambda billing, named: billing.usage.record("c", "tokens", dimensions=named),
    "estimate": lambda billing, named: billing.usage.estimate("c", "tokens", dimensions=named),
    "preview": lambda billing, named: billing.catalog.preview("tokens", dimensions=named),
    "where": lambda billing, named: billing.usage.summary("c", "tokens", where=named),
    "group_by": lambda billing, named: billing.usage.summary("c", "tokens", group_by=list(named)),
    "by": lambda billing, named: billing.usage.report(by=list(named)),
    "amend": lambda billing, named: billing.usage.amend(
        "c", billing.usage.record("c", "tokens").id, dimensions=named
    ),
}


@pytest.fixture
def billing(database_url: str, clock: FixedClock) -> Any:
    """A feature that declares its dimensions, and one that does not."""
    with Billing(database_url, catalog=Catalog.from_toml(CATALOG), clock=clock) as made:
        made.migrate()
        made.credits.grant("c", "credits", 100)
        yield made


@pytest.mark.parametrize("ask", ASKS)
def test_a_slip_of_a_declared_name_is_refused(billing: Billing, ask: str) -> None:
    """It names the nearest; nothing is written, and the right name is good."""
    with pytest.raises(UnknownDimension, match="did you mean 'size'") as caught:
        ASKS[ask](billing, {"sise": "S"})
    assert caught.value.details["dimension"] == "sise"
    ASKS[ask](billing, {"size": "S"})


def test_what_rates_go_by_and_what_ai_calls_say_is_known_anyway(billing: Billing) -> None:
    """Values are anybody's."""
    named = {"region": "moon", "vendor": "openai", "model": "gpt-7"}
    billing.usage.record("c", "tokens", dimensions=named)
    assert billing.usage.summary("c", "tokens", group_by=["model", "member"]).quantity == 1


def test_a_feature_that_declares_none_may_have_any(billing: Billing) -> None:
    """And so may sums of all features, but for a slip."""
    billing.usage.record("c", "free", dimensions={"colour": "red"})
    assert billing.usage.summary("c", "free", where={"colour": "red"}).quantity == 1
    billing.usage.report(by=["colour", "member"])
    with pytest.raises(UnknownDimension):
        billing.usage.report(by="regoin")
