"""The laws that an audit checks, and its findings: the first few of each law, and all counted."""

from collections import Counter
from typing import NamedTuple

from tollkeeper.values.amounts import format_amount
from tollkeeper.values.findings import Finding


class Law(NamedTuple):
    """A law of the ledger; a check beyond the numbered laws has no number."""

    number: int | None
    name: str


SUMS = Law(1, "sums")
BALANCES = Law(2, "balances")
GRANTS = Law(3, "grants")
DEBT = Law(4, "debt")
KEYS = Law(5, "keys")
WHOLE_BOOK = Law(7, "whole_book")
APPEND_ONLY = Law(8, "append_only")
UNITS = Law(None, "units")
ORPHANS = Law(None, "orphans")
KINDS = Law(None, "kinds")
USAGE = Law(None, "usage")
PLANS = Law(None, "plans")


class Place(NamedTuple):
    """Where an offending row stands."""

    customer: str | None = None
    unit: str | None = None
    operation: str | None = None
    version: int | None = None
    grant: str | None = None
    hold: str | None = None


class Findings:
    """What was found so far; holds `most` findings of each law, and counts the others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept: dict[Law, list[Finding]] = {}
        self.counts: Counter[Law] = Counter()
        self.scales: dict[str, int] = {}

    def add(
        self, law: Law, says: str, place: Place, *, expected: object = "", found: object = ""
    ) -> None:
        """Note one offending row."""
        self.counts[law] += 1
        kept = self.kept.setdefault(law, [])
        if len(kept) < self._most:
            kept.append(_finding(law, says, place, str(expected), str(found)))

    def amount(self, unit: str | None, scaled: int) -> str:
        """Write an amount as people read it; an unregistered unit's as the ledger's integer."""
        scale = self.scales.get(unit or "")
        return str(scaled) if scale is None else format_amount(scaled, scale)

    def in_order(self) -> tuple[Finding, ...]:
        """Give what is kept, numbered laws first."""
        laws = sorted(self.kept, key=lambda law: (law.number is None, law.number or 0, law.name))
        return tuple(finding for law in laws for finding in self.kept[law])


def _finding(law: Law, says: str, place: Place, expected: str, found: str) -> Finding:
    return Finding(
        law=law.number, name=law.name, says=says, expected=expected, found=found, **place._asdict()
    )
