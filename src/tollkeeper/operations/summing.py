"""Puts sums of usage into words: summaries, pages of events, the report, estimates."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from sqlalchemy import Connection

from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.terms import Metering, PriceList
from tollkeeper.decisions.recording import usage_terms
from tollkeeper.decisions.summing import currency_of, usage_step
from tollkeeper.decisions.tallies import Tally
from tollkeeper.decisions.windows import period_of
from tollkeeper.errors import InvalidRequest, NotMetered
from tollkeeper.ledger import usage, usage_history
from tollkeeper.ledger.catalogs import knowing
from tollkeeper.ledger.usage import Asked, Summed
from tollkeeper.ledger.usage_history import Chosen
from tollkeeper.operations.calls import Desk, customer_id
from tollkeeper.operations.dimensions import check_grouped, check_names
from tollkeeper.operations.metering import event_from, metering_of, parts_of
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.moments import from_microseconds, to_microseconds, utc
from tollkeeper.values.money import Money
from tollkeeper.values.summaries import UsageGroup, UsageReport, UsageSummary
from tollkeeper.values.texts import check_text
from tollkeeper.values.usage import UsagePage

#: Which period is meant, by a word.
PeriodWord = Literal["current", "previous"]

#: The most groups a report may have.
MAXIMUM_ROWS = 100_000
MAXIMUM_GROUP_BY = 5


class Wanted:
    """What a summary is asked for, checked; the period is found when it is read."""

    __slots__ = (
        "_desk",
        "_group_by",
        "_member",
        "_metering",
        "_period",
        "_since",
        "_until",
        "_where",
        "feature",
        "owner",
    )

    def __init__(
        self,
        desk: Desk,
        customer: object,
        feature: object,
        *,
        since: object,
        until: object,
        period: object,
        member: object,
        where: object,
        group_by: object,
    ) -> None:
        self._desk = desk
        self.owner = customer_id(customer)
        self.feature = check_text(feature, "feature")
        prices, self._metering = _metering(desk, self.feature)
        if period not in (None, "current", "previous"):
            raise InvalidRequest("period is 'current' or 'previous'; or give since and until.")
        if period is not None and (since is not None or until is not None):
            raise InvalidRequest("Give a period, or since and until, but not both.")
        self._period = period or ("current" if since is None and until is None else None)
        self._since = None if since is None else utc(since, "since")
        self._until = None if until is None else utc(until, "until")
        self._member = None if member is None else check_text(member, "member")
        self._where = checked_where(where)
        self._group_by = checked_group_by(group_by)
        check_names(prices, self.feature, self._where)
        check_grouped(prices, self.feature, self._group_by)

    def read(self, connection: Connection) -> UsageSummary:
        """Read the summary."""
        ledger, now = self._desk.ledger, self._desk.clock.now()
        metering = self._metering
        own = usage.own_tally(ledger, connection, self.owner, now)
        since, until = self._span(connection, own, now)
        asked = Asked(
            self.owner,
            self.feature,
            to_microseconds(since),
            to_microseconds(until),
            self._member,
            tuple(sorted(self._where.items())),
            self._group_by,
            metering.meter,
            metering.of,
        )
        found = usage.summary(ledger, connection, asked)
        return UsageSummary(
            customer=self.owner,
            feature=self.feature,
            since=since,
            until=until,
            period=usage.period_around(ledger, connection, own, asked.since),
            meter=metering.meter,
            of=metering.of,
            total=group(found.total, metering),
            groups=tuple([group(sums, metering, key) for key, sums in found.groups]),
            scanned=found.scanned,
        )

    def _span(self, connection: Connection, own: Tally, now: datetime) -> tuple[datetime, datetime]:
        """Give the bounds: of a period of the customer's, or as they were said."""
        at = to_microseconds(now)
        start, end = period_of(own, at)
        if self._period == "previous":
            return usage.period_around(self._desk.ledger, connection, own, start - 1)
        if self._period is not None:
            return from_microseconds(start), from_microseconds(end)
        since = self._since or from_microseconds(start)
        until = self._until or now + timedelta(microseconds=1)
        if since >= until:
            raise InvalidRequest(
                f"since ({since.isoformat()}) must lie before until ({until.isoformat()})."
            )
        return since, until


def group(
    sums: Summed, metering: Metering, key: Mapping[str, str | None] | None = None
) -> UsageGroup:
    """Put sums into words."""
    scale, value = metering.scale, sums.value
    is_count = metering.meter in ("count", "unique")
    return UsageGroup(
        key=key or {},
        value=None if value is None else Decimal(value) if is_count else from_scaled(value, scale),
        quantity=from_scaled(sums.quantity, scale),
        events=sums.events,
        paid=parts_of(sums, scale),
    )


def history(desk: Desk, connection: Connection, chosen: Chosen) -> UsagePage:
    """Read a page of events."""
    shown, cursor = usage_history.history(desk.ledger, connection, chosen, desk.clock.now())
    knowing(desk.ledger, connection, {kept.use.feature for kept, _ in shown})
    events = [event_from(desk, kept, amended_by=later) for kept, later in shown]
    return UsagePage(events=tuple(events), next_cursor=cursor)


def chosen(
    customer: object,
    feature: object,
    member: object,
    where: object,
    since: object,
    until: object,
    limit: int,
    cursor: str | None,
) -> Chosen:
    """Check what a history is asked for."""
    return Chosen(
        customer_id(customer),
        None if feature is None else check_text(feature, "feature"),
        None if member is None else check_text(member, "member"),
        checked_where(where),
        None if since is None else utc(since, "since"),
        None if until is None else utc(until, "until"),
        limit,
        cursor,
    )


def report(
    desk: Desk,
    connection: Connection,
    since: datetime,
    until: datetime,
    by: Sequence[str],
    customer: str | None,
) -> UsageReport:
    """Read the report of all customers."""
    most = MAXIMUM_ROWS + 1
    found = usage.report(
        desk.ledger, connection, since=since, until=until, by=by, customer=customer, most=most
    )
    prices = knowing(desk.ledger, connection, {cells[-1] for cells in found})
    rows: list[UsageGroup] = []
    for cells, sums in list(found.items())[:MAXIMUM_ROWS]:
        *keys, feature = cells
        metering = metering_of(prices, feature)
        told = {"sum": sums.quantity, "count": sums.events, "max": sums.maximum}
        sums.value = told.get(metering.meter)
        key = dict(zip(by, keys, strict=True)) | {"feature": feature}
        rows.append(group(sums, metering, key))
    return UsageReport(
        since=since,
        until=until,
        by=(*by, "feature") if "feature" not in by else tuple(by),
        rows=tuple(rows),
        is_cut=len(found) > MAXIMUM_ROWS,
    )


def _metering(desk: Desk, feature: str) -> tuple[PriceList, Metering]:
    """Say how a feature is metered, or was in an earlier catalog: its history stays."""
    try:
        return desk.metering(feature)
    except NotMetered:
        prices = desk.prices
        before = prices.metered_once(feature) if isinstance(prices, InForce) else None
        if before is None:
            raise
        return prices, before


def estimate(
    desk: Desk,
    connection: Connection,
    prices: PriceList,
    customer: str,
    feature: str,
    quantity: int,
    dimensions: Mapping[str, str],
) -> Money | None:
    """Tell what a further quantity would add to the later bill of the running period."""
    ledger, now = desk.ledger, desk.clock.now()
    own = usage.own_tally(ledger, connection, customer, now)
    terms = usage_terms(prices, own, feature, dimensions, now).terms
    step = usage_step(terms)
    if step is None or terms is None:
        return None
    before = 0
    if step.by_period:
        start, end = period_of(own, to_microseconds(now))
        sums = usage.summary(ledger, connection, Asked(customer, feature, start, end)).total
        has_wallet = any(other.kind == "wallet" and other.by_period for other in terms.steps)
        before = sums.billed + (sums.wallet if has_wallet else 0)
    return Money.from_scaled(step.rate.between(before, quantity), currency_of(step))


def span_of_report(desk: Desk, since: object, until: object) -> tuple[datetime, datetime]:
    """Give the bounds of a report; without any, the running month, in UTC."""
    now = desk.clock.now()
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = first if since is None else utc(since, "since")
    end = now + timedelta(microseconds=1) if until is None else utc(until, "until")
    if start >= end:
        raise InvalidRequest(
            f"since ({start.isoformat()}) must lie before until ({end.isoformat()})."
        )
    return start, end


def checked_where(where: object) -> Mapping[str, str]:
    """Check a filter by dimensions."""
    if where is None:
        return {}
    if not isinstance(where, Mapping) or len(where) > MAXIMUM_GROUP_BY * 4:
        raise InvalidRequest("where is a dict of dimensions, each with the value it must have.")
    return {check_text(name, "where"): check_text(value, "where") for name, value in where.items()}


def checked_group_by(names: object) -> tuple[str, ...]:
    """Check the names of dimensions by which sums are grouped."""
    given = (names,) if isinstance(names, str) else () if names is None else names
    if not isinstance(given, Sequence) or len(given) > MAXIMUM_GROUP_BY:
        raise InvalidRequest(
            f"Sums are grouped by a name, or a list of {MAXIMUM_GROUP_BY} at most."
        )
    return tuple(dict.fromkeys(check_text(name, "group_by") for name in given))
