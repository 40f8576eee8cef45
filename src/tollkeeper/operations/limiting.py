"""Makes limits of what a caller said: what is counted, over which window, for whom."""

from datetime import datetime
from typing import Literal, get_args

from tollkeeper.catalog.terms import AtLimit, Limit, Subject, Window, WindowKind
from tollkeeper.decisions.limiting import QUANTITY
from tollkeeper.decisions.own_limits import WITH_WINDOW
from tollkeeper.errors import InvalidRequest
from tollkeeper.operations.calls import Desk, Options
from tollkeeper.values.amounts import ZERO_OR_MORE, Amount, to_scaled
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import to_microseconds, utc
from tollkeeper.values.money import Money
from tollkeeper.values.texts import check_text, echo

#: Whose use counts, and the one member, key or tag; None is the customer's own.
Only = tuple[Subject, str | None]


def shaped(
    desk: Desk,
    *,
    feature: str | None,
    at_most: Amount | None,
    spend: Money | None,
    unit: str | None,
    every: str | None,
    within: str | None,
    only: Only,
    at_limit: AtLimit | None,
) -> Limit:
    """Make a limit, named by what it counts, as the catalog names its own."""
    name = None if feature is None else check_text(feature, "feature")
    if name is not None:
        desk.scaling(name)
    measure, most = _measured(desk, name, at_most, spend, unit)
    if at_limit is not None and at_limit not in get_args(AtLimit):
        raise InvalidRequest(f"at_limit is one of {', '.join(get_args(AtLimit))}.")
    span, (kind, one) = _window(every, within), only
    word = f"rolling-{span.seconds}" if span.kind == "rolling" else span.kind
    return Limit(
        name=":".join((name or "all", measure, kind, word)),
        feature=name,
        subject=kind,
        measure=measure,
        at_most=most,
        window=span,
        at_limit=at_limit or "refuse",
        only=one,
    )


def subject(member: str | None, api_key: str | None, tag: str | None) -> Only:
    """Tell whose use counts.

    Raises:
        InvalidRequest: several are named.
    """
    named: dict[Subject, str | None] = {"member": member, "api_key": api_key, "tag": tag}
    given = [(kind, check_text(value, kind)) for kind, value in named.items() if value is not None]
    if len(given) > 1:
        raise InvalidRequest("A limit is for one member, one api_key or one tag.")
    return given[0] if given else ("customer", None)


def until_when(until: datetime | Literal["window"] | None) -> int:
    """Read until when a limit is."""
    if until is None:
        return 0
    if until == "window":
        return WITH_WINDOW
    return to_microseconds(utc(until, "until"))


def by_hand(options: Options, what: str) -> None:
    """Demand who changes something, and why (I2)."""
    if options.get("reason") is None or options.get("actor") is None:
        raise InvalidRequest(f"A change of a {what} names its reason and its actor.")


def _measured(
    desk: Desk, feature: str | None, at_most: Amount | None, spend: Money | None, unit: str | None
) -> tuple[str, int]:
    """Tell what is counted, and the most of it."""
    if (at_most is None) == (spend is None):
        raise InvalidRequest("Say how much: at_most (of a feature or a unit), or spend (money).")
    if spend is not None:
        if unit is not None:
            raise InvalidRequest("spend counts money; a unit needs at_most.")
        money, most = desk.money_amount(spend, at_least=ZERO_OR_MORE)
        return money.key, most
    assert at_most is not None
    if unit is not None:
        known, most = desk.credits_amount(unit, at_most, at_least=ZERO_OR_MORE)
        return known.key, most
    if feature is None:
        raise InvalidRequest("at_most counts quantities of a feature, or amounts of a unit.")
    _, scale = desk.scaling(feature)
    return QUANTITY, to_scaled(at_most, scale, at_least=ZERO_OR_MORE)


def _window(every: str | None, within: str | None) -> Window:
    if (every is None) == (within is None):
        raise InvalidRequest("Name the window: every='day', or within='5 hours'.")
    if within is not None:
        return Window("rolling", Interval.parse(within).seconds)
    kinds = [kind for kind in get_args(WindowKind) if kind != "rolling"]
    for kind in kinds:
        if kind == every:
            return Window(kind)
    raise InvalidRequest(f"every is one of {', '.join(kinds)}, not {echo(str(every))}.")
