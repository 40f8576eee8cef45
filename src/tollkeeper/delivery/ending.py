"""The job that tells the app of subscriptions whose time came, each once, in the order of ends.

It ends nothing: whether a subscription is over is a comparison of moments, and waits for no job
(A8).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tollkeeper.decisions.telling_plans import TellEnd
from tollkeeper.delivery.walking import Place, Step, Walk
from tollkeeper.ids import OPERATION, new_id
from tollkeeper.ledger.change import Ledger
from tollkeeper.notices import SubscriptionEnded
from tollkeeper.store import subscriptions
from tollkeeper.values.moments import EPOCH


def ending(ledger: Ledger) -> Walk:
    """Make the job."""

    def read(connection: Connection, place: Place | None, now: datetime, most: int) -> Step:
        rows = subscriptions.ended(connection, ledger.database, place or (EPOCH, "", ""), now, most)
        # The place is the last one told, so that none is passed over.
        return Step(rows, rows[-1] if rows else None, len(rows) < most)

    return Walk(
        ledger=ledger,
        name="ended",
        kind=SubscriptionEnded.kind,
        counted="ended",
        read=read,
        request=_telling,
    )


def _telling(row: Any) -> TellEnd:
    return TellEnd(id=new_id(OPERATION), customer=row[1], subscription=row[2])
