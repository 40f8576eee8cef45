"""The room of notices: what waits in the outbox, what was given up, and trying it again (H1)."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from tollkeeper.errors import InvalidRequest, NoticeNotFound
from tollkeeper.ledger.outbox import WAITING_DAYS, Row, read_place, state_from, write_place
from tollkeeper.notices import DEAD, KINDS, STATUSES, Notice, NoticePage, NoticeState
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import PlainDoor
from tollkeeper.store import outbox_lists
from tollkeeper.values.texts import check_text, echo

#: The most notices of one page, and of one call that brings dead ones back.
MAXIMUM_NOTICES = 1000


class Notices:
    """The outbox, as operators look at it; `billing.on` is how an app listens."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(
        self,
        *,
        status: str | None = None,
        customer: str | None = None,
        kind: str | type[Notice] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> NoticePage:
        """List notices, newest first: of one status, customer or kind, or all that are kept.

        `status` is `waiting`, `delivered` or `dead`. Delivered ones are kept for 3 days, the others
        for 30.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "api_calls", 100)
        ...     [state] = billing.notices.list(status="waiting").notices
        ...     state.notice.kind, state.notice.amount
        ('credits_granted', Decimal('100'))
        """
        wanted = _wanted(status, customer, kind)
        before, most, database = read_place(cursor), _limit(limit), self._desk.ledger.database

        def query(connection: Connection) -> NoticePage:
            rows = outbox_lists.page(connection, database, wanted, before, most + 1)
            shown = rows[:most]
            place = write_place(shown[-1]) if len(rows) > most else None
            return NoticePage(notices=tuple(map(state_from, shown)), next_cursor=place)

        return self._desk.door.read(query)

    def redeliver(self, notice: str | Notice, *, customer: str | None = None) -> NoticeState:
        """Deliver a notice once more, to every callback, whether it was delivered or given up.

        It is tried from the beginning. One that waits for its next try is due at once, with those
        of its customer that wait before and behind it; who has heard it already does not hear it
        again. Name the customer too where you can: then it is found at once, however many are kept.

        Raises:
            NoticeNotFound: there is no such notice, or it is kept no longer.
        """
        name = notice.id if isinstance(notice, Notice) else check_text(notice, "notice")
        wanted = {"id": name} | _wanted(None, customer, None)
        return self._desk.door.perform(lambda door: self._again(door, wanted, name))

    def redeliver_dead(
        self,
        *,
        customer: str | None = None,
        kind: str | type[Notice] | None = None,
        limit: int = 1000,
    ) -> int:
        """Deliver notices that were given up once more, newest first; count them.

        Call it again as long as it gives `limit`.
        """
        wanted, most = _wanted(DEAD, customer, kind), _limit(limit)

        def work(connection: Connection) -> int:
            rows = outbox_lists.page(connection, self._desk.ledger.database, wanted, None, most)
            self._bring_back(connection, rows)
            return len(rows)

        return self._desk.door.perform(lambda door: door.transact(work))

    def _again(self, door: PlainDoor, wanted: dict[str, str], name: str) -> NoticeState:
        def work(connection: Connection) -> NoticeState:
            database = self._desk.ledger.database
            rows = outbox_lists.page(connection, database, wanted, None, 1)
            if not rows:
                raise NoticeNotFound(f"There is no notice {echo(name)}.", notice=name)
            self._bring_back(connection, rows)
            [(customer, _, endpoint, *_)] = rows
            outbox_lists.try_now(connection, database, customer, endpoint, self._desk.clock.now())
            return state_from(outbox_lists.page(connection, database, wanted, None, 1)[0])

        return door.transact(work)

    def _bring_back(self, connection: Connection, rows: Sequence[Row]) -> None:
        now = self._desk.clock.now()
        keys = [(row[0], row[1], row[2]) for row in rows]
        keep_until = now + timedelta(days=WAITING_DAYS)
        outbox_lists.bring_back(connection, self._desk.ledger.database, keys, now, keep_until)


def _wanted(
    status: str | None, customer: str | None, kind: str | type[Notice] | None
) -> dict[str, str]:
    """Check what is asked for, and name the columns that tell it."""
    wanted: dict[str, str] = {}
    if status is not None:
        if status not in STATUSES:
            raise InvalidRequest(f"status must be one of {', '.join(STATUSES)}.")
        wanted["status"] = status
    if customer is not None:
        wanted["customer_id"] = check_text(customer, "customer")
    if kind is not None:
        wanted["kind"] = _kind(kind)
    return wanted


def _kind(kind: str | type[Notice]) -> str:
    name = kind if isinstance(kind, str) else getattr(kind, "kind", "")
    if name not in KINDS:
        raise InvalidRequest(f"kind must be one of {', '.join(KINDS)}.", kinds=list(KINDS))
    return name


def _limit(limit: object) -> int:
    if type(limit) is not int or not 1 <= limit <= MAXIMUM_NOTICES:
        raise InvalidRequest(f"limit must be a whole number from 1 to {MAXIMUM_NOTICES}.")
    return limit
