"""Checks usage events as callers give them, and makes the requests that record them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import Metering, PriceList
from tollkeeper.decisions.effects import FeatureSums
from tollkeeper.decisions.limiting import subjects
from tollkeeper.decisions.recording import NewUse, Record, use_from
from tollkeeper.decisions.requests import Kept, Use
from tollkeeper.decisions.tallies import OWN, TallyKey
from tollkeeper.errors import InvalidRequest, NotMetered, TollkeeperError, UnknownFeature
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.operations.calls import Desk, check_key, customer_id, fingerprint_of
from tollkeeper.operations.dimensions import check_names
from tollkeeper.operations.pricing import MAXIMUM_DIMENSIONS
from tollkeeper.values.amounts import amount_key, from_scaled, to_scaled
from tollkeeper.values.moments import utc
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import Receipt
from tollkeeper.values.texts import canonical_json, check_text
from tollkeeper.values.units import CREDITS_SCALE
from tollkeeper.values.usage import NewUsage, RecordedBatch, UsageEvent, UsageParts

#: What the ids of our own usage events begin with.
EVENT: Final = "evt"
#: The most events of one batch.
MAXIMUM_EVENTS: Final = 10_000

_FIELDS: Final = NewUsage.__required_keys__ | NewUsage.__optional_keys__
_NO_DIMENSIONS: Final[Mapping[str, str]] = {}


class ScaledBy(Protocol):
    """What says how events are metered: a desk, which looks for names that it does not know."""

    @property
    def prices(self) -> PriceList:
        """Give the price list."""
        ...

    def metering(self, feature: str) -> tuple[PriceList, Metering]:
        """Give the price list, and how a feature's usage is counted by it."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """A price list that stays what it is, whatever is in force."""

    prices: PriceList

    def metering(self, feature: str) -> tuple[PriceList, Metering]:
        """Give the price list, and how a feature's usage is counted by it."""
        return self.prices, self.prices.metering(feature)


class Checking:
    """Checks the events of one call; what many have in common is looked up once."""

    __slots__ = ("_fit", "_meterings", "_scaled_by", "_told", "prices")

    def __init__(self, scaled_by: "ScaledBy") -> None:
        self._scaled_by = scaled_by
        #: One price list for all of the events.
        self.prices = scaled_by.prices
        self._meterings: dict[str, tuple[str, Metering]] = {}
        self._told: dict[tuple[tuple[str, str], ...], tuple[Mapping[str, str], str]] = {}
        #: Dimensions that were found to be a feature's own.
        self._fit: set[tuple[str, str]] = set()

    def event(
        self,
        customer: object,
        feature: object,
        quantity: Any = 1,
        event_at: object = None,
        member: object = None,
        dimensions: object = None,
        idempotency_key: object = None,
    ) -> NewUse:
        """Check one event."""
        owner = customer_id(customer)
        name, metering = self._metering(feature)
        scaled = to_scaled(quantity, metering.scale)
        at = None if event_at is None else utc(event_at, "event_at")
        who = None if member is None else check_text(member, "member")
        known, told = self.dimensions(name, dimensions) if dimensions else (_NO_DIMENSIONS, None)
        if idempotency_key is None:
            key, print_ = new_id(EVENT), OUR_OWN
        else:
            key = check_key(idempotency_key)
            print_ = _fingerprint(f"{name}\x1f{amount_key(quantity)}\x1f{at}\x1f{who}\x1f{told}")
        return NewUse(owner, key, name, scaled, at, who, known, told, print_, metering.late)

    def _metering(self, feature: object) -> tuple[str, Metering]:
        """Check a feature's key; give it, and how its events become one number."""
        # Only a plain str was checked before: whatever else is equal to it may be anything.
        found = self._meterings.get(feature) if type(feature) is str else None
        if found is None:
            name = check_text(feature, "feature")
            self.prices, metering = self._scaled_by.metering(name)
            found = self._meterings[name] = (name, metering)
        return found

    def dimensions(self, feature: str, given: object) -> tuple[Mapping[str, str], str]:
        """Check what else is known of a use; give it, and as canonical JSON."""
        known, told = self._told_of(given)
        if (feature, told) not in self._fit:
            check_names(self.prices, feature, known)
            self._fit.add((feature, told))
        return known, told

    def _told_of(self, given: object) -> tuple[Mapping[str, str], str]:
        if not isinstance(given, Mapping) or len(given) > MAXIMUM_DIMENSIONS:
            raise InvalidRequest(
                f"dimensions has at most {MAXIMUM_DIMENSIONS} names with a text each."
            )
        key = tuple(given.items())
        try:
            found = self._told.get(key)
        except TypeError:
            found = None
        if found is None:
            known = {
                check_text(name, "dimensions"): check_text(value, "dimensions")
                for name, value in key
            }
            found = (known, canonical_json(known))
            self._told[tuple(known.items())] = found
        return found


#: The fingerprint of events whose id is ours: nobody can ask for them again.
OUR_OWN: Final = "-"


@lru_cache(maxsize=4096)
def _fingerprint(asked: str) -> str:
    """Name what an event says; many say the same as others, so the names are remembered."""
    return fingerprint_of((asked,))


def checked_batch(scaled_by: ScaledBy, events: object) -> tuple[PriceList, tuple[NewUse, ...]]:
    """Check the events of a batch; an error names the first that is wrong, by its place.

    Gives the price list that all of them were scaled by, too.
    """
    if isinstance(events, Mapping | str) or not isinstance(events, Sequence):
        raise InvalidRequest("events is a list of dicts, each as `record` takes them.")
    if not 0 < len(events) <= MAXIMUM_EVENTS:
        raise InvalidRequest(
            f"A batch has 1 to {MAXIMUM_EVENTS:,} events, not {len(events):,}; send several."
        )
    checking, made = Checking(scaled_by), []
    first = checking.prices
    for number, event in enumerate(events):
        try:
            made.append(checking.event(**event))
        except TollkeeperError as error:
            error.details["number"] = number
            raise type(error)(f"Event {number}: {error.message}", **error.details) from error
        except TypeError as error:
            raise _wrong(number, event) from error
    if checking.prices is not first:  # another catalog came into force among them
        return checked_batch(scaled_by, events)
    return first, tuple(made)


def record(prices: PriceList, new: tuple[NewUse, ...]) -> Record:
    """Make the request that records some events."""
    return Record(
        id=new_id(OPERATION),
        customer=new[0].customer,
        new=new,
        prices=prices,
        tallies=tallies_of(new),
    )


def tallies_of(new: Sequence[NewUse]) -> tuple[TallyKey, ...]:
    """Name the tallies of the customers and members of some events."""
    keys: dict[TallyKey, None] = {}
    for event in new:
        keys[(event.customer, OWN)] = None
        if event.member is not None:
            keys[(event.customer, subjects(event.member, None, ())[0])] = None
    return tuple(keys)


def recorded_event(desk: Desk, result: Any) -> UsageEvent:
    """Give the event that was recorded, or was there already; raise what went wrong."""
    receipt = _receipt(result)
    return event_from(desk, use_from(receipt.result["use"]), replayed="replayed" in receipt.result)


def recorded_batch(result: Any) -> RecordedBatch:
    """Tell what a batch did; raise what went wrong."""
    told = _receipt(result).result
    return RecordedBatch(recorded=told["recorded"], replayed=tuple(told.get("replayed", ())))


def event_from(
    desk: Desk, kept: Kept, *, replayed: bool = False, amended_by: str | None = None
) -> UsageEvent:
    """Put an event's row into words."""
    use, created_at = kept
    scale = scale_of(desk.ledger.prices, use.feature)
    return UsageEvent(
        id=use.id,
        customer=use.customer,
        feature=use.feature,
        quantity=from_scaled(use.quantity, scale),
        event_at=use.event_at or use.counted_at,
        counted_at=use.counted_at,
        created_at=created_at,
        member=use.member,
        api_key=use.api_key,
        tags=tuple(json.loads(use.tags)) if use.tags else (),
        dimensions=json.loads(use.dimensions) if use.dimensions else {},
        paid=parts_of(sums_of(use), scale),
        amends=use.amends,
        amended_by=amended_by,
        backfill=use.backfill,
        mark=use.mark,
        replayed=replayed,
    )


def scale_of(prices: PriceList, feature: str) -> int:
    """Give the scale in which a feature's usage is in the books."""
    return metering_of(prices, feature).scale


def metering_of(prices: PriceList, feature: str) -> Metering:
    """Say how a feature's usage in the books is to be read, whatever the feature is today.

    One that no catalog has metered is summed up, in the widest default scale.
    """
    try:
        return prices.metering(feature)
    except (NotMetered, UnknownFeature):
        found = prices.metered_once(feature) if isinstance(prices, InForce) else None
        return found or Metering(CREDITS_SCALE)


class Parted(Protocol):
    """Sums that tell who paid which part: those of the books, and those of a simulation."""

    included: int
    credits: int
    wallet: int
    billed: int
    spent: dict[str, int]
    owed: dict[str, int]

    @property
    def unpaid(self) -> int:
        """What nobody could pay."""
        ...


def parts_of(sums: Parted, scale: int) -> UsageParts:
    """Tell who paid which part of a quantity of this scale, and in money."""
    return UsageParts(
        included=from_scaled(sums.included, scale),
        credits=from_scaled(sums.credits, scale),
        wallet=from_scaled(sums.wallet, scale),
        billed=from_scaled(sums.billed, scale),
        uncollected=from_scaled(sums.unpaid, scale),
        spent=moneys(sums.spent),
        owed=moneys(sums.owed),
    )


def sums_of(use: Use) -> FeatureSums:
    """Sum up one event."""
    sums = FeatureSums()
    sums.use(use)
    return sums


def moneys(amounts: Mapping[str, int]) -> tuple[Money, ...]:
    """Give amounts of money by currency; what is none is left out."""
    some = [(code, amount) for code, amount in sorted(amounts.items()) if code and amount]
    return tuple([Money.from_scaled(amount, code) for code, amount in some])


def _receipt(result: Any) -> Receipt:
    if isinstance(result, BaseException):
        raise result
    assert isinstance(result, Receipt)
    return result


def _wrong(number: int, event: object) -> InvalidRequest:
    """Say what is wrong with the shape of an event."""
    if not isinstance(event, Mapping):
        return InvalidRequest(
            f"Event {number} is of type {type(event).__name__}; it must be a dict.", number=number
        )
    unknown = sorted(str(name) for name in set(event) - _FIELDS)
    missing = sorted(NewUsage.__required_keys__ - set(event))
    says = f"has no {missing[0]!r}" if missing else f"has an unknown field {unknown[:1]}"
    known = ", ".join(sorted(_FIELDS))
    return InvalidRequest(f"Event {number} {says}; it may have: {known}.", number=number)
