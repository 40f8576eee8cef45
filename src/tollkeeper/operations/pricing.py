"""Makes the requests that charge for a feature, from what a caller said."""

from collections.abc import Mapping, Sequence
from typing import Any

from tollkeeper.decisions.charging import Charge
from tollkeeper.errors import InvalidRequest, Refusal
from tollkeeper.operations.calls import Desk, Options, common
from tollkeeper.values.amounts import Amount, to_scaled
from tollkeeper.values.attempts import ChargeAttempt
from tollkeeper.values.texts import check_text

#: The most tags, dimensions and sources that one charge may name.
MAXIMUM_TAGS = 20
MAXIMUM_DIMENSIONS = 20
MAXIMUM_SOURCES = 20


def charge(
    desk: Desk,
    customer: str,
    feature: str,
    quantity: Amount,
    *,
    pay_from: str | Sequence[str] | None,
    member: str | None,
    api_key: str | None,
    tags: Sequence[str],
    dimensions: Mapping[str, str] | None,
    options: Options,
) -> Charge:
    """Make a request to charge."""
    return Charge(
        **fields_of(
            desk,
            customer,
            feature,
            quantity,
            pay_from=pay_from,
            member=member,
            api_key=api_key,
            tags=tags,
            dimensions=dimensions,
            options=options,
        )
    )


def fields_of(
    desk: Desk,
    customer: str,
    feature: str,
    quantity: Amount,
    *,
    pay_from: str | Sequence[str] | None,
    member: str | None,
    api_key: str | None,
    tags: Sequence[str],
    dimensions: Mapping[str, str] | None,
    options: Options,
    asks: tuple[object, ...] = ("charge",),
) -> dict[str, Any]:
    """Check what every request that charges has in common; `asks` begins its fingerprint."""
    name, prices = check_text(feature, "feature"), desk.prices
    scaled = to_scaled(quantity, prices.scale(name))
    sources = None if pay_from is None else _sources(pay_from)
    who = None if member is None else check_text(member, "member")
    key = None if api_key is None else check_text(api_key, "api_key")
    labels = _tags(tags) if tags else ()
    known = _dimensions(dimensions) if dimensions else {}
    asked = (*asks, name, scaled, sources, who, key, labels, tuple(sorted(known.items())))
    made = common(customer, options, asked)
    made.update(
        feature=name,
        quantity=scaled,
        prices=prices,
        pay_from=sources,
        member=who,
        api_key=key,
        tags=labels,
        dimensions=known,
    )
    return made


def attempt(result: Any) -> ChargeAttempt:
    """Say a refusal as a result; raise every other error."""
    if isinstance(result, Refusal):
        return ChargeAttempt(success=False, refusal=result)
    if isinstance(result, BaseException):
        raise result
    return ChargeAttempt(success=True, receipt=result)


def _sources(pay_from: object) -> tuple[str, ...]:
    named = [pay_from] if isinstance(pay_from, str) else pay_from
    if not isinstance(named, Sequence) or not 0 < len(named) <= MAXIMUM_SOURCES:
        raise InvalidRequest(
            f"pay_from is a source of payment, or a list of 1 to {MAXIMUM_SOURCES} of them: "
            "a unit's key, 'credits', 'wallet' or 'usage'."
        )
    return tuple(dict.fromkeys(check_text(source, "pay_from") for source in named))


def _tags(tags: object) -> tuple[str, ...]:
    if isinstance(tags, str) or not isinstance(tags, Sequence) or len(tags) > MAXIMUM_TAGS:
        raise InvalidRequest(f"tags is a list of at most {MAXIMUM_TAGS} texts.")
    return tuple(sorted({check_text(tag, "tags") for tag in tags}))


def _dimensions(dimensions: object) -> dict[str, str]:
    if not isinstance(dimensions, Mapping) or len(dimensions) > MAXIMUM_DIMENSIONS:
        raise InvalidRequest(f"dimensions has at most {MAXIMUM_DIMENSIONS} names with a text each.")
    return {
        check_text(name, "dimensions"): check_text(value, "dimensions")
        for name, value in dimensions.items()
    }
