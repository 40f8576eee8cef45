"""Makes the request that amends a usage event, and the calls that carry a backfill through."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tollkeeper.catalog.terms import PriceList
from tollkeeper.decisions.amending import Amend
from tollkeeper.decisions.backfilling import Close, Fill, OnBackfill, Undo
from tollkeeper.decisions.recording import NewUse
from tollkeeper.errors import BackfillNotFound, InvalidRequest, UsageNotFound
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger import usage_history
from tollkeeper.operations.calls import (
    Desk,
    amount_name,
    check_key,
    customer_id,
    fingerprint_of,
)
from tollkeeper.operations.door import PlainDoor, Result
from tollkeeper.operations.metering import (
    EVENT,
    Checking,
    recorded_event,
)
from tollkeeper.values.amounts import ZERO_OR_MORE, to_scaled
from tollkeeper.values.moments import utc
from tollkeeper.values.texts import check_text
from tollkeeper.values.usage import Backfill, BackfillPart, RecordedBatch, UsageEvent


def amended(
    desk: Desk,
    door: PlainDoor,
    customer: object,
    event: object,
    quantity: Any,
    dimensions: object,
    event_at: object,
    idempotency_key: object,
) -> UsageEvent:
    """Amend an event: look whose it is and how it is metered, then put another in its place."""
    owner, name = customer_id(customer), check_text(event, "event")
    if quantity is None and dimensions is None and event_at is None:
        raise InvalidRequest(
            "amend needs what is to be different: quantity, dimensions or event_at; quantity=0 "
            "takes the event back."
        )
    kept = door.read(lambda connection: usage_history.event(desk.ledger, connection, owner, name))
    if kept is None:
        raise UsageNotFound(f"{owner!r} has no usage event {name!r}.", event=name)
    use, beside = kept.use, desk.beside(door)
    prices, metering = beside.metering(use.feature)
    scaled = None
    if quantity is not None:
        scaled = to_scaled(quantity, metering.scale, at_least=ZERO_OR_MORE)
    known, told = (None, None)
    if dimensions is not None:
        known, told = Checking(beside).dimensions(use.feature, dimensions)
    at = None if event_at is None else utc(event_at, "event_at")
    request = Amend(
        id=new_id(OPERATION),
        customer=owner,
        event=name,
        new_id=new_id(EVENT) if idempotency_key is None else check_key(idempotency_key),
        asked=fingerprint_of(("amend", name, amount_name(quantity), told, at)),
        prices=prices,
        quantity=scaled,
        dimensions=known,
        dimensions_told=told,
        event_at=at,
        late=metering.late,
        member=use.member,
    )
    return recorded_event(desk, door.change_all([request])[0])


def filled(
    door: PlainDoor, backfill: str, prices: PriceList, events: Sequence[NewUse]
) -> RecordedBatch:
    """Put events into a backfill, one customer after the other."""
    by_customer: defaultdict[str, list[NewUse]] = defaultdict(list)
    for new in events:
        by_customer[new.customer].append(new)
    requests = [
        Fill(
            id=new_id(OPERATION),
            customer=customer,
            backfill=backfill,
            prices=prices,
            members=tuple(sorted({new.member for new in some if new.member is not None})),
            new=tuple(some),
        )
        for customer, some in sorted(by_customer.items())
    ]
    told = [result.result for result in _all(door.change_all(requests))]
    replayed = [event for each in told for event in each["replayed"]]
    return RecordedBatch(recorded=sum(each["recorded"] for each in told), replayed=tuple(replayed))


def closed(desk: Desk, door: PlainDoor, name: object) -> Backfill:
    """Let every part of a backfill count."""
    return _carried(desk, door, check_text(name, "backfill"), Close)


def undone(desk: Desk, door: PlainDoor, name: object) -> Backfill:
    """Let no part of a backfill count any more."""
    return _carried(desk, door, check_text(name, "backfill"), Undo)


def shown(desk: Desk, door: PlainDoor, name: object) -> Backfill:
    """Tell how a backfill stands."""
    backfill = check_text(name, "backfill")
    found = door.read(
        lambda connection: usage_history.backfill_parts(desk.ledger, connection, backfill)
    )
    if not found:
        raise BackfillNotFound(f"There is no backfill {backfill!r}.", backfill=backfill)
    parts = [
        BackfillPart(
            customer=part.customer,
            status=part.status,  # type: ignore[arg-type]  # one of three words, as it was written
            events=events,
            opened_at=part.opened_at,
            closed_at=part.closed_at,
            undone_at=part.undone_at,
        )
        for part, events in found
    ]
    return Backfill(name=backfill, parts=tuple(parts))


def _carried(desk: Desk, door: PlainDoor, name: str, verb: type[OnBackfill]) -> Backfill:
    """Carry each customer's part on, in a transaction of its own; repeating it is safe."""
    requests: list[OnBackfill] = []
    prices = desk.beside(door).prices
    for part in shown(desk, door, name).parts:
        members = _members(desk, door, part.customer, name)
        requests.append(
            verb(
                id=new_id(OPERATION),
                customer=part.customer,
                backfill=name,
                prices=prices,
                members=members,
            )
        )
    _all(door.change_all(requests))
    return shown(desk, door, name)


def _members(desk: Desk, door: PlainDoor, customer: str, name: str) -> tuple[str, ...]:
    return door.read(
        lambda connection: usage_history.members_of(desk.ledger, connection, customer, name)
    )


def _all(results: Sequence[Result]) -> Sequence[Any]:
    """Give all answers, or raise the first error; what other customers' parts did stays done."""
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
