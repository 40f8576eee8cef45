"""Law 4: debt grows only where a limit or a mark allows it, and only when nothing else is left.

A call's own limit, and a limit declared in code, are not in the books: `docs/reference/audit.md`
says what can therefore not be seen.
"""

from tollkeeper.ledger.auditing.kinds import BEYOND_LIMIT, KINDS, Debt
from tollkeeper.ledger.auditing.laws import DEBT, Findings, Place
from tollkeeper.ledger.auditing.rows import AccountRow, EntryRow, read_result

#: Marks of entries that only the account's own limit, or else the unit's, can have allowed.
OWN_LIMIT_MARKS = ("late", "uncollected")


class DebtTeller:
    """How far below zero one account was allowed to go, and went."""

    def __init__(self, findings: Findings) -> None:
        #: The account's own limit, as its last entry set it; None leaves it to the unit.
        self.limit: int | None = None
        self._findings = findings

    def tell(self, entry: EntryRow) -> None:
        """Tell one more entry that set a limit or made debt grow."""
        if entry.kind == "set_overdraft":
            limit = (read_result(entry.result) or {}).get("overdraft")
            self.limit = limit if isinstance(limit, int) else None
        if entry.debt_change > 0 and entry.kind in KINDS:
            self._judge(entry, KINDS[entry.kind].debt)

    def _judge(self, entry: EntryRow, rule: Debt) -> None:
        """Say what is wrong where debt grew, if anything is."""
        if rule is Debt.NEVER:
            says = f"An entry of kind {entry.kind} made debt grow."
            self._add(says, entry, "no more debt", self._amount(entry.unit, entry.debt_change))
        elif rule is Debt.MARKED and entry.mark != BEYOND_LIMIT:
            says = f"An entry of kind {entry.kind} made debt grow without a mark."
            self._add(says, entry, f"the mark {BEYOND_LIMIT!r}", repr(entry.mark))
        elif rule is not Debt.RETURNS and entry.available != -entry.debt:
            says = "Debt grew while something was left to spend."
            left = self._amount(entry.unit, entry.available + entry.debt)
            self._add(says, entry, "nothing left", left)
        elif self._is_beyond(entry, rule):
            limit = self._amount(entry.unit, self.limit or 0)
            debt = self._amount(entry.unit, entry.debt)
            self._add("Debt passed the account's own limit.", entry, f"{limit} at most", debt)

    def compare(self, row: AccountRow) -> None:
        """Compare the account's own limit with the entry that set it."""
        if row.overdraft != self.limit:
            self._findings.add(
                DEBT,
                "The account's overdraft limit is not the one that an entry set.",
                Place(row.customer, row.unit),
                expected="none" if self.limit is None else self._amount(row.unit, self.limit),
                found="none" if row.overdraft is None else self._amount(row.unit, row.overdraft),
            )

    def _is_beyond(self, entry: EntryRow, rule: Debt) -> bool:
        """Tell whether the account's own limit was passed where no other limit can have held."""
        if self.limit is None:
            return False
        if rule is Debt.RETURNS:
            return entry.mark != BEYOND_LIMIT and entry.debt > self.limit
        own = entry.kind == "extend" or entry.mark in OWN_LIMIT_MARKS
        return own and entry.available < -self.limit

    def _amount(self, unit: str, scaled: int) -> str:
        return self._findings.amount(unit, scaled)

    def _add(self, says: str, entry: EntryRow, expected: str, found: str) -> None:
        place = Place(entry.customer, entry.unit, entry.operation, entry.version)
        self._findings.add(DEBT, says, place, expected=expected, found=found)
