"""The catalog and the books that tests of metered calls share."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from tollkeeper import Billing, Money
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.values.model_calls import ModelCall

START = datetime(2026, 6, 1, 12, tzinfo=UTC)

#: `chat` is priced by a book, in money; `words` counts tokens, `asks` requests.
SHOP = """
currency = "usd"

[price_books.llm]
source = "none"
markup = "20 %"

[[price_books.llm.overrides]]
vendor = "openai"
model = "gpt-4o*"
rates = { input = "2.50 usd / 1_000_000", output = "10 usd / 1_000_000" }

[[price_books.llm.overrides]]
vendor = "openai"
model = "text-embedding-*"
rates = { input = "0.02 usd / 1_000_000" }

[[price_books.llm.overrides]]
vendor = "anthropic"
model = "claude-*"
rates = { input = "1 usd / 1_000_000", output = "5 usd / 1_000_000" }

[features.chat]
price_book = "llm"

[features.words]
scale = 0

[features.asks]
scale = 0

[features.limited]
scale = 0
cost = { credits = 1 }

[units.credits]
scale = 0

[[limits]]
feature = "limited"
at_most = 500
every = "day"
"""

#: What the make-believe vendors say that a call used; with the prices above it costs the vendor
#: 100 × 2.5 + 50 × 10 = 750 millionths of a dollar, and the customer a fifth more.
CHAT_USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
MESSAGE_USAGE = {"input_tokens": 200, "output_tokens": 60}
RESPONSE_USAGE = {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}
CHAT_COST = Money("0.00075", "usd")
CHAT_PRICE = Decimal("0.0009")
MESSAGE_COST = Money("0.0005", "usd")
MESSAGE_PRICE = Decimal("0.0006")
ASKED: list[Any] = [{"role": "user", "content": "What is a toll?"}]
HAIKU = "claude-haiku-4-5"


@cache
def shop() -> Catalog:
    """Give the catalog, read once."""
    return Catalog.from_toml(SHOP)


@dataclass(frozen=True)
class Scene:
    """Books on one database, with a clock that each test sets."""

    billing: Billing
    clock: FixedClock
    url: str

    def rich(self, customer: str) -> str:
        """Give a customer ten dollars and ten thousand of everything that is counted."""
        self.billing.wallet.deposit(customer, Money("10", "usd"))
        for unit in ("words", "asks", "credits"):
            self.billing.credits.grant(customer, unit, 10_000)
        return customer

    def spent(self, customer: str) -> Decimal:
        """Tell how much of the ten dollars is gone, holds included."""
        return Decimal(10) - self.wallet(customer)

    def wallet(self, customer: str) -> Decimal:
        """Tell what is available in the wallet."""
        balance = self.billing.wallet.balance(customer)
        assert balance is not None
        return balance.available

    def held(self, customer: str) -> Decimal:
        """Tell what is held in the wallet."""
        balance = self.billing.wallet.balance(customer)
        assert balance is not None
        return balance.held

    def only_call(self, customer: str) -> ModelCall:
        """Give the only call of a customer."""
        [call] = self.billing.model_calls.list(customer).calls
        return call

    def audited(self, customer: str) -> None:
        """Prove a customer's books."""
        report = self.billing.books.audit(customer=customer)
        assert report.ok, report.findings


def opened(url: str) -> Iterator[Scene]:
    """Open migrated books."""
    clock = FixedClock(START)
    with Billing(url, clock=clock, catalog=shop()) as billing:
        billing.migrate()
        yield Scene(billing, clock, url)
