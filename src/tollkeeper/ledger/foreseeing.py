"""Looks at what a charge would do: reads what it needs without a lock, and writes nothing."""

from datetime import datetime

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.asking import Unread
from tollkeeper.decisions.charging import Charge
from tollkeeper.decisions.foreseeing import Foreseen, foresee, refused
from tollkeeper.decisions.tallies import OWN, Tally, TallyKey
from tollkeeper.errors import Refusal
from tollkeeper.ledger import catalogs, reading, tallying
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.change import Ledger
from tollkeeper.ledger.questions import answered
from tollkeeper.store import tallies


def foreseen(ledger: Ledger, connection: Connection, charge: Charge, now: datetime) -> Foreseen:
    """Decide a charge over the books as they are, without keeping anything."""
    keys = charge.needs().tallies
    book = looked_at(ledger, connection, keys, now)
    try:
        own, now = book.tally(charge.customer, OWN), book.moment_of(keys, now)
        named = _read_accounts(ledger, connection, book, charge, own, now)
        moment = max(now, book.moment_for(named))
        if moment > now:
            # A clock stepped back: what is booked tells when a charge would be decided.
            _read_accounts(ledger, connection, book, charge, own, moment)
        return _answered(ledger, connection, book, charge, moment)
    except Refusal as error:
        return refused(charge, error)


def _answered(
    ledger: Ledger, connection: Connection, book: WorkingBook, charge: Charge, now: datetime
) -> Foreseen:
    """Decide; what the decision asks of the books is read, and it is made anew."""
    while True:
        try:
            return foresee(book, charge, now)
        except Unread as unread:
            own = book.tally(charge.customer, OWN)
            for asked in unread.questions:
                book.answers[asked] = answered(connection, ledger.database, asked, own)


def looked_at(
    ledger: Ledger, connection: Connection, keys: tuple[TallyKey, ...], now: datetime
) -> WorkingBook:
    """Read tallies into a book; a customer who has none brings his zone and currency."""
    book = WorkingBook(ledger.units, ledger.memo, now, ledger.tally_memo)
    for row in tallies.read_tallies(connection, ledger.database, keys):
        book.tallies[(row[0], row[1])] = ledger.tally_memo.read(row)
    missing = [key for key in keys if key not in book.tallies]
    book.tallies.update(tallying.first(connection, ledger.database, missing))
    catalogs.prepare(ledger, connection, book.tallies.values())
    return book


def _read_accounts(
    ledger: Ledger,
    connection: Connection,
    book: WorkingBook,
    charge: Charge,
    own: Tally,
    now: datetime,
) -> tuple[AccountKey, ...]:
    """Read the accounts that would pay at a moment."""
    must, may = charge.accounts(own, ledger.units, now)
    named = (*must, *may)
    reading.read_into(book, ledger, connection, named, now)
    return named
