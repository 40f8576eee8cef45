"""Claims the use of a promotion, before its credits are granted. Decides nothing about balances.

A claim and its grants are two transactions. Whoever dies between them finds, when he asks again,
that his claim was not granted yet, and goes on with it; so a code is neither lost nor used twice.
A claim keeps the caller's key: asking again with it finds that very claim.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.errors import AlreadyRedeemed, IdempotencyConflict, PromotionClosed
from tollkeeper.store import customers, journal, promotions
from tollkeeper.store.database import Database


def claimed_under(
    connection: Connection,
    database: Database,
    customer: str,
    promotion: str,
    idempotency_key: str,
) -> int:
    """Give the number of the claim that was made under a key; 0 for none.

    Raises IdempotencyConflict where the key stands for something else.
    """
    found = promotions.keyed(connection, database, customer, idempotency_key)
    taken = journal.by_keys(connection, database, [(customer, idempotency_key)])
    if taken or (found is not None and found[0] != promotion):
        raise IdempotencyConflict(
            f"The key {idempotency_key!r} was used for another request of {customer!r}; take a new "
            "key for a new request.",
            idempotency_key=idempotency_key,
        )
    return 0 if found is None else found[1]


def unfinished(
    connection: Connection,
    database: Database,
    customer: str,
    promotion: str,
    keys: Sequence[str],
) -> int:
    """Give the number of a customer's last claim where not all of it is granted; 0 for none.

    `keys` are those of the grants, with `{number}` in the place of the claim's. A claim that was
    made under a key belongs to whoever asks with it.
    """
    number = promotions.times(connection, database, customer, promotion)
    if not number or promotions.key_of(connection, database, customer, promotion, number):
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
    idempotency_key: str | None = None,
) -> int:
    """Claim one use of a promotion; give how many it is for this customer.

    Of two calls with one key the second finds the claim of the first, under the promotion's lock.
    Raises AlreadyRedeemed or PromotionClosed; nothing is claimed then.
    """
    has_some = promotions.count_use(connection, database, promotion, at_most)
    if idempotency_key is not None:
        found = promotions.keyed(connection, database, customer, idempotency_key)
        if found is not None:
            if has_some:
                promotions.uncount_use(connection, database, promotion)
            return found[1]
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
    promotions.note(connection, database, customer, promotion, number, now, idempotency_key)
    return number
