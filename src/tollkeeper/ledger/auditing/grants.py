"""Law 3, and the balances that follow from it (law 2): what each entry did to the grants it names.

Tells every grant of one account again, line by line: what remains of it, and what holds have drawn.
"""

from tollkeeper.ledger.auditing.laws import APPEND_ONLY, BALANCES, GRANTS, Findings, Law, Place
from tollkeeper.ledger.auditing.rows import EntryRow, FactRow, Lines, read_lines


class Told:
    """One grant as its entries tell it so far."""

    __slots__ = (
        "amount",
        "fact",
        "held",
        "is_faulty",
        "is_made",
        "is_pending",
        "is_restricted",
        "remaining",
    )

    def __init__(self, fact: FactRow) -> None:
        self.fact = fact
        #: What the entry that made it gave.
        self.amount = fact.amount
        self.is_restricted = bool(fact.features)
        self.remaining = 0
        self.held = 0
        #: Whether the entry that made it has been seen.
        self.is_made = False
        #: Whether the entry that makes it spendable, at `effective_at`, is still to come.
        self.is_pending = False
        #: Whether something was found already: one fault is told once.
        self.is_faulty = False


class Teller:
    """The grants of one account, and what its holds have drawn from the overdraft."""

    def __init__(self, grants: dict[str, Told], findings: Findings) -> None:
        self.grants = grants
        self.overdrawn = 0
        self._findings = findings

    def tell(self, entry: EntryRow) -> None:
        """Tell one more entry, and hold its changes against its lines."""
        lines = read_lines(entry.lines)
        if lines is None:
            says, shape = "The lines of an entry cannot be read.", "[[grant, remaining, held], …]"
            self._add(GRANTS, says, entry, expected=shape, found=entry.lines)
            return
        general = restricted = held = 0
        for name, remaining, drawn in lines:
            held += drawn
            told = self.grants.get(name)
            if told is None and name:
                self._missing(entry, name)
                return
            if told is None:
                self.overdrawn += drawn
            elif self._moved(told, entry, remaining, drawn):
                general += remaining
            else:
                restricted += remaining
        if entry.event_at is not None:
            activated = self._happened(entry, lines)
            general, restricted = general + activated, restricted - activated
        self._compare(entry, general - entry.debt_change, restricted, held)

    def _moved(self, told: Told, entry: EntryRow, remaining: int, drawn: int) -> bool:
        """Tell a line of a grant; tell whether what remains of it is `available`."""
        if not told.remaining:
            told.is_pending = told.fact.effective_at > entry.created_at
        left = told.remaining = told.remaining + remaining
        held = told.held = told.held + drawn
        if left < 0 or held < 0 or left + held > told.amount or not told.is_made:
            self._judge(told, entry, remaining)
        return not (told.is_restricted or told.is_pending)

    def finish(self) -> None:
        """Note the grants that no entry made."""
        for told in self.grants.values():
            if not told.is_made:
                fact = told.fact
                place = Place(fact.customer, fact.unit, fact.operation, grant=fact.id)
                self._findings.add(
                    GRANTS,
                    "A grant was made by no entry.",
                    place,
                    expected=f"an entry that gives {self._findings.amount(fact.unit, fact.amount)}",
                    found="none",
                )

    def _judge(self, told: Told, entry: EntryRow, change: int) -> None:
        """Say what is wrong with a grant after an entry, or note that the entry made it."""
        if not told.is_made:
            told.is_made = True
            self._made(told, entry, change)
        if told.is_faulty:
            return
        unit = entry.unit
        if told.remaining < 0:
            says, expected = "More was taken from a grant than remained of it.", "0 or more"
            found = self._findings.amount(unit, told.remaining)
        elif told.held < 0:
            says, expected = "More came back from a grant's holds than they drew.", "0 or more"
            found = self._findings.amount(unit, told.held)
        elif told.remaining + told.held > told.amount:
            says = "More came back to a grant than went out of it."
            expected = f"{self._findings.amount(unit, told.amount)} at most"
            found = self._findings.amount(unit, told.remaining + told.held)
        else:
            return
        told.is_faulty = True
        self._add(GRANTS, says, entry, grant=told.fact.id, expected=expected, found=found)

    def _made(self, told: Told, entry: EntryRow, change: int) -> None:
        """Compare a grant's fact with the entry that made it."""
        fact = told.fact
        if change != fact.amount:
            told.amount = change
            self._add(
                GRANTS,
                "A grant's amount is not what its entry gave.",
                entry,
                grant=fact.id,
                expected=self._findings.amount(entry.unit, change),
                found=self._findings.amount(entry.unit, fact.amount),
            )
        made_by, made_at = (fact.operation, fact.created_at), (entry.operation, entry.created_at)
        if made_by != made_at:
            self._add(
                APPEND_ONLY,
                "A grant's fact names another operation or time than the entry that made it.",
                entry,
                grant=fact.id,
                expected=f"{entry.operation} at {entry.created_at}",
                found=f"{fact.operation} at {fact.created_at}",
            )

    def _happened(self, entry: EntryRow, lines: Lines) -> int:
        """Check what time did against the grants' facts; give what became available by it."""
        told = self.grants[lines[0][0]] if lines and lines[0][0] else None
        if told is None or entry.kind not in ("activate", "expire"):
            return 0
        if entry.kind == "expire":
            if told.fact.expires_at is None or entry.event_at < told.fact.expires_at:
                self._not_yet(entry, told, "expired", told.fact.expires_at)
            return 0
        if entry.event_at != told.fact.effective_at:
            self._not_yet(entry, told, "became effective", told.fact.effective_at)
        moved = told.remaining if told.is_pending and not told.is_restricted else 0
        told.is_pending = False
        return moved

    def _not_yet(self, entry: EntryRow, told: Told, what: str, moment: object) -> None:
        self._add(
            APPEND_ONLY,
            f"A grant {what} at another time than its fact says.",
            entry,
            grant=told.fact.id,
            expected=f"{what} at {entry.event_at}",
            found=moment or "never",
        )

    def _compare(self, entry: EntryRow, available: int, restricted: int, held: int) -> None:
        """Compare an entry's changes with the sums of its lines (law 2)."""
        told = (available, restricted, held)
        stated = (entry.available_change, entry.restricted_change, entry.held_change)
        if told == stated:
            return
        names = ("available", "restricted", "held")
        for name, expected, found in zip(names, told, stated, strict=True):
            if expected != found:
                self._add(
                    BALANCES,
                    f"An entry's change of {name} is not what its lines and its debt add up to.",
                    entry,
                    expected=self._findings.amount(entry.unit, expected),
                    found=self._findings.amount(entry.unit, found),
                )

    def _missing(self, entry: EntryRow, name: str) -> None:
        says = "An entry names a grant that its account does not have."
        self._add(GRANTS, says, entry, grant=name, expected="a fact of the grant", found="none")

    def _add(
        self,
        law: Law,
        says: str,
        entry: EntryRow,
        *,
        expected: object,
        found: object,
        grant: str | None = None,
    ) -> None:
        place = Place(entry.customer, entry.unit, entry.operation, entry.version, grant)
        self._findings.add(law, says, place, expected=expected, found=found)
