"""Remembers what account rows mean, so that a row which comes back unchanged is not parsed again.

An entry serves only if the whole row is equal, so this affects cost and never meaning: what was
rolled back, restored or written elsewhere differs, and is read anew.
"""

from collections.abc import Sequence
from typing import Any

from tollkeeper.decisions.accounts import Account, AccountKey
from tollkeeper.ledger.codec import account_from
from tollkeeper.store.types import moment_text

#: The most accounts remembered, and the most open grants of one that is worth it.
MOST_ACCOUNTS = 20_000
MOST_GRANTS = 8

Row = Sequence[Any]


class Memo:
    """Account rows as this process last wrote or read them, and the accounts they mean."""

    def __init__(self, *, moments_are_text: bool) -> None:
        self._moments_are_text = moments_are_text
        self._known: dict[AccountKey, tuple[Row, Account]] = {}

    def read(self, row: Row) -> Account:
        """Give the account of a row, remembered or read."""
        known = self._known.get((row[0], row[1]))
        if known is not None and known[0] == row:
            return known[1]
        account = account_from(row)
        if len(account.grants) <= MOST_GRANTS:
            self._remember(row, account)
        return account

    def keep(self, row: Row, account: Account) -> None:
        """Remember the row that an account was written as."""
        if len(account.grants) > MOST_GRANTS:
            self._known.pop(account.key, None)
            return
        if self._moments_are_text:
            row = (*row[:10], _text(row[10]), _text(row[11]), *row[12:])
        self._remember(row, account)

    def _remember(self, row: Row, account: Account) -> None:
        if len(self._known) >= MOST_ACCOUNTS:
            self._forget_oldest()
        self._known[account.key] = (row, account)

    def _forget_oldest(self) -> None:
        """Make room; lanes share the memo, so another one may have been quicker."""
        try:
            del self._known[next(iter(self._known))]
        except (KeyError, StopIteration, RuntimeError):
            return


def _text(moment: Any) -> str | None:
    return None if moment is None else moment_text(moment)
