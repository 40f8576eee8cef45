"""What a feature costs a customer on his plans: the terms that a charge decides by. Pure data.

The catalog is written for people; terms are what remains of it once it is checked: keys, integers
at their unit's scale, and rates. A charge looks at nothing else of the catalog.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from tollkeeper.catalog.rates import Rate

#: Who pays at a step of the waterfall: a balance in credits, the money wallet, or the later bill.
StepKind = Literal["unit", "wallet", "usage"]

#: What a limit is counted by: a calendar window in the customer's zone, the billing period, a time
#: rolling from the first use, or for ever.
WindowKind = Literal[
    "minute", "hour", "day", "week", "month", "quarter", "year", "period", "rolling", "lifetime"
]

#: Whose use a limit counts.
Subject = Literal["customer", "member", "api_key", "tag"]

#: What happens beyond a limit (C5).
AtLimit = Literal["refuse", "overage", "allow"]


_SPANS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60}


class Window(NamedTuple):
    """The span over which a limit counts."""

    kind: WindowKind
    #: The length of a `rolling` window, in seconds.
    seconds: int = 0

    @property
    def every(self) -> str:
        """Write it as people do.

        >>> Window("rolling", 18_000).every, Window("day").every
        ('5 hours', 'day')
        """
        if self.kind != "rolling":
            return self.kind
        for word, seconds in _SPANS.items():
            if self.seconds % seconds == 0:
                count = self.seconds // seconds
                return f"{count} {word}" if count == 1 else f"{count} {word}s"
        return f"{self.seconds} seconds"


class Limit(NamedTuple):
    """How much may be used or spent in a window (C4)."""

    #: Its stable name, such as `image:quantity:customer:day`; overrides and errors use it.
    name: str
    #: The feature whose use counts; None counts every feature.
    feature: str | None
    subject: Subject
    #: `quantity`, or the key of the unit whose amounts count (`credits`, `money:usd`).
    measure: str
    #: The most, scaled as the feature's quantity or the unit.
    at_most: int
    window: Window
    at_limit: AtLimit = "refuse"
    #: Percentages of `at_most` at which a notice warns, ascending.
    warn_at: tuple[int, ...] = (80,)
    #: The one member, key or tag that it is for; None is each by itself.
    only: str | None = None


class Step(NamedTuple):
    """One source of payment in a waterfall, and what it is paid there."""

    #: What callers name in `pay_from`: the unit's key, `wallet` or `usage`.
    source: str
    kind: StepKind
    #: The unit that amounts count: of the balance, or the currency (`money:usd`).
    unit: str
    rate: Rate
    #: Whether the rate counts from the start of the billing period, not anew with each charge.
    by_period: bool = False


class Terms(NamedTuple):
    """All that a charge of one feature needs to know of the catalog."""

    feature: str
    #: Decimal digits of its quantity.
    scale: int
    #: Who pays, in order.
    steps: tuple[Step, ...]
    limits: tuple[Limit, ...] = ()
    #: Who pays what passes a limit whose `at_limit` is `overage`.
    overage: tuple[Step, ...] = ()
    #: Whether each whole unit is paid by one source alone.
    is_whole: bool = False
    #: The version of the catalog that says so.
    version: str = ""
    #: Whether the plans let the customer use the feature at all; balances aside.
    is_allowed: bool = True


class Metering(NamedTuple):
    """How usage events of a feature become one number, and how late they may be (G1, G2)."""

    #: Decimal digits of its quantity.
    scale: int
    meter: Literal["sum", "count", "max", "last", "unique"] = "sum"
    #: For `unique`: the dimension whose different values are counted.
    of: str | None = None
    #: How late an event may be and still count by its own time.
    late: str = "3 days"


class PolicyTerms(NamedTuple):
    """How hard cases are decided, as far as a call asks: the catalog's policies, compiled.

    They are those in force, whatever plan a customer has and when it was sold to him. What they are
    here unless the catalog says otherwise holds without a catalog, too.
    """

    #: C7: whether who is not known yet comes into being with his first use, or is refused.
    unknown_customers: Literal["create", "refuse"] = "create"
    #: A4: whether promotional credits pay debt back.
    promotions_pay_debt: bool = False
    #: A6: what a reversal does with value of a grant that expired meanwhile.
    reversal: Literal["expire", "reissue"] = "expire"
    #: A7: whether money moves between customers' wallets.
    wallet_transfers: bool = False
    #: B2: what a settle above its hold does.
    settle_beyond: Literal["charge", "cap", "refuse"] = "charge"
    #: B4: how long a hold can live at most, extensions included.
    hold_lifetime: timedelta = timedelta(hours=24)
    #: What a customer's AI calls should earn at least, in percent of the revenue.
    least_margin: Decimal = Decimal(0)


#: A plan's key, and the catalog version that it was sold under.
SoldPlan = tuple[str, str]


class PriceList(Protocol):
    """A checked catalog, as charges see it."""

    @property
    def version(self) -> str:
        """Name the version: a hash of what it says."""
        ...

    @property
    def policy_terms(self) -> PolicyTerms:
        """Say how hard cases are decided."""
        ...

    def scale(self, feature: str) -> int:
        """Give the decimal digits of a feature's quantity; raises UnknownFeature."""
        ...

    def terms(
        self,
        feature: str,
        plans: tuple[str, ...],
        currency: str | None,
        dimensions: Mapping[str, str],
        at: datetime | None = None,
    ) -> Terms:
        """Give the terms of a feature for a customer on these plans (his main plan first).

        `currency` is the customer's own; None leaves it to the plan, then to the catalog. `at` is
        the moment of the use: a catalog with dated rates needs it. Raises UnknownFeature,
        UnknownPlan, UnknownCurrency or NotPriced, each naming the fix.
        """
        ...

    def metering(self, feature: str) -> Metering:
        """Say how a feature is metered; raises UnknownFeature or NotMetered."""
        ...

    def low_balance(self, unit: str, plans: tuple[str, ...]) -> int | None:
        """Give the threshold under which a balance is low; None where there is none."""
        ...
