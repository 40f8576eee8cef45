"""A book in memory, for laws about charging alone: no database, no door, no clock.

Owns the carrying of one outcome to the next; decides nothing itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.charging.scene import START
from tollkeeper.catalog.terms import Metering, PolicyTerms, PriceList, Terms
from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.decisions.advancing import advance
from tollkeeper.decisions.asking import Span, Used
from tollkeeper.decisions.charging import Charge
from tollkeeper.decisions.granting import Grant
from tollkeeper.decisions.requests import GrantFact, Hour, Outcome, Request, Use
from tollkeeper.decisions.tallies import OWN, Tally, TallyKey
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.units import Unit, credits_unit, currency_unit

CUSTOMER = "customer"
MONEY = "money:usd"

#: Priorities by source, as the doors give them.
PRIORITIES = {"allowance": 20, "promotion": 40, "purchase": 60}


def units() -> dict[str, Unit]:
    """Two kinds of credits, and dollars."""
    made = [credits_unit("own", 0), credits_unit("pool", 0), currency_unit("usd")]
    return {unit.key: unit for unit in made}


@dataclass
class Pages:
    """Accounts and tallies, as decisions see them, and what was counted."""

    units: Mapping[str, Unit] = field(default_factory=units)
    states: dict[AccountKey, Account] = field(default_factory=dict)
    tallies: dict[TallyKey, Tally] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)
    number: int = 0

    def account(self, customer: str, unit: str) -> Account:
        return self.states.get((customer, unit), Account(customer, unit))

    def tally(self, customer: str, subject: str) -> Tally:
        return self.tallies.get((customer, subject), Tally(customer, subject))

    def told(self, question: Any) -> Used:
        """Sum what was used in a span of time, from the usage events themselves."""
        assert isinstance(question, Span), question
        found = [use for use in self.uses if _is_within(use, question)]
        if question.measure != "quantity":
            assert question.measure == MONEY
            amount = sum((use.spent or 0) + (use.owed or 0) for use in found)
        else:
            amount = sum(use.quantity for use in found)
        return Used(amount, min((to_microseconds(use.counted_at) for use in found), default=0))

    def copy(self) -> "Pages":
        """Copy it, so that two ways can be compared from one beginning."""
        return Pages(
            self.units,
            dict(self.states),
            dict(self.tallies),
            list(self.uses),
            list(self.hours),
            self.number,
        )

    def name(self) -> dict[str, Any]:
        """Give the next operation's id, and whose it is."""
        self.number += 1
        return {"id": f"op_{self.number:06}", "customer": CUSTOMER}

    def run(self, request: Request, now: datetime = START) -> Outcome:
        """Bring the accounts to a moment, decide, and carry the outcome; a refusal is raised."""
        self.advance(now)
        book: Any = self
        outcome = request.decide(book, now)
        for entry in outcome.entries:
            self.states[entry.after.key] = entry.after
        for tally in outcome.tallies:
            self.tallies[tally.key] = tally
        self.uses += outcome.uses
        self.hours += outcome.hours
        return outcome

    def advance(self, now: datetime) -> None:
        """Let time do what it does."""
        for key, account in self.states.items():
            self.states[key] = advance(account, [], now).account

    def give(
        self, unit: str, amount: int, now: datetime = START, source: str = "promotion", **facts: Any
    ) -> GrantFact:
        """Give an amount of a unit."""
        name = self.name()
        suffix = name["id"].partition("_")[2]
        told: dict[str, Any] = {
            "source": source,
            "priority": PRIORITIES[source],
            "paid": source == "purchase",
            "effective_at": now,
        } | facts
        fact = GrantFact(id=f"grt_{suffix}", customer=CUSTOMER, unit=unit, amount=amount, **told)
        self.run(Grant(**name, fact=fact, effective_at=fact.effective_at), now)
        return fact

    def charge(
        self, prices: PriceList, feature: str, quantity: int, now: datetime = START, **how: Any
    ) -> Outcome:
        """Charge for a feature."""
        made = Charge(**self.name(), feature=feature, quantity=quantity, prices=prices, **how)
        return self.run(made, now)

    def may_overdraw(self, unit: str, limit: int) -> None:
        """Let an account go below zero, whether it is there or not."""
        account = self.account(CUSTOMER, unit)
        self.states[account.key] = account._replace(overdraft=limit)

    @property
    def balances(self) -> dict[str, tuple[int, int, int]]:
        """Available, restricted and debt by unit."""
        return {
            unit: (account.available, account.restricted, account.debt)
            for (_, unit), account in sorted(self.states.items())
        }

    @property
    def counters(self) -> dict[tuple[str, str], int]:
        """How much each counter has, by subject and name; those that counted nothing left out."""
        return {
            (tally.subject, counter.name): counter.used
            for tally in self.tallies.values()
            for counter in tally.counters
            if counter.used
        }

    @property
    def own(self) -> Tally:
        """The customer's own tally."""
        return self.tally(CUSTOMER, OWN)


def _is_within(use: Use, span: Span) -> bool:
    """Tell whether a use belongs to a span."""
    at = to_microseconds(use.counted_at)
    tags = json.loads(use.tags) if use.tags else []
    subjects = [
        "",
        f"member:{use.member}",
        f"api_key:{use.api_key}",
        *(f"tag:{tag}" for tag in tags),
    ]
    return (
        span.feature in (None, use.feature)
        and span.subject in subjects
        and span.start <= at
        and (not span.end or at < span.end)
    )


#: How hard cases are decided unless a catalog says otherwise.
DEFAULTS = PolicyTerms()


@dataclass(frozen=True)
class Priced:
    """A price list of one feature, whose terms a test makes up."""

    made: Terms
    version: str = "made up"
    policy_terms: PolicyTerms = DEFAULTS

    def scale(self, feature: str) -> int:
        assert feature == self.made.feature
        return self.made.scale

    def terms(self, feature: str, *asked: object, **_: object) -> Terms:
        assert feature == self.made.feature
        return self.made

    def metering(self, feature: str) -> Metering:
        return Metering(self.scale(feature))

    def low_balance(self, unit: str, plans: tuple[str, ...]) -> int | None:
        return None
