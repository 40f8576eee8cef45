"""Claims the use of a promotion, before its credits are granted. Decides nothing about balances.

A claim and its grants are two transactions. Whoever dies between them finds, when he asks again,
that his claim was not granted yet, and goes on with it; so a code is neither lost nor used twice.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.errors import AlreadyRedeemed, PromotionClosed
from tollkeeper.store import customers, journal, promotions
from tollkeeper.store.database import Database


def unfinished(
    connection: Connection,
    database: Database,
    customer: str,
    promotion: str,
    keys: Sequence[str],
) -> int:
    """Give the number of a customer's last claim where not all of it is granted; 0 for none.

    `keys` are those of the grants, with `{number}` in the place of the claim's.
    """
    number = promotions.times(connection, database, customer, promotion)
    if not number:
        return 0
    wanted = [(customer, key.replace("{number}", str(number))) for key in keys]
    found = journal.by_keys(connection, database, sorted(wanted))
    return number if len(found) < len(wanted) else 0


def claim(
    connection: Connection,
    database: Database,
    customer: str,
    promotion: str,
    *,
    per_customer: int,
    at_most: int | None,
    now: datetime,
) -> int:
    """Claim one use of a promotion; give how many it is for this customer.

    Raises AlreadyRedeemed or PromotionClosed; nothing is claimed then.
    """
    has_some = promotions.count_use(connection, database, promotion, at_most)
    number = promotions.times(connection, database, customer, promotion) + 1
    if number > per_customer:
        raise AlreadyRedeemed(
            f"{customer!r} has used this promotion as often as he may: {number - 1} of "
            f"{per_customer}.",
            promotion=promotion,
            times=number - 1,
        )
    if not has_some:
        raise PromotionClosed("This promotion is used up.", promotion=promotion)
    customers.make_customers(connection, database, [customer], now)
    promotions.note(connection, database, customer, promotion, number, now)
    return number
