"""Asks something of the books as they are, with what it asks in turn; locks and writes nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from tollkeeper.decisions.asking import Unread
from tollkeeper.decisions.tallies import OWN, TallyKey
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.foreseeing import looked_at
from tollkeeper.ledger.questions import answered

T = TypeVar("T")


def asked(
    ledger: Ledger,
    connection: Connection,
    keys: tuple[TallyKey, ...],
    now: datetime,
    ask: Callable[[WorkingBook], T],
) -> T:
    """Read tallies into a book, and ask; what the answer needs besides is read as it is missed.

    What a customer used before he was merged is told as ever.
    """
    book = looked_at(ledger, connection, keys, now)
    for key, tally in book.tallies.items():
        book.tallies[key] = tally._replace(merged_into=None)
    customer = keys[0][0]
    while True:
        try:
            return ask(book)
        except Unread as unread:
            own = book.tally(customer, OWN)
            for question in unread.questions:
                book.answers[question] = answered(connection, ledger.database, question, own)
