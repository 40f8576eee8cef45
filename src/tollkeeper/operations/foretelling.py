"""Makes the queries that look at a charge without making it, and puts their answers into words."""

from collections.abc import Callable

from sqlalchemy import Connection

from tollkeeper.decisions.charging import Charge
from tollkeeper.decisions.foreseeing import Foreseen, Standing
from tollkeeper.decisions.limiting import Meter, word_of
from tollkeeper.decisions.waterfall import Share
from tollkeeper.ledger.foreseeing import foreseen
from tollkeeper.ledger.strangers import refuse_stranger
from tollkeeper.operations.calls import Desk
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.charges import PaidShare
from tollkeeper.values.entitlements import Entitlement, LimitState, SourceState
from tollkeeper.values.moments import from_microseconds
from tollkeeper.values.units import MONEY_PREFIX


def entitlement(desk: Desk, charge: Charge) -> Callable[[Connection], Entitlement]:
    """Ask what a charge would do now."""

    def query(connection: Connection) -> Entitlement:
        refuse_stranger(desk.ledger, connection, charge.customer)
        found = foreseen(desk.ledger, connection, charge, desk.clock.now())
        return _told(desk, charge, found)

    return query


def explanation(desk: Desk, charge: Charge) -> Callable[[Connection], str]:
    """Ask what a charge would do now, in words."""
    ask = entitlement(desk, charge)
    return lambda connection: ask(connection).explain()


def _told(desk: Desk, charge: Charge, found: Foreseen) -> Entitlement:
    scale, refusal = found.terms.scale, found.refusal
    resets = getattr(refusal, "resets_at", None) if refusal else None
    return Entitlement(
        feature=charge.feature,
        quantity=from_scaled(charge.quantity, scale),
        is_allowed=refusal is None,
        left=None if found.left is None else from_scaled(found.left, scale),
        shares=tuple([_share(desk, share, scale) for share in found.shares]),
        refusal=refusal,
        resets_at=resets,
        sources=tuple([_source(desk, standing, scale) for standing in found.sources]),
        limits=tuple([_limit(desk, charge, meter, scale) for meter in found.meters]),
    )


def _share(desk: Desk, share: Share, scale: int) -> PaidShare:
    source, kind, unit, quantity, amount = share
    return PaidShare(
        source=source,
        kind=kind,
        quantity=from_scaled(quantity, scale),
        amount=from_scaled(amount, desk.ledger.units[unit].scale),
        unit=unit.removeprefix(MONEY_PREFIX),
    )


def _source(desk: Desk, standing: Standing, scale: int) -> SourceState:
    unit, available = standing.step.unit, standing.available
    there = None if available is None else from_scaled(available, desk.ledger.units[unit].scale)
    return SourceState(
        source=standing.step.source,
        unit=unit.removeprefix(MONEY_PREFIX),
        available=there,
        covers=None if standing.covers is None else from_scaled(standing.covers, scale),
    )


def _limit(desk: Desk, charge: Charge, meter: Meter, scale: int) -> LimitState:
    word, digits = word_of(meter.limit, charge.feature, scale, desk.ledger.units)
    counter = meter.counter
    return LimitState(
        name=meter.limit.name,
        subject=meter.subject,
        counts=word,
        at_most=from_scaled(meter.limit.at_most, digits),
        used=from_scaled(counter.used, digits),
        held=from_scaled(meter.held, digits),
        left=from_scaled(max(0, meter.left), digits),
        resets_at=from_microseconds(counter.end) if counter.end else None,
        at_limit=meter.limit.at_limit,
    )
