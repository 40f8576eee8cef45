"""What AI calls should earn, by policy: whom `warn_of_losses` finds where its call says nothing."""

from datetime import timedelta

import pytest

from tollkeeper import Billing, Catalog, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import CatalogError

#: The customer pays a fifth more than the vendor takes, so a sixth of the revenue is earned.
SHOP = """
[price_books.llm]
source = "none"
markup = "20 %"

[[price_books.llm.overrides]]
vendor = "openai"
model = "*"
rates = { input = "2.50 usd / 1_000_000", output = "10 usd / 1_000_000" }

[features.chat]
price_book = "llm"
"""
USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}


@pytest.mark.parametrize(
    ("policy", "is_found"),
    [("", False), ('least_margin = "16 %"', False), ('least_margin = "16.7 %"', True)],
)
def test_the_least_margin_is_the_catalogs(
    database_url: str, clock: FixedClock, policy: str, *, is_found: bool
) -> None:
    """What the call says goes first; without either it is those who lose money."""
    catalog = Catalog.from_toml(f"{SHOP}\n[policies]\n{policy}")
    with Billing(database_url, catalog=catalog, clock=clock) as billing:
        billing.migrate()
        billing.wallet.deposit("a", Money("1", "usd"))
        with billing.metered("a", "chat", hold="0.1", vendor="openai", model="gpt-4o") as call:
            call.result({"model": "gpt-4o", "choices": [], "usage": USAGE})
        since = clock.now() - timedelta(days=1)
        assert bool(billing.model_calls.warn_of_losses(since)) is is_found
        assert not billing.model_calls.warn_of_losses(since, least=0)
        assert billing.model_calls.warn_of_losses(since, least=20)


@pytest.mark.parametrize("margin", ["101 %", "-101 %", "0.0000001 %"])
def test_margins_that_nobody_can_ask_for(margin: str) -> None:
    """Above all of the revenue, or finer than margins are compared."""
    with pytest.raises(CatalogError) as caught:
        Catalog.from_toml(f'policies.least_margin = "{margin}"')
    (mistake,) = caught.value.mistakes
    assert str(mistake.path) == "policies.least_margin"
