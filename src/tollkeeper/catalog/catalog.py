"""The catalog: what an app sells, and to whom it gives what. Owns its sections and their reading.

It is written as TOML or in Python, checked whole when it is made, and never changes afterwards. It
knows no customer and no balance, and reads no clock.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Self

from pydantic import Field, ValidationError

from tollkeeper.catalog import reading
from tollkeeper.catalog.allowances import GrantTerms, allowances, gifts
from tollkeeper.catalog.checking import doubts_in, mistakes_in
from tollkeeper.catalog.compiling import Compiled
from tollkeeper.catalog.differences import Difference, differences
from tollkeeper.catalog.entitlements import Promised, entitlement
from tollkeeper.catalog.features import Feature, PriceBookSettings, UnitSettings, WalletSettings
from tollkeeper.catalog.looking import pack_of, promotion_of, units_of
from tollkeeper.catalog.mistakes import Mistake, Source, report
from tollkeeper.catalog.modes import ModeName, in_mode
from tollkeeper.catalog.plans import LimitRule, Plan
from tollkeeper.catalog.policies import Mode, Policies
from tollkeeper.catalog.purchases import Gift, Pack, Promotion, TopUp
from tollkeeper.catalog.scalars import CurrencyCode, Key
from tollkeeper.catalog.selling import Offer, offer
from tollkeeper.catalog.showing import PlanShown, plan_shown, plans_shown
from tollkeeper.catalog.terms import Metering, PolicyTerms, Terms
from tollkeeper.catalog.versions import canonical_text, version_of
from tollkeeper.catalog.written_rates import RateCard, Section
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.amounts import Amount
from tollkeeper.values.intervals import Interval
from tollkeeper.values.money import Money
from tollkeeper.values.units import Unit


class Catalog(Section):
    """What an app sells: units, features, plans, packs, top-ups and the rules they follow."""

    currency: CurrencyCode | None = None
    """The currency of customers who have none, and whose plan has several."""
    unit: Key | None = None
    """The unit that is meant where none is named."""
    default_plan: Key | None = None
    """The plan of customers without a subscription: its entitlements, rates and limits hold for
    them. Its allowances come with a subscription alone (`subscriptions.assign_free`)."""
    waterfall: tuple[Key, ...] = ()
    """Who pays, in order, where a plan does not say otherwise: `own`, `pool`, `wallet`, `usage`."""
    units: Mapping[Key, UnitSettings] = Field(default={})
    """Credits, by key; a feature without `cost` has its own without being named here."""
    wallet: WalletSettings = WalletSettings()
    """The customers' money."""
    features: Mapping[Key, Feature] = Field(default={})
    """What is used, by key."""
    plans: Mapping[Key, Plan] = Field(default={})
    """What customers subscribe to, by key."""
    packs: Mapping[Key, Pack] = Field(default={})
    """Credits at a fixed price, by key."""
    top_ups: Mapping[Key, TopUp] = Field(default={})
    """Credits in any amount, by unit; `wallet` is money."""
    sign_up: Mapping[Key, Gift] = Field(default={})
    """What a new customer is given once, by unit."""
    promotions: Mapping[Key, Promotion] = Field(default={})
    """Codes that give credits, by key."""
    rates: Mapping[Key, tuple[RateCard, ...]] = Field(default={})
    """Dated rate cards, append-only, by name."""
    price_books: Mapping[Key, PriceBookSettings] = Field(default={})
    """Where prices of models come from, by name."""
    limits: tuple[LimitRule, ...] = ()
    """Limits for every customer, whatever his plan."""
    policies: Policies = Policies()
    """How hard cases are decided."""
    test: Mode | None = None
    """What differs in the providers' test mode."""
    live: Mode | None = None
    """What differs live."""

    def __init__(self, source: Source | None = None, /, **sections: Any) -> None:
        if not isinstance(source, Source | None):
            raise InvalidRequest(
                "A Catalog is made of sections; read a file with Catalog.load(path)"
            )
        origin = source or Source()
        try:
            super().__init__(**sections)
        except ValidationError as error:
            found = reading.mistakes_of(error, type(self), sections, origin, mistakes_in)
            raise report(found, file=origin.file) from error
        if not origin.is_kept and (found := list(mistakes_in(self, sections, origin))):
            raise report(found, file=origin.file)
        # No field of the catalog: what it says is the same wherever it was written.
        self.__dict__["_written"] = (sections, origin)

    def __hash__(self) -> int:
        return hash(self.version)

    @classmethod
    def load(cls, path: str | FilePath) -> Self:
        """Read a catalog from a TOML file.

        Raises:
            CatalogError: it has mistakes; each is named with its line.
            OSError: the file cannot be read.
        """
        return cls.from_toml(
            reading.decoded(FilePath(path).read_bytes(), str(path)), file=str(path)
        )

    @classmethod
    def from_toml(cls, text: str, *, file: str | None = None) -> Self:
        """Read a catalog from TOML.

        Raises:
            CatalogError: it has mistakes; each is named with its line.

        >>> catalog = Catalog.from_toml('''
        ... features.chat = {}
        ... plans.free.allowances.chat = "100 / month"
        ... ''')
        >>> catalog.terms("chat", ("free",)).steps[0].source
        'chat'
        """
        data, source = reading.parse_toml(text, file)
        return cls(source, **data)

    @cached_property
    def version(self) -> str:
        """Name what the catalog says: equal for equal contents, however they are written."""
        return version_of(self.canonical())

    @cached_property
    def warnings(self) -> tuple[Mistake, ...]:
        """Tell what is allowed, but perhaps not meant, each with its place."""
        sections, origin = self.__dict__.pop("_written", ({}, Source()))
        return tuple(doubts_in(self, sections, origin))

    def in_mode(self, mode: ModeName) -> Self:
        """Give the catalog of the providers' test mode, or the live one.

        Both are the same but for what the sections `test` and `live` say: ids and prices.
        """
        return type(self)(**in_mode(self, mode))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Give the JSON Schema by which editors check and complete a `billing.toml`."""
        schema = cls.model_json_schema(by_alias=True)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    def canonical(self) -> str:
        """Write the catalog in the one form that is kept and compared; it can be read back.

        >>> catalog = Catalog(features={"chat": {}})
        >>> catalog.canonical()
        '{"features":{"chat":{}}}'
        >>> Catalog.from_canonical(catalog.canonical()) == catalog
        True
        """
        return canonical_text(self)

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """Read what `canonical` wrote; what was accepted once is accepted for ever."""
        return cls(Source(is_kept=True), **reading.parse_json(text))

    @cached_property
    def compiled(self) -> Compiled:
        """Give the side that charges ask."""
        return Compiled(self)

    @property
    def policy_terms(self) -> PolicyTerms:
        """Say how hard cases are decided, as far as a call asks."""
        return self.compiled.policy_terms

    def terms(
        self,
        feature: str,
        plans: tuple[str, ...] = (),
        currency: str | None = None,
        dimensions: Mapping[str, str] | None = None,
        at: datetime | None = None,
    ) -> Terms:
        """Give what a feature costs a customer on these plans, and who pays in which order.

        Args:
            feature: its key.
            plans: the customer's plans, the main one first; none is the default plan.
            currency: the customer's own; None leaves it to the plan, then to the catalog.
            dimensions: what else is known of the use, such as `{"model": "large"}`.
            at: the moment of the use, which dated rates need.

        Raises:
            UnknownFeature: the catalog has no such feature; the nearest is named.
            UnknownPlan: the catalog has no such plan; the nearest is named.
            UnknownCurrency: the code is not in ISO 4217.
            NotMetered: it is not charged for.
            NotPriced: nothing pays for it here; the message says what would.
            InvalidRequest: its rates are dated, and `at` is missing.
        """
        return self.compiled.terms(feature, plans, currency, dimensions or {}, at)

    def scale(self, feature: str) -> int:
        """Give the decimal digits of a feature's quantity."""
        return self.compiled.scale(feature)

    def metering(self, feature: str) -> Metering:
        """Say how usage events of a feature become one number, and how late they may be.

        Raises:
            UnknownFeature: the catalog has no such feature; the nearest is named.
            NotMetered: it is a feature of another type, of which nothing is counted.
        """
        return self.compiled.metering(feature)

    def low_balance(self, unit: str, plans: tuple[str, ...] = ()) -> int | None:
        """Give the threshold under which a balance is low; None where there is none."""
        return self.compiled.low_balance(unit, plans)

    def declared_units(self) -> tuple[Unit, ...]:
        """Declare every unit of credits, and the currencies whose wallets may be overdrawn."""
        return units_of(self)

    def entitlement(self, feature: str, plans: tuple[str, ...] = ()) -> Promised:
        """Tell what a feature is to a customer on these plans (his main plan first)."""
        return entitlement(self, feature, plans)

    def allowances(
        self,
        plan: str,
        *,
        interval: Interval | str | None = None,
        currency: str | None = None,
        quantity: int = 1,
        in_trial: bool = False,
    ) -> tuple[GrantTerms, ...]:
        """Tell what a plan grants, and how often, for the interval that is paid for.

        >>> catalog = Catalog.from_toml('''
        ... features.chat = {}
        ... [plans.pro.allowances]
        ... chat = { amount = 1001, pace = "upfront" }
        ... ''')
        >>> weekly, yearly = (
        ...     catalog.allowances("pro", interval=each)[0] for each in ("week", "year")
        ... )
        >>> weekly.amount, yearly.amount, yearly.every
        (251000000, 12012000000, 'year')
        """
        return allowances(
            self,
            plan,
            interval=interval,
            currency=currency,
            quantity=quantity,
            in_trial=in_trial,
        )

    def sign_up_grants(self, *, currency: str | None = None) -> tuple[GrantTerms, ...]:
        """Tell what a new customer is given, once."""
        return gifts(self, self.sign_up, source="promotion", currency=currency)

    def pack_grants(self, pack: str, *, currency: str | None = None) -> tuple[GrantTerms, ...]:
        """Tell what is in a pack.

        Raises:
            UnknownOffer: the catalog sells no such pack; the nearest is named.
        """
        return gifts(self, pack_of(self, pack).grants, source="purchase", currency=currency)

    def promotion_grants(self, code: str, *, currency: str | None = None) -> tuple[GrantTerms, ...]:
        """Tell what a code gives; upper and lower case are the same.

        Raises:
            UnknownOffer: no promotion has this code.
        """
        promotion = promotion_of(self, code)
        return gifts(self, promotion.grants, source="promotion", currency=currency)

    def offer(
        self,
        unit: str,
        *,
        plans: tuple[str, ...] = (),
        currency: str | None = None,
        at: datetime | None = None,
    ) -> Offer:
        """Give what a top-up sells: from where to where, and the price of each quantity.

        Raises:
            UnknownOffer: the catalog sells no top-up of this unit.
            NotPriced: it is not sold in this currency, to these plans, or at this moment.
        """
        return offer(self, unit, plans=plans, currency=currency, at=at)

    def price(
        self,
        unit: str,
        quantity: Amount,
        *,
        plans: tuple[str, ...] = (),
        currency: str | None = None,
        at: datetime | None = None,
    ) -> Money:
        """Give what a quantity of a top-up costs before tax: shown and charged alike (E1).

        Raises:
            UnknownOffer: the catalog sells no top-up of this unit.
            NotPriced: it is not sold in this currency, to these plans, or at this moment.
            InvalidAmount: it is not sold in this quantity; the message names what is.

        >>> catalog = Catalog.from_toml('''
        ... units.credits = {}
        ... top_ups.credits.rate = "0.01 usd"
        ... ''')
        >>> catalog.price("credits", 500)
        Money('5.00', 'usd')
        """
        return self.offer(unit, plans=plans, currency=currency, at=at).price(quantity)

    def shown(
        self, plan: str, *, currency: str | None = None, at: datetime | None = None
    ) -> PlanShown:
        """Show a plan as a pricing page does, in one currency."""
        return plan_shown(self, plan, currency=currency, at=at)

    def all_shown(
        self, *, currency: str | None = None, at: datetime | None = None
    ) -> tuple[PlanShown, ...]:
        """Show every public plan, the cheapest first and add-ons last."""
        return plans_shown(self, currency=currency, at=at)

    def differences(
        self, newer: "Catalog", *, at: datetime | None = None
    ) -> tuple[Difference, ...]:
        """Tell what a newer catalog changes, what it means, and what is refused (D9)."""
        return differences(self, newer, at=at)
