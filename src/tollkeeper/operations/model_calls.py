"""The room of metered AI calls: get one, list them, and report what they cost and earned."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from tollkeeper.errors import CallNotFound, InvalidRequest
from tollkeeper.ledger.catalogs import knowing
from tollkeeper.ledger.metered_calls import stored_from
from tollkeeper.operations.calls import Desk, customer_id
from tollkeeper.operations.door import PlainDoor, plain
from tollkeeper.operations.metering import scale_of
from tollkeeper.operations.reporting import lines_of, loses, warning
from tollkeeper.store import metered_calls
from tollkeeper.values.amounts import ANY_SIGN, Amount, from_scaled, to_scaled
from tollkeeper.values.model_calls import (
    GROUPS,
    ModelCall,
    ModelCallPage,
    ModelReport,
    ModelReportLine,
)
from tollkeeper.values.moments import EPOCH, utc
from tollkeeper.values.texts import check_text, echo

#: The most calls of one page.
MAXIMUM_CALLS: Final = 1000
#: Decimal digits of a percentage.
PERCENT_SCALE: Final = 6
STATUSES: Final = ("open", "ending", "settled", "released")

Place = tuple[datetime, str, str]


class ModelCalls:
    """Metered calls of AI vendors: what each used, cost the app and earned."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get(self, customer: str, call: str) -> ModelCall:
        """Give one call.

        Raises:
            CallNotFound: the customer has no such call.
        """
        key = (customer_id(customer), check_text(call, "call"))
        database = self._desk.ledger.database

        def query(connection: Connection) -> ModelCall:
            row = metered_calls.by_id(connection, database, key)
            if row is None:
                raise CallNotFound(
                    f"Customer {echo(key[0])} has no metered call {echo(key[1])}.", call=key[1]
                )
            return self._call(connection, row)

        return self._desk.door.read(query)

    def list(
        self,
        customer: str | None = None,
        *,
        feature: str | None = None,
        model: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ModelCallPage:
        """List calls, newest first: of one customer, feature, model or status, or all.

        `status` is `open`, `ending` (over, and not booked yet), `settled` or `released`.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "chat", 5000)
        ...     with billing.metered("user_1", "chat", hold=1000) as call:
        ...         _ = call.add(320)
        ...     [listed] = billing.model_calls.list("user_1").calls
        ...     listed.outcome, listed.quantity
        ('delivered', Decimal('320'))
        """
        if type(limit) is not int or not 1 <= limit <= MAXIMUM_CALLS:
            raise InvalidRequest(f"limit must be a whole number from 1 to {MAXIMUM_CALLS}.")
        if status is not None and status not in STATUSES:
            raise InvalidRequest(f"status must be one of {', '.join(STATUSES)}.")
        wanted = _wanted(customer_id=customer, feature=feature, model=model, status=status)
        before, database = _read_place(cursor), self._desk.ledger.database

        def query(connection: Connection) -> ModelCallPage:
            rows = metered_calls.page(connection, database, wanted, before, limit + 1)
            calls = tuple([self._call(connection, row) for row in rows[:limit]])
            following = _write_place(calls[-1]) if len(rows) > limit else None
            return ModelCallPage(calls=calls, next_cursor=following)

        return self._desk.door.read(query)

    def report(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        by: Sequence[str] | str = ("model",),
        customer: str | None = None,
        feature: str | None = None,
    ) -> ModelReport:
        """Sum up what the calls that began in a span cost and earned, group by group.

        `since` and `until` are in any zone, `until` not included; without them it is everything up
        to now. Groups are by `customer`, `feature`, `vendor`, `model`, `member` and `day` (UTC).
        Calls that are not booked yet are not in it.

        Raises:
            InvalidRequest: a group is none of these, or a moment has no zone.
        """
        groups = _groups(by)
        first = EPOCH if since is None else utc(since, "since")
        last = _after(self._desk.clock.now()) if until is None else utc(until, "until")
        wanted = _wanted(customer_id=customer, feature=feature)
        return self._desk.door.read(self._summing(first, last, groups, wanted))

    def warn_of_losses(
        self, since: datetime, until: datetime | None = None, *, least: Amount | None = None
    ) -> tuple[ModelReportLine, ...]:
        """Find customers whose AI calls earned too little in a span, and tell the app of each.

        `least` is the margin that is asked for, in percent of the revenue: the catalog's policy
        `least_margin` unless given; with 0, as without a catalog, it is those who lose money. A
        `MarginLow` notice is written for each customer, span and percentage once, however often it
        is asked. Customers of whom a cost is unknown, or stands in another currency than the
        revenue, are not judged. Answers their lines, dearest first.

        Raises:
            InvalidAmount: `least` is no exact number.
        """
        asked = self._desk.policies.least_margin if least is None else least
        wanted = from_scaled(to_scaled(asked, PERCENT_SCALE, at_least=ANY_SIGN), PERCENT_SCALE)
        first = utc(since, "since")
        last = _after(self._desk.clock.now()) if until is None else utc(until, "until")
        summed = self._summing(first, last, ("customer",), {})

        def work(door: PlainDoor) -> tuple[ModelReportLine, ...]:
            found = door.read(summed)
            losing = [line for line in found.lines if loses(line, wanted)]
            for answer in door.change_all([warning(found, line, wanted) for line in losing]):
                plain(answer)
            return tuple(losing)

        return self._desk.door.perform(work)

    def _summing(
        self, since: datetime, until: datetime, groups: tuple[str, ...], wanted: dict[str, str]
    ) -> Callable[[Connection], ModelReport]:
        """Give the query that sums up a span."""
        database = self._desk.ledger.database

        def query(connection: Connection) -> ModelReport:
            span = (connection, database, since, until, groups, wanted)
            lines = lines_of(groups, metered_calls.sums(*span), metered_calls.further(*span))
            return ModelReport(since=since, until=until, by=groups, lines=lines)

        return query

    def _call(self, connection: Connection, row: Any) -> ModelCall:
        prices = knowing(self._desk.ledger, connection, [row.feature])
        return stored_from(row, scale_of(prices, row.feature)).call


def _after(moment: datetime) -> datetime:
    """Give the first moment after one, so that a span may end with it."""
    return moment + timedelta(microseconds=1)


def _groups(by: object) -> tuple[str, ...]:
    named = (by,) if isinstance(by, str) else by
    if not isinstance(named, Sequence) or not named or set(named) - set(GROUPS):
        raise InvalidRequest(f"by is one or more of {', '.join(GROUPS)}.")
    return tuple(dict.fromkeys(named))


def _wanted(**columns: str | None) -> dict[str, str]:
    return {name: check_text(value, name) for name, value in columns.items() if value is not None}


def _write_place(call: ModelCall) -> str:
    place = json.dumps([call.created_at.isoformat(), call.customer, call.id])
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read_place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, customer, name = json.loads(urlsafe_b64decode(padded.encode()))
        return utc(datetime.fromisoformat(moment), "cursor"), str(customer), str(name)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest("The cursor is not one that a list of calls gave.") from error
