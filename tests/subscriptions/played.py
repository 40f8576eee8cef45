"""Books in memory, over which plans are taken and cancelled as the ledger would."""

from datetime import datetime

from tests.subscriptions.conftest import BEGINNING
from tests.subscriptions.prices import CATALOG
from tollkeeper.catalog import Catalog
from tollkeeper.decisions.accounts import post
from tollkeeper.decisions.burning import burn
from tollkeeper.decisions.ending import Cancel
from tollkeeper.decisions.playing import PlayedBook
from tollkeeper.decisions.requests import Outcome
from tollkeeper.decisions.rezoning import moved
from tollkeeper.decisions.subscribed import Subscribed
from tollkeeper.decisions.subscribing import Allocate
from tollkeeper.decisions.tallies import Tally


class Played:
    """One customer's books in memory, and what happens to them."""

    def __init__(self, catalog: Catalog = CATALOG, now: datetime = BEGINNING) -> None:
        self.catalog, self.now = catalog, now
        self.count = 0
        self.book = PlayedBook("u", {}, now, Tally("u"))

    def allocate(self, plan: str) -> None:
        """Take a plan, free or paid for."""
        self.count += 1
        known = self.catalog.plans[plan]
        request = Allocate(
            id=f"op_{self.count:09d}",
            customer="u",
            plan=plan,
            group=known.group,
            is_add_on=False,
            interval=str(known.prices[0].every) if known.prices else None,
            quantity=1,
            catalog=self.catalog,
            is_free=not known.prices,
        )
        self.book.play(request, self.now)

    def cancel(self, at: str) -> None:
        """Cancel whatever there is."""
        self.count += 1
        request = Cancel(
            id=f"op_{self.count:09d}",
            customer="u",
            subscription=None,
            at=at,  # type: ignore[arg-type]  # one of two words
        )
        self.book.play(request, self.now)

    def use(self, amount: int) -> int:
        """Use what there is, up to an amount; tell how much that was."""
        account = self.book.account("u", "calls")
        used = min(amount, account.available // 1_000_000)
        if used:
            burnt = burn(account, used * 1_000_000, None, 0)
            _, entry = post(account, "consume", burnt.lines, burnt.grants)
            self.book.accept(Outcome((entry,)))
        return used

    @property
    def live(self) -> str | None:
        """Name the plan that is live."""
        known = [each for each in self.book.subscribed.values() if each.is_live(self.now)]
        return known[0].plan if known else None

    def move(self, zone: str | None) -> None:
        """Move to another time zone."""
        self.book.advance(self.now)
        self.book.accept(moved(self.book, Outcome(), "u", zone, self.now))

    @property
    def subscription(self) -> Subscribed:
        """Give the only subscription."""
        (known,) = self.book.subscribed.values()
        return known
