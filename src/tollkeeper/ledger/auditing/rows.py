"""Rows as the audit reads them: named cells, moments as the driver gave them. Decides nothing."""

import json
from typing import Any, NamedTuple

Lines = tuple[tuple[str, int, int], ...]


class EntryRow(NamedTuple):
    """One row of `operation`, changes and balances as integers (see store.audits)."""

    customer: str
    unit: str
    #: None, like the unit, where the operation changed no balance.
    version: int
    operation: str
    part: int
    kind: str
    available_change: int
    restricted_change: int
    held_change: int
    debt_change: int
    available: int
    restricted: int
    held: int
    debt: int
    lines: str | None
    mark: str | None
    created_at: Any
    event_at: Any
    has_key: Any
    has_fingerprint: Any
    result: str | None

    @property
    def value_change(self) -> int:
        """Tell what the entry did to the account's value; debt is in `available` already."""
        return self.available_change + self.restricted_change + self.held_change


class AccountRow(NamedTuple):
    """One row of `account`."""

    customer: str
    unit: str
    available: int
    restricted: int
    held: int
    debt: int
    version: int
    overdraft: int | None
    merged_into: str | None
    grants: str
    due_at: Any
    updated_at: Any
    allowances: Any = None

    @property
    def value(self) -> int:
        """Tell what the account is worth."""
        return self.available + self.restricted + self.held


class FactRow(NamedTuple):
    """One row of `grant_fact`, as far as the laws ask for it."""

    customer: str
    id: str
    unit: str
    operation: str
    amount: int
    priority: int
    paid: Any
    effective_at: Any
    expires_at: Any
    cost: int
    features: str | None
    created_at: Any


def read_lines(text: str | None) -> Lines | None:
    """Read an entry's lines; None where nobody can."""
    if not text:
        return ()
    try:
        return tuple([_line(*cells) for cells in json.loads(text)])
    except (ValueError, TypeError):
        return None


def _line(grant: Any, remaining: Any, held: Any = 0) -> tuple[str, int, int]:
    if type(grant) is not str or type(remaining) is not int or type(held) is not int:
        raise TypeError("a line is [grant, remaining, held]")
    return grant, remaining, held


def read_result(text: str | None) -> dict[str, Any] | None:
    """Read an operation's result; None where there is none, or nobody can."""
    try:
        result = json.loads(text or "null")
    except ValueError:
        return None
    return result if isinstance(result, dict) else None
