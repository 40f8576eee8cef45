"""Pinned rates as JSON, so that a hold can keep them and any process can settle by them (B6). Pure.

Numbers are decimal strings: what comes back is equal to what was written, to the last digit.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tollkeeper.errors import InvalidRates
from tollkeeper.metering.markups import NO_MARKUP, Markup
from tollkeeper.metering.rates import PinnedRates, Rate, RateTier, RateVariant
from tollkeeper.values.texts import Json


def to_dict(rates: PinnedRates) -> dict[str, Json]:
    """Write pinned rates as JSON can carry them.

    >>> rates = PinnedRates(
    ...     vendor="acme", model="small", currency="usd", at=None,
    ...     rates=(("output", Rate(Decimal("0.000004"))),),
    ... )
    >>> from_dict(to_dict(rates)) == rates
    True
    """
    told: dict[str, Json] = {
        "vendor": rates.vendor,
        "model": rates.model,
        "currency": rates.currency,
        "rates": _written(rates.rates),
    }
    if rates.at is not None:
        told["at"] = rates.at.isoformat()
    if rates.variants:
        told["variants"] = [
            {"when": dict(variant.when), "rates": _written(variant.rates)}
            for variant in rates.variants
        ]
    if rates.markup != NO_MARKUP:
        told["markup"] = _markup(rates.markup)
    if rates.policy is not None:
        told["policy"] = rates.policy
    return told | ({"is_complete": True} if rates.is_complete else {})


def from_dict(told: Mapping[str, Any]) -> PinnedRates:
    """Read what `to_dict` wrote.

    Raises:
        InvalidRates: it was not written by `to_dict`.
    """
    try:
        return PinnedRates(
            vendor=told["vendor"],
            model=told["model"],
            currency=told["currency"],
            at=_moment(told.get("at")),
            rates=_read(told["rates"]),
            variants=tuple(
                RateVariant(tuple(sorted(each["when"].items())), _read(each["rates"]))
                for each in told.get("variants", ())
            ),
            markup=_read_markup(told.get("markup")),
            policy=told.get("policy"),
            is_complete=told.get("is_complete", False),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InvalidRates("these are no pinned rates that Tollkeeper wrote") from error


def _written(pairs: tuple[tuple[str, Rate], ...]) -> dict[str, Json]:
    return {kind: _rate(rate) for kind, rate in pairs}


def _rate(rate: Rate) -> Json:
    told: dict[str, Json] = {"each": f"{rate.each:f}"}
    if rate.tiers:
        told["tiers"] = [[tier.above, f"{tier.each:f}"] for tier in rate.tiers]
    if rate.source:
        told["source"] = rate.source
    if rate.since is not None:
        told["since"] = rate.since.isoformat()
    return told


def _read(told: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, Rate], ...]:
    return tuple(
        (
            kind,
            Rate(
                Decimal(rate["each"]),
                tuple(RateTier(above, Decimal(each)) for above, each in rate.get("tiers", ())),
                rate.get("source", ""),
                _moment(rate.get("since")),
            ),
        )
        for kind, rate in told.items()
    )


def _markup(markup: Markup) -> Json:
    return {
        "percent": str(markup.percent),
        "per_million": str(markup.per_million),
        "vendor": markup.vendor,
        "model": markup.model,
        "starts": markup.starts.isoformat() if markup.starts else None,
    }


def _read_markup(told: Mapping[str, Any] | None) -> Markup:
    if told is None:
        return NO_MARKUP
    return Markup(**{**told, "starts": _moment(told["starts"])})


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
