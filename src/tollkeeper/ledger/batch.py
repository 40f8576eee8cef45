"""One batch under way: what was locked and loaded for it, what it answered, what it will write.

State alone: `change` and `replays` work on it. It reads nothing and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.requests import Request
from tollkeeper.ledger.book import WorkingBook
from tollkeeper.ledger.customers import Shut
from tollkeeper.ledger.loading import Locked, Plan
from tollkeeper.ledger.outbox import Notices
from tollkeeper.ledger.units import Units
from tollkeeper.ledger.writing import Writing
from tollkeeper.store.database import Database
from tollkeeper.values.receipts import Receipt


@dataclass(slots=True)
class Batch:
    """What the requests of one batch share."""

    connection: Connection
    database: Database
    units: Units
    requests: Sequence[Request]
    plan: Plan
    locked: Locked
    book: WorkingBook
    #: Accounts that do not exist and must not be opened.
    shut: Shut
    #: What the app is told of it.
    notices: Notices
    writing: Writing = field(default_factory=Writing)
    #: Fingerprints and answers by (customer, idempotency key): from the books, and from this batch.
    answered: dict[tuple[str, str], tuple[str | None, Receipt]] = field(default_factory=dict)
    #: Answers by operation id, where an earlier commit turned out to have happened.
    done: dict[str, Receipt] = field(default_factory=dict)
    #: Customers whom nobody introduced, where the catalog refuses them.
    strangers: frozenset[str] = frozenset()
    #: Accounts and tallies of a request that has to run again: who follows must wait for it.
    deferred: set[AccountKey] = field(default_factory=set)
    #: Whether the books were asked for the requests' keys.
    keys_known: bool = False
