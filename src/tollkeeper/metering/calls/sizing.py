"""How much a call will probably use, before it is made: what sizes its hold.

From recent calls of the same feature and model, and where there are none from the prompt's length
and the most that may come back. Looked up in the books at most once a minute for each model.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.change import Ledger
from tollkeeper.metering.calls.counting import Pricing, scaled_number
from tollkeeper.metering.calls.terms import CallTerms
from tollkeeper.metering.estimates import (
    ENOUGH_SAMPLES,
    USUAL_OUTPUT,
    Basis,
    estimate_cost,
    nearest_rank,
)
from tollkeeper.metering.usage import ModelUsage
from tollkeeper.operations.door import PlainDoor
from tollkeeper.store import metered_calls
from tollkeeper.values.amounts import from_scaled, round_half_even
from tollkeeper.values.money import Money
from tollkeeper.values.texts import echo

#: How many recent calls are looked at.
SAMPLE: Final = 200
#: How long a sample is believed.
FRESH: Final = timedelta(minutes=1)
#: Most models whose samples are remembered; then it begins anew.
MAXIMUM_REMEMBERED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEstimate:
    """What a call of a feature and model will probably use."""

    feature: str
    vendor: str | None
    model: str | None
    #: Half of such calls use no more than this, of the feature's quantity.
    p50: Decimal
    #: Nineteen in twenty use no more than this: what is held.
    p95: Decimal
    #: The same as money, where the feature is charged in it.
    p50_money: Money | None
    p95_money: Money | None
    #: How it was made: from enough calls, from a few, from the call's own limits, or from nothing
    #: but a usual length of answers.
    basis: Basis
    #: From how many calls it was made.
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        return {
            "feature": self.feature,
            "vendor": self.vendor,
            "model": self.model,
            "p50": f"{self.p50:f}",
            "p95": f"{self.p95:f}",
            "p50_money": None if self.p50_money is None else str(self.p50_money),
            "p95_money": None if self.p95_money is None else str(self.p95_money),
            "basis": self.basis,
            "samples": self.samples,
        }


class Size(NamedTuple):
    """An estimate at the feature's scale."""

    p50: int
    p95: int
    basis: Basis
    samples: int


class History:
    """What recent calls used, by feature and model, as this process remembers it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], tuple[datetime, tuple[ModelUsage, ...]]] = {}

    def sample(
        self, door: PlainDoor, feature: str, vendor: str, model: str
    ) -> Sequence[ModelUsage]:
        """Give what the last calls used, the latest last."""
        key, now = (feature, vendor, model), self._ledger.clock.now()
        with self._lock:
            found = self._known.get(key)
        if found is not None and found[0] <= now < found[0] + FRESH:
            return found[1]
        usages = door.read(lambda connection: self._read(connection, key))
        with self._lock:
            if len(self._known) >= MAXIMUM_REMEMBERED:
                self._known.clear()
            self._known[key] = (now, usages)
        return usages

    def _read(self, connection: Connection, key: tuple[str, str, str]) -> tuple[ModelUsage, ...]:
        feature, vendor, model = key
        rows = metered_calls.recent_usages(
            connection, self._ledger.database, feature, (vendor, model), SAMPLE
        )
        told = [json.loads(row[0]) for row in reversed(rows)]
        # An agent's run of several requests says nothing about one of them.
        single = [usages[0] for usages in told if len(usages) == 1]
        return tuple([ModelUsage.from_dict(usage) for usage in single])


def size_of(terms: CallTerms, pricing: Pricing, history: Sequence[ModelUsage]) -> Size:
    """Say what a call will probably use.

    Raises:
        InvalidRequest: the feature is priced by its model, and neither it nor a hold is named.
    """
    if pricing.currency is None:
        return _counted(terms, pricing, history)
    pinned = pricing.pinned
    if pinned is None:
        raise InvalidRequest(
            f"{echo(terms.feature)} is priced by the model: name vendor and model, or say what to "
            "hold."
        )
    asked = [replace(usage, vendor=pinned.vendor, model=pinned.model) for usage in history]
    found = estimate_cost(
        pinned,
        history=asked,
        prompt_tokens=terms.prompt_tokens,
        maximum_output=terms.maximum_output,
    )
    p50, p95 = (_at_least_one(round_half_even(p, pricing.scale)) for p in (found.p50, found.p95))
    return Size(p50, max(p50, p95), found.basis, found.samples)


def told(terms: CallTerms, pricing: Pricing, size: Size) -> CallEstimate:
    """Put an estimate into words."""
    amounts = [from_scaled(scaled, pricing.scale) for scaled in (size.p50, size.p95)]
    code = pricing.currency
    p50, p95 = (None if code is None else Money(amount, code) for amount in amounts)
    return CallEstimate(
        feature=terms.feature,
        vendor=terms.vendor,
        model=terms.model,
        p50=amounts[0],
        p95=amounts[1],
        p50_money=p50,
        p95_money=p95,
        basis=size.basis,
        samples=size.samples,
    )


def held_of(terms: CallTerms, pricing: Pricing) -> int | None:
    """Read what the caller wants to be held; None is the estimate."""
    if terms.hold is None:
        return None
    return _at_least_one(scaled_number(terms.hold, pricing))


def slice_of(terms: CallTerms, pricing: Pricing, held: int) -> int:
    """Say by how much a hold grows: what the caller said, else a quarter of it."""
    if terms.slice is not None:
        return _at_least_one(scaled_number(terms.slice, pricing))
    return _at_least_one(held // 4)


def _counted(terms: CallTerms, pricing: Pricing, history: Sequence[ModelUsage]) -> Size:
    """Say what will probably be counted."""
    counts = sorted(pricing.counted([usage]).quantity or 0 for usage in history)
    bound = pricing.counted([_bound(terms)]).quantity or 0
    basis: Basis = "guess" if terms.maximum_output is None else "limits"
    if counts:
        basis = "history" if len(counts) >= ENOUGH_SAMPLES else "few"
    decimals = [Decimal(count) for count in counts] or [Decimal(bound)]
    p50, p95 = (int(nearest_rank(decimals, percent)) for percent in (50, 95))
    if basis == "few" and terms.maximum_output is not None:
        p95 = max(p95, bound)
    return Size(_at_least_one(p50), _at_least_one(max(p50, p95)), basis, len(counts))


def _bound(terms: CallTerms) -> ModelUsage:
    """Give the usage of a call that answers as long as it may."""
    output = USUAL_OUTPUT if terms.maximum_output is None else terms.maximum_output
    return ModelUsage(
        vendor=terms.vendor or "unknown",
        model=terms.model or "unknown",
        input=terms.prompt_tokens,
        output=output,
    )


def _at_least_one(scaled: int) -> int:
    return max(scaled, 1)
