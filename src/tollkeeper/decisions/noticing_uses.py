"""Which notices follow from what was used: one for each usage event that counts (H1, B2). Pure.

An event of a backfill counts, and is told, when the backfill is closed (G5); one that only corrects
money is none of the app's business.
"""

import json
from collections.abc import Callable, Container, Iterator

from tollkeeper.decisions.asking import UseRow
from tollkeeper.decisions.requests import Outcome, Use
from tollkeeper.notices import Notice, UsageRecorded, UsageUncollected
from tollkeeper.values.amounts import from_scaled

#: The mark of an event that only corrects money.
_RATED = "rated"


def tells_uses(outcome: Outcome, kinds: Container[str]) -> bool:
    """Tell quickly whether anything follows from the uses of an outcome."""
    return UsageRecorded.kind in kinds or "unpaid" in outcome.result


def of_uses(outcome: Outcome, customer: str, scale_of: Callable[[str], int]) -> Iterator[Notice]:
    """Give the notices of what was used; `customer` is whose call it was."""
    said = outcome.result.get("scale")
    for row in outcome.counted:
        if row.quantity and row.mark != _RATED:
            yield _recorded(customer, row, scale_of(row.feature))
    for use in outcome.uses:
        if use.mark == _RATED or _is_unseen(use):
            continue
        scale = scale_of(use.feature) if said is None else said
        yield _recorded(use.customer, use, scale)
        if use.unpaid:
            yield UsageUncollected(
                customer=use.customer,
                event_id=use.id,
                feature=use.feature,
                quantity=from_scaled(use.unpaid, scale),
                hold_id=outcome.result.get("hold"),
            )


def _is_unseen(use: Use) -> bool:
    """Tell whether a new event waits for its backfill; what amends one in the books counts."""
    return use.backfill is not None and use.amends is None


def _recorded(customer: str, use: Use | UseRow, scale: int) -> UsageRecorded:
    return UsageRecorded(
        customer=customer,
        event_id=use.id,
        feature=use.feature,
        quantity=from_scaled(use.quantity, scale),
        event_at=use.event_at or use.counted_at,
        member=use.member,
        amends=use.amends,
        dimensions=json.loads(use.dimensions) if use.dimensions else {},
    )
