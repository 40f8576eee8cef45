"""What charges that are set aside take of limits: facts of each in the customer's own tally. Pure.

They say what a hold is of and whose use it is, and name no limit; so every limit counts every open
hold, whether or not it stood when the hold was made (C4). They are forgotten once they are over.
"""

from datetime import datetime

from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.limiting import subjects
from tollkeeper.decisions.tallies import Held, Tally
from tollkeeper.errors import TooManyHolds
from tollkeeper.values.moments import to_microseconds

#: The most charges that one customer may have set aside at a moment: each later call reads them.
MOST_OPEN = 1_000


def refuse_too_many(own: Tally, now: datetime) -> None:
    """Refuse one more hold where a customer has as many as he may.

    Raises:
        TooManyHolds: some have to be settled or released first, or to lapse.
    """
    if len(own.held) < MOST_OPEN:
        return
    there = len(own.open_holds(to_microseconds(now)))
    if there >= MOST_OPEN:
        raise TooManyHolds(
            f"{own.customer!r} has {there} charges set aside; settle or release some before more "
            "are held.",
            customer=own.customer,
            open=there,
            at_most=MOST_OPEN,
        )


def with_hold(own: Tally, hold: ChargeHold, now: datetime) -> Tally:
    """Note in a customer's own tally what a hold takes, in the place of what it took before."""
    return _reheld(own, hold.id, (_facts(hold),), now)


def without_hold(own: Tally, name: str, now: datetime) -> Tally:
    """Note in a customer's own tally that a hold takes nothing any more."""
    return _reheld(own, name, (), now)


def _facts(hold: ChargeHold) -> Held:
    amounts: dict[str, int] = {}
    for part in hold.parts:
        amounts[part.step.unit] = amounts.get(part.step.unit, 0) + part.amount
    return Held(
        hold.id,
        to_microseconds(hold.expires_at),
        hold.feature,
        hold.quantity,
        tuple(amounts.items()),
        subjects(hold.member, hold.api_key, hold.tags),
    )


def _reheld(own: Tally, name: str, facts: tuple[Held, ...], now: datetime) -> Tally:
    moment = to_microseconds(now)
    kept = tuple([held for held in own.open_holds(moment) if held.hold != name])
    return own._replace(
        held=(*kept, *facts), version=own.version + 1, updated=max(moment, own.updated)
    )
