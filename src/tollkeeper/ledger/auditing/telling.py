"""Tells one account again from its entries, and checks each against the one before (laws 1 and 8).

What single laws ask of an entry is asked in their own rooms; this one hands it round.
"""

from typing import Any

from tollkeeper.ledger.auditing import keys
from tollkeeper.ledger.auditing.debts import DebtTeller
from tollkeeper.ledger.auditing.grants import Teller, Told
from tollkeeper.ledger.auditing.laws import APPEND_ONLY, BALANCES, SUMS, Findings, Law, Place
from tollkeeper.ledger.auditing.rows import EntryRow
from tollkeeper.ledger.auditing.totals import Totals

NAMES = ("available", "restricted", "held", "debt")
NOTHING = (0, 0, 0, 0)


class AccountTeller:
    """One account as its entries tell it so far: one entry is kept, never two."""

    def __init__(self, grants: dict[str, Told], totals: Totals, findings: Findings) -> None:
        self.lines = Teller(grants, findings)
        self.debt = DebtTeller(findings)
        self.version = 0
        #: available, restricted, held and debt after the last entry, as that entry says.
        self.balances = NOTHING
        #: When the last entry was booked, as the driver gave it.
        self.booked_at: Any = None
        #: What the last entry was.
        self.kind: str | None = None
        self._totals = totals
        self._findings = findings

    def tell(self, entry: EntryRow) -> None:
        """Tell one more entry."""
        self._chain(entry)
        self.lines.tell(entry)
        if entry.debt_change > 0 or entry.kind == "set_overdraft":
            self.debt.tell(entry)
        keys.check_row(entry, self._findings)
        self._totals.tell(entry)

    def _chain(self, entry: EntryRow) -> None:
        """Check that an entry follows from the one before."""
        if entry.version != self.version + 1:
            says = "Versions do not run on without a gap."
            self._add(SUMS, says, entry, expected=self.version + 1, found=entry.version)
        available, restricted, held, debt = self.balances
        follows = (
            available + entry.available_change,
            restricted + entry.restricted_change,
            held + entry.held_change,
            debt + entry.debt_change,
        )
        after = (entry.available, entry.restricted, entry.held, entry.debt)
        if after != follows:
            self._broken(entry, follows, after)
        if entry.held < 0 or entry.debt < 0 or entry.restricted < 0:
            self._negative(entry, after)
        if self.booked_at is not None and entry.created_at < self.booked_at:
            says = "An entry was booked before the one that it follows."
            expected = f"{self.booked_at} or later"
            self._add(APPEND_ONLY, says, entry, expected=expected, found=entry.created_at)
        self.version, self.balances, self.booked_at = entry.version, after, entry.created_at
        self.kind = entry.kind

    def _broken(self, entry: EntryRow, follows: tuple[int, ...], after: tuple[int, ...]) -> None:
        for name, expected, found in zip(NAMES, follows, after, strict=True):
            if expected != found:
                self._add(
                    SUMS,
                    f"{name} after an entry is not {name} before it plus its change.",
                    entry,
                    expected=self._findings.amount(entry.unit, expected),
                    found=self._findings.amount(entry.unit, found),
                )

    def _negative(self, entry: EntryRow, after: tuple[int, ...]) -> None:
        for name, found in zip(NAMES[1:], after[1:], strict=True):
            if found < 0:
                amount = self._findings.amount(entry.unit, found)
                says = f"{name} fell below zero."
                self._add(BALANCES, says, entry, expected="0 or more", found=amount)

    def _add(
        self, law: Law, says: str, entry: EntryRow, *, expected: object, found: object
    ) -> None:
        place = Place(entry.customer, entry.unit, entry.operation, entry.version)
        self._findings.add(law, says, place, expected=expected, found=found)
