"""Law 7: the whole book, unit by unit. What entries gave and took is what the accounts hold.

Holds one number for each unit and kind of entry, however large the book is.
"""

from collections import defaultdict

from tollkeeper.ledger.auditing.kinds import KINDS, MOVES
from tollkeeper.ledger.auditing.laws import KINDS as KINDS_LAW
from tollkeeper.ledger.auditing.laws import WHOLE_BOOK, Findings, Place
from tollkeeper.ledger.auditing.rows import AccountRow, EntryRow


class Totals:
    """What entries did to the value of all accounts, by unit and kind, and what accounts hold."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._flows: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._standing: defaultdict[str, int] = defaultdict(int)

    def tell(self, entry: EntryRow) -> None:
        """Add an entry; its kind tells whether it may give or take value at all."""
        change = entry.value_change
        kind = KINDS.get(entry.kind)
        if kind is None:
            self._unknown(entry)
        elif not kind.value.allows(change):
            self._findings.add(
                WHOLE_BOOK,
                f"A {entry.kind} must {kind.value.value}.",
                Place(entry.customer, entry.unit, entry.operation, entry.version),
                expected=f"to {kind.value.value}",
                found=f"a change of {self._findings.amount(entry.unit, change)}",
            )
        if change:
            self._flows[entry.unit][entry.kind] += change

    def stand(self, row: AccountRow) -> None:
        """Add what an account holds."""
        self._standing[row.unit] += row.value

    def compare(self, *, is_whole: bool) -> None:
        """Compare both sides for every unit; moves cancel out only where the book is whole."""
        for unit in sorted(self._flows.keys() | self._standing.keys()):
            flows, standing = self._flows[unit], self._standing[unit]
            if sum(flows.values()) != standing:
                self._add(unit, "Entries do not add up to what accounts hold.", flows, standing)
            if is_whole:
                self._compare_moves(unit, flows)

    def _compare_moves(self, unit: str, flows: defaultdict[str, int]) -> None:
        for out, into in MOVES:
            if flows[out] + flows[into]:
                self._findings.add(
                    WHOLE_BOOK,
                    f"What left by {out} is not what arrived by {into}.",
                    Place(unit=unit),
                    expected=f"{self._findings.amount(unit, -flows[out])} arrived",
                    found=self._findings.amount(unit, flows[into]),
                )

    def _add(self, unit: str, says: str, flows: defaultdict[str, int], standing: int) -> None:
        amount = self._findings.amount
        parts = [f"{kind} {amount(unit, change)}" for kind, change in sorted(flows.items())]
        self._findings.add(
            WHOLE_BOOK,
            says,
            Place(unit=unit),
            expected=f"{amount(unit, sum(flows.values()))} ({', '.join(parts)})",
            found=amount(unit, standing),
        )

    def _unknown(self, entry: EntryRow) -> None:
        place = Place(entry.customer, entry.unit, entry.operation, entry.version)
        says = "An entry is of a kind that nobody knows."
        known = ", ".join(sorted(KINDS))
        self._findings.add(KINDS_LAW, says, place, expected=f"one of {known}", found=entry.kind)
