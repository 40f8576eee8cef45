"""Makes the requests that charge for a feature, from what a caller said."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from tollkeeper.decisions.charging import Charge
from tollkeeper.errors import InvalidRequest, Refusal
from tollkeeper.operations.calls import Desk, Options, common
from tollkeeper.operations.dimensions import check_names
from tollkeeper.operations.uses import USE_OPTIONS, ChargeOptions, UseOptions
from tollkeeper.values.amounts import Amount, amount_key, to_scaled
from tollkeeper.values.attempts import ChargeAttempt
from tollkeeper.values.texts import check_text

#: The most tags, dimensions and sources that one charge may name.
MAXIMUM_TAGS = 20
MAXIMUM_DIMENSIONS = 20
MAXIMUM_SOURCES = 20


def charge(
    desk: Desk, customer: str, feature: str, quantity: Amount, options: ChargeOptions
) -> Charge:
    """Make a request to charge."""
    return Charge(**fields_of(desk, customer, feature, quantity, options))


def question(
    desk: Desk, customer: str, feature: str, quantity: Amount, options: UseOptions
) -> Charge:
    """Make the request to charge that is only asked about: it has no key and no reason."""
    if unknown := options.keys() - USE_OPTIONS:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    return charge(desk, customer, feature, quantity, cast("ChargeOptions", options))


def fields_of(
    desk: Desk,
    customer: str,
    feature: str,
    quantity: Amount,
    options: ChargeOptions,
    asks: tuple[object, ...] = ("charge",),
) -> dict[str, Any]:
    """Check what every request that charges has in common; `asks` begins its fingerprint."""
    name = check_text(feature, "feature")
    prices, scale = desk.scaling(name)
    scaled = to_scaled(quantity, scale)
    if USE_OPTIONS.isdisjoint(options):
        said, rest = NOTHING_SAID, cast("Options", options)
    else:
        said, rest = said_of(options)
        if said.dimensions:
            check_names(prices, name, said.dimensions)
    asked = (*asks, name, amount_key(quantity), *said[:-1], tuple(sorted(said.dimensions.items())))
    made = common(customer, rest, asked)
    made.update(feature=name, quantity=scaled, prices=prices, **said._asdict())
    return made


class Said(NamedTuple):
    """What was said of a use, checked."""

    pay_from: tuple[str, ...] | None = None
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    dimensions: Mapping[str, str] = {}


#: Of most uses no more is said than the feature and the quantity.
NOTHING_SAID: Final = Said()


def said_of(options: ChargeOptions) -> tuple[Said, Options]:
    """Check what was said of a use; give it, and the options that every change has."""
    sources, tags = options.get("pay_from"), options.get("tags")
    member, key = options.get("member"), options.get("api_key")
    dimensions = options.get("dimensions")
    said = Said(
        None if sources is None else _sources(sources),
        None if member is None else check_text(member, "member"),
        None if key is None else check_text(key, "api_key"),
        checked_tags(tags) if tags else (),
        checked_dimensions(dimensions) if dimensions else {},
    )
    rest = {name: value for name, value in options.items() if name not in USE_OPTIONS}
    return said, cast("Options", rest)


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


def checked_tags(tags: object) -> tuple[str, ...]:
    """Check the labels of a use, and sort them."""
    if isinstance(tags, str) or not isinstance(tags, Sequence) or len(tags) > MAXIMUM_TAGS:
        raise InvalidRequest(f"tags is a list of at most {MAXIMUM_TAGS} texts.")
    return tuple(sorted({check_text(tag, "tags") for tag in tags}))


def checked_dimensions(dimensions: object) -> dict[str, str]:
    """Check what else is known of a use."""
    if not isinstance(dimensions, Mapping) or len(dimensions) > MAXIMUM_DIMENSIONS:
        raise InvalidRequest(f"dimensions has at most {MAXIMUM_DIMENSIONS} names with a text each.")
    return {
        check_text(name, "dimensions"): check_text(value, "dimensions")
        for name, value in dimensions.items()
    }
