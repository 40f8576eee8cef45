"""The room of usage: record what was used, amend it, fill in what was missed, and sum it up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from tollkeeper.operations import amending, metering, summing
from tollkeeper.operations.calls import Desk, customer_id
from tollkeeper.operations.dimensions import check_names, check_of_any
from tollkeeper.operations.summing import PeriodWord
from tollkeeper.values.amounts import Amount, to_scaled
from tollkeeper.values.money import Money
from tollkeeper.values.summaries import UsageReport, UsageSummary
from tollkeeper.values.texts import check_text
from tollkeeper.values.usage import Backfill, NewUsage, RecordedBatch, UsageEvent, UsagePage


class Usage:
    """Usage events: immutable facts that something was used, with a customer and a time.

    A charge records its usage by itself. What is recorded here is not paid from a balance: it is
    left to the later bill, at the plan's rate for usage, or merely tracked where there is none. No
    limit refuses it, but limits count it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def record(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        *,
        event_at: datetime | None = None,
        member: str | None = None,
        dimensions: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> UsageEvent:
        """Record that something was used (G1).

        The `idempotency_key` is the event's id, ours where none is given. The same id again changes
        nothing and gives the event that is there, with `replayed`. Ids of events and keys of
        charges are separate names: one never stands for the other.

        `event_at` is when it was used, in any zone; now unless given. An event that comes no later
        than the catalog's `late_usage` (3 days) counts in the hour of its own time, a later one
        now, marked `late`; one up to five minutes ahead of our clock counts now.

        Raises IdempotencyConflict (the id names another event), UsageInFuture, UnknownFeature,
        NotMetered or NotEntitled, each with the fix; nothing is written then.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     first = billing.usage.record("user_1", "calls", 3, idempotency_key="call-81")
        ...     again = billing.usage.record("user_1", "calls", 3, idempotency_key="call-81")
        ...     first == again, again.replayed
        (True, True)
        """
        checking = metering.Checking(self._desk)
        new = checking.event(
            customer, feature, quantity, event_at, member, dimensions, idempotency_key
        )
        finish = partial(metering.recorded_event, self._desk)
        return self._desk.door.change(metering.record(checking.prices, (new,)), finish)

    def record_many(self, events: Sequence[NewUsage]) -> RecordedBatch:
        """Record up to 10,000 events of any customers: all of them, or none.

        Each event is a dict with `customer`, `feature` and whatever else `record` takes. What is
        there already, or stands twice in the batch, changes nothing; a conflict refuses the whole
        batch and names the event.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     calls = [{"customer": f"user_{n % 2}", "feature": "calls"} for n in range(10)]
        ...     billing.usage.record_many(calls).recorded
        10
        """
        prices, new = metering.checked_batch(self._desk, events)
        return self._desk.door.change(metering.record(prices, new), metering.recorded_batch)

    def amend(
        self,
        customer: str,
        event: str,
        *,
        quantity: Amount | None = None,
        dimensions: Mapping[str, str] | None = None,
        event_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> UsageEvent:
        """Put a new event in the place of one that is wrong, which stays as it was (G5).

        What is not named stays. `quantity=0` takes the event back. To amend an event that was
        amended is to amend the last of them. Sums, limits and money follow at once. The
        `idempotency_key` is the new event's id.

        Raises UsageNotFound, or UsageNotAmendable: a charge's usage goes back with the charge
        (`credits.reverse`), and that of an open backfill with it.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     wrong = billing.usage.record("user_1", "calls", 300)
        ...     _ = billing.usage.amend("user_1", wrong.id, quantity=3)
        ...     billing.usage.summary("user_1", "calls").quantity
        Decimal('3')
        """
        return self._desk.door.perform(
            lambda door: amending.amended(
                self._desk, door, customer, event, quantity, dimensions, event_at, idempotency_key
            )
        )

    def backfill(self, name: str, events: Sequence[NewUsage]) -> RecordedBatch:
        """Put events that were missed into a backfill, where nobody sees them before it is closed.

        Call it as often as needed, with up to 10,000 events each time; an event that is there
        changes nothing. Events count by their own time, however long ago. Each customer's part is
        written in a transaction of its own; after an error repeat the call.

        Raises BackfillClosed where the part of a customer was closed or undone; and what `record`
        raises (UnknownFeature, NotMetered …), with nothing of this call written.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.usage.backfill("june", [{"customer": "user_1", "feature": "calls"}])
        ...     before = billing.usage.summary("user_1", "calls").quantity
        ...     _ = billing.usage.close_backfill("june")
        ...     before, billing.usage.summary("user_1", "calls").quantity
        (Decimal('0'), Decimal('1'))
        """
        backfill = check_text(name, "backfill")
        prices, new = metering.checked_batch(self._desk, events)
        return self._desk.door.perform(lambda door: amending.filled(door, backfill, prices, new))

    def close_backfill(self, name: str) -> Backfill:
        """Let the events of a backfill count, each customer's all at once; safe to repeat.

        Raises BackfillNotFound, or BackfillClosed where it was undone.
        """
        return self._desk.door.perform(lambda door: amending.closed(self._desk, door, name))

    def undo_backfill(self, name: str) -> Backfill:
        """Let the events of a backfill count no more, whether it was closed or not; safe to repeat.

        Sums, limits and money are afterwards as if it had never been. Its events' ids stay used.
        Raises BackfillNotFound.
        """
        return self._desk.door.perform(lambda door: amending.undone(self._desk, door, name))

    def get_backfill(self, name: str) -> Backfill:
        """Tell how a backfill stands: each customer's part, and how many events it has.

        Raises BackfillNotFound.
        """
        return self._desk.door.perform(lambda door: amending.shown(self._desk, door, name))

    def summary(
        self,
        customer: str,
        feature: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        period: PeriodWord | None = None,
        member: str | None = None,
        where: Mapping[str, str] | None = None,
        group_by: str | Sequence[str] = (),
    ) -> UsageSummary:
        """Sum up a customer's use of a feature, who paid for it, and what it cost (G2, G3).

        Without bounds it is that of his billing period, which `period` ("current", "previous")
        names too; a customer without a plan has calendar months in his zone. `since` belongs to the
        span, `until` does not. `value` is what the feature's meter makes of the events: their sum,
        count, greatest, last, or how many different values of a dimension there are.

        The numbers are read off hourly totals; `member`, `where` (dimensions and their values),
        `group_by` (dimensions, or "member") and the meter `unique` look at each event, which
        `scanned` says. Money is what wallets paid (`paid.spent`) and what the later bill asks
        (`paid.owed`), exactly as it will be billed.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.usage.record("user_1", "calls", 2, dimensions={"model": "large"})
        ...     _ = billing.usage.record("user_1", "calls", 5, dimensions={"model": "small"})
        ...     found = billing.usage.summary("user_1", "calls", group_by="model")
        ...     [(group.key["model"], group.quantity) for group in found.groups]
        [('large', Decimal('2')), ('small', Decimal('5'))]
        """
        wanted = summing.Wanted(
            self._desk,
            customer,
            feature,
            since=since,
            until=until,
            period=period,
            member=member,
            where=where,
            group_by=group_by,
        )
        return self._desk.door.read(wanted.read)

    def history(
        self,
        customer: str,
        feature: str | None = None,
        *,
        member: str | None = None,
        where: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> UsagePage:
        """List a customer's usage events, newest first, by pages.

        Each says who paid which part of it, what it amends and what amended it. `next_cursor` of a
        page, given as `cursor`, gives the next one.
        """
        chosen = summing.chosen(customer, feature, member, where, since, until, limit, cursor)
        desk = self._desk
        return desk.door.read(lambda connection: summing.history(desk, connection, chosen))

    def estimate(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        *,
        dimensions: Mapping[str, str] | None = None,
    ) -> Money | None:
        """Tell what recording a further quantity would add to the later bill; None without a rate.

        It is rated after what is billed in the running period so far. Of a charge, `check` and
        `explain` tell who would pay.
        """
        desk, owner = self._desk, customer_id(customer)
        name = check_text(feature, "feature")
        prices, found = desk.metering(name)
        scaled = to_scaled(quantity, found.scale)
        known = summing.checked_where(dimensions)
        check_names(prices, name, known)
        return desk.door.read(
            lambda connection: summing.estimate(
                desk, connection, prices, owner, name, scaled, known
            )
        )

    def report(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: str | Sequence[str] = ("month", "customer"),
        customer: str | None = None,
    ) -> UsageReport:
        """Sum up the usage of all customers, or of one, in groups; it looks at every event.

        Without bounds it is the running month, in UTC. `by` names `month`, `customer`, `member` or
        dimensions such as `model`; the feature is always told apart. `value` is None for the meters
        `last` and `unique`, which `summary` tells.
        """
        desk = self._desk
        start, end = summing.span_of_report(desk, since, until)
        names = summing.checked_group_by(by)
        check_of_any(desk.prices, names)
        owner = None if customer is None else customer_id(customer)
        return desk.door.read(
            lambda connection: summing.report(desk, connection, start, end, names, owner)
        )
