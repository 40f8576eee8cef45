"""The notices that follow from limits: approaching, reached, cleared; once per crossing (C6). Pure.

A threshold is crossed when the use was below it before and is not afterwards, or the other way
round; nothing has to be remembered for that. What open holds have taken counts as used.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tollkeeper.catalog.terms import Limit
from tollkeeper.decisions.limiting import QUANTITY, Meter, Taken, word_of
from tollkeeper.notices import LimitApproaching, LimitCleared, LimitNotice, LimitReached, Notice
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.moments import from_microseconds
from tollkeeper.values.units import Unit


class Change(NamedTuple):
    """How the use of one limit changed."""

    meter: Meter
    before: int
    after: int


class Scene(NamedTuple):
    """What the notices of one request tell besides."""

    customer: str
    feature: str
    #: Decimal digits of the feature's quantity.
    scale: int
    units: Mapping[str, Unit]


def taken(claims: Iterable[Taken]) -> list[Change]:
    """Say how a charge, or a hold, changes the limits of which it takes something."""
    changes: list[Change] = []
    for claim in claims:
        before = claim.meter.counter.used + claim.meter.held
        changes.append(Change(claim.meter, before, before + claim.amount))
    return changes


def is_quiet(claims: Iterable[Taken]) -> bool:
    """Tell quickly that a use crosses no threshold: asked of every charge, so it builds nothing."""
    for meter, amount in claims:
        limit, before = meter.limit, meter.counter.used + meter.held
        least = limit.at_most * min(limit.warn_at, default=100)
        if (before + amount) * 100 >= least and before < limit.at_most:
            return False
    return True


def warnings(changes: Iterable[Change], scene: Scene) -> tuple[Notice, ...]:
    """Give the notices of every threshold that was crossed, up or down; mostly there is none."""
    crossing = [each for each in changes if crosses(each.meter.limit, each.before, each.after)]
    return tuple([notice for change in crossing for notice in _crossings(change, scene)])


def crosses(limit: Limit, before: int, after: int) -> bool:
    """Tell quickly that no threshold lies between what was used before and afterwards."""
    low, high = (before, after) if before < after else (after, before)
    least = limit.at_most * min(limit.warn_at, default=100)
    return high * 100 >= least and low * 100 < limit.at_most * 100


def _crossings(change: Change, scene: Scene) -> Iterator[LimitNotice]:
    meter, before, after = change
    limit = meter.limit
    for percent in sorted({*limit.warn_at, 100}):
        was, is_now = _reaches(before, limit, percent), _reaches(after, limit, percent)
        if is_now and not was:
            yield _upwards(change, percent, scene)
        elif was and not is_now:
            yield LimitCleared(percent=percent, **_told(change, scene))


def _reaches(used: int, limit: Limit, percent: int) -> bool:
    return used * 100 >= limit.at_most * percent


def _upwards(change: Change, percent: int, scene: Scene) -> LimitNotice:
    told = _told(change, scene)
    return LimitReached(**told) if percent == 100 else LimitApproaching(percent=percent, **told)


def _told(change: Change, scene: Scene) -> dict[str, Any]:
    meter, _, after = change
    limit = meter.limit
    word, scale = word_of(limit, scene.feature, scene.scale, scene.units)
    return {
        "customer": scene.customer,
        "limit": limit.name,
        "feature": limit.feature,
        "subject": meter.subject or None,
        "measure": QUANTITY if limit.measure == QUANTITY else word,
        "used": from_scaled(after, scale),
        "at_most": from_scaled(limit.at_most, scale),
        "resets_at": from_microseconds(meter.counter.end) if meter.counter.end else None,
    }
