"""The room of limits: a customer's own, and how all of his stand. Set, clear, list, history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Unpack

from sqlalchemy import Connection

from tollkeeper.catalog.terms import AtLimit
from tollkeeper.decisions import limiting
from tollkeeper.decisions.own_limits import (
    ClearLimit,
    SetLimit,
    listed,
    quantity_scale,
    told,
)
from tollkeeper.decisions.tallies import OWN, subject_of
from tollkeeper.decisions.windows import window_of
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.limits import limit_changes
from tollkeeper.ledger.standing import asked
from tollkeeper.operations.calls import Desk, Options, common, customer_id
from tollkeeper.operations.limiting import by_hand, shaped, subject, until_when
from tollkeeper.operations.pricing import checked_tags
from tollkeeper.values.amounts import Amount
from tollkeeper.values.limits import CustomerLimit, LimitChange, limit_from
from tollkeeper.values.moments import to_microseconds
from tollkeeper.values.money import Money
from tollkeeper.values.texts import check_text

#: The most changes that one history shows.
MAXIMUM_CHANGES = 1000


class Limits:
    """How much a customer may use or spend, beside what the catalog says.

    A limit of his own takes the place of the catalog's that counts the same over the same window;
    the most restrictive of all others holds. What was used stays counted: no change of a limit
    refills it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def set(
        self,
        customer: str,
        *,
        feature: str | None = None,
        at_most: Amount | None = None,
        spend: Money | None = None,
        unit: str | None = None,
        every: str | None = None,
        within: str | None = None,
        member: str | None = None,
        api_key: str | None = None,
        tag: str | None = None,
        at_limit: AtLimit | None = None,
        until: datetime | Literal["window"] | None = None,
        **options: Unpack[Options],
    ) -> CustomerLimit:
        """Set a limit of a customer's own; it holds from the next charge on.

        `at_most` counts quantities of a feature, or amounts of a `unit`; `spend` counts money that
        wallets and later bills pay. The window is `every` calendar "day", "month" … in the
        customer's zone, billing "period" or "lifetime"; or `within` a time from the first use, such
        as "5 hours". For one `member`, `api_key` or `tag` it counts only that one's use. It ends at
        `until`, or with the running window; else it is for good. Name who sets it, and why (I2).

        Raises:
            InvalidRequest: it counts nothing, or no window; the reason or the actor is missing.
            UnknownFeature: the catalog has no such feature.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "images", 100)
        ...     limit = billing.limits.set("user_1", feature="images", at_most=5, every="day",
        ...         reason="trial", actor="ann")
        ...     _ = billing.charge("user_1", "images", 4)
        ...     answer = billing.check("user_1", "images", 2)
        ...     limit.name, answer.is_allowed, answer.left
        ('images:quantity:customer:day', False, Decimal('1'))
        """
        limit = shaped(
            self._desk,
            feature=feature,
            at_most=at_most,
            spend=spend,
            unit=unit,
            every=every,
            within=within,
            only=subject(member, api_key, tag),
            at_limit=at_limit,
        )
        ends = until_when(until)
        by_hand(options, "limit")
        request = common(customer, options, ("set_limit", limit, at_limit, until))
        made = SetLimit(
            **request,
            limit=limit,
            says_at_limit=at_limit is not None,
            until=ends,
            prices=self._desk.prices,
        )
        return self._desk.door.change(made, _answer)

    def clear(
        self,
        customer: str,
        limit: str | CustomerLimit,
        *,
        member: str | None = None,
        api_key: str | None = None,
        tag: str | None = None,
        **options: Unpack[Options],
    ) -> CustomerLimit:
        """Take a limit of a customer's own away; what the catalog says holds again.

        Gives the limit as it was. Raises LimitNotFound where the customer has none of this name.
        """
        name = check_text(getattr(limit, "name", limit), "limit")
        kind, only = subject(member, api_key, tag)
        whose = subject_of(kind, only) if only is not None else OWN
        if isinstance(limit, CustomerLimit):
            whose = limit.subject
        by_hand(options, "limit")
        request = common(customer, options, ("clear_limit", name, whose))
        made = ClearLimit(**request, name=name, subject=whose, prices=self._desk.prices)
        return self._desk.door.change(made, _answer)

    def list(
        self,
        customer: str,
        *,
        member: str | None = None,
        api_key: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> tuple[CustomerLimit, ...]:
        """Give every limit of a customer as it stands: used, held, left, and when it starts anew.

        The catalog's and his own; those of members, keys and tags only where one is named.
        """
        name = customer_id(customer)
        subjects = limiting.subjects(
            None if member is None else check_text(member, "member"),
            None if api_key is None else check_text(api_key, "api_key"),
            checked_tags(tags or ()),
        )
        keys = ((name, OWN), *((name, each) for each in subjects))
        prices = self._desk.prices

        def ask(book: WorkingBook) -> tuple[CustomerLimit, ...]:
            own, now = book.tally(name, OWN), to_microseconds(self._desk.clock.now())
            tallies = {OWN: own, **{each: book.tally(name, each) for each in subjects}}
            known = {(each.limit.name, each.limit.only): each for each in listed(prices, own, now)}
            meters = limiting.meters(
                [each.limit for each in known.values()], tallies, now, window_of, book
            )
            return tuple(
                [
                    told(
                        known[(meter.limit.name, meter.limit.only)],
                        meter,
                        quantity_scale(prices, meter.limit.feature),
                        book.units,
                    )
                    for meter in meters
                ]
            )

        ledger = self._desk.ledger
        return self._desk.door.read(
            lambda connection: asked(ledger, connection, keys, ledger.clock.now(), ask)
        )

    def history(self, customer: str) -> tuple[LimitChange, ...]:
        """Tell who set and cleared which limits of a customer, when and why, the latest first."""
        name, database = customer_id(customer), self._desk.ledger.database

        def query(connection: Connection) -> tuple[LimitChange, ...]:
            return limit_changes(connection, database, name, MAXIMUM_CHANGES)

        return self._desk.door.read(query)


def _answer(result: Any) -> CustomerLimit:
    """Give the limit as the request left it, or raise the error."""
    if isinstance(result, BaseException):
        raise result
    return limit_from(result.result["limit"])
