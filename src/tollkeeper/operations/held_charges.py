"""Makes the queries that look charges up which were set aside, and puts them into words."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.errors import HoldNotFound, InvalidRequest
from tollkeeper.ledger import held_charges
from tollkeeper.ledger.held_charges import Chosen
from tollkeeper.ledger.reading import MAXIMUM_PAGE
from tollkeeper.operations.calls import Desk, customer_id, hold_id
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.charges import PaidShare
from tollkeeper.values.held_charges import STATUSES, HeldCharge, HeldChargePage, HoldStatus
from tollkeeper.values.texts import check_text, echo
from tollkeeper.values.units import MONEY_PREFIX

_STANDING: Final[Mapping[str, HoldStatus]] = {status: status for status in STATUSES}


def one(desk: Desk, customer: object, hold: object) -> Callable[[Connection], HeldCharge]:
    """Ask for one hold."""
    owner, name = customer_id(customer), hold_id(hold)

    def query(connection: Connection) -> HeldCharge:
        found = held_charges.find(desk.ledger, connection, owner, name)
        if found is None:
            said = f"Customer {echo(owner)} has no charge hold {echo(name)}."
            raise HoldNotFound(said, hold=name)
        return _told(desk, found, desk.clock.now())

    return query


def listed(
    desk: Desk,
    customer: object,
    feature: object,
    status: object,
    limit: object,
    cursor: object,
) -> Callable[[Connection], HeldChargePage]:
    """Ask for a page of a customer's holds."""
    chosen = Chosen(
        customer_id(customer),
        None if feature is None else check_text(feature, "feature"),
        _status(status),
        _limit(limit),
        None if cursor is None else _before(cursor),
    )

    def query(connection: Connection) -> HeldChargePage:
        now = desk.clock.now()
        found, following = held_charges.page(desk.ledger, connection, chosen, now)
        holds = tuple([_told(desk, hold, now) for hold in found])
        return HeldChargePage(holds=holds, next_cursor=following)

    return query


def _told(desk: Desk, hold: ChargeHold, now: datetime) -> HeldCharge:
    scale = hold.terms.scale
    return HeldCharge(
        id=hold.id,
        customer=hold.customer,
        feature=hold.feature,
        status="lapsed" if hold.lapsed(now) else _STANDING[hold.status],
        quantity=from_scaled(hold.quantity, scale),
        shares=_shares(desk, hold),
        created_at=hold.created_at,
        expires_at=hold.expires_at,
        member=hold.member,
        api_key=hold.api_key,
        tags=hold.tags,
        dimensions=dict(hold.dimensions),
        pay_from=hold.pay_from,
        settled=None if hold.settled is None else from_scaled(hold.settled, scale),
        closed_by=hold.closed_by,
        closed_at=hold.closed_at,
    )


def _shares(desk: Desk, hold: ChargeHold) -> tuple[PaidShare, ...]:
    """Sum up what each source set aside; one that was drawn from again has several parts."""
    summed: dict[tuple[Any, ...], tuple[int, int]] = {}
    for part in hold.parts:
        key = part.step[:3]
        quantity, amount = summed.get(key, (0, 0))
        summed[key] = quantity + part.quantity, amount + part.amount
    return tuple(
        [
            PaidShare(
                source=source,
                kind=kind,
                quantity=from_scaled(quantity, hold.terms.scale),
                amount=from_scaled(amount, desk.ledger.units[unit].scale),
                unit=unit.removeprefix(MONEY_PREFIX),
            )
            for (source, kind, unit), (quantity, amount) in summed.items()
        ]
    )


def _status(status: object) -> str | None:
    if status is not None and status not in STATUSES:
        raise InvalidRequest(f"status is one of {', '.join(STATUSES)}, or None for all.")
    return None if status is None else str(status)


def _limit(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= MAXIMUM_PAGE:
        raise InvalidRequest(f"limit must be a whole number from 1 to {MAXIMUM_PAGE}.")
    return limit


def _before(cursor: object) -> str:
    """Read where a page begins: after the hold that ended the last one."""
    text = check_text(cursor, "cursor")
    if not text.startswith("hld_"):
        raise InvalidRequest("The cursor is not one that a list of holds gave.")
    return text
