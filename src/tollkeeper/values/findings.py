"""What work over the whole books reports: an audit's findings, a sweep's counts. Frozen; no SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where the books break a law: where it is, what was expected, what stands there."""

    #: Number of the law that is broken; None for a check beyond the numbered laws.
    law: int | None
    #: The law's name: "sums", "balances", "grants", "debt", "keys", "whole_book", "append_only",
    #: "units", "orphans" or "kinds".
    name: str
    #: What is wrong, in a sentence.
    says: str
    #: What should stand there.
    expected: str
    #: What stands there.
    found: str
    #: Whose books; None where the finding is about no one customer.
    customer: str | None = None
    unit: str | None = None
    #: The operation, and the entry's version, that offend first.
    operation: str | None = None
    version: int | None = None
    grant: str | None = None
    hold: str | None = None

    def __str__(self) -> str:
        """Say it in one line, with the place."""
        number = f"law {self.law}, {self.name}" if self.law else self.name
        return f"{number}: {self.says} Expected {self.expected}, found {self.found}.{self._place()}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _place(self) -> str:
        names = ("customer", "unit", "operation", "version", "grant", "hold")
        told = [(name, getattr(self, name)) for name in names]
        parts = [f"{name} {value}" for name, value in told if value is not None]
        return f" ({', '.join(parts)})" if parts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How much an audit looked at."""

    units: int = 0
    customers: int = 0
    accounts: int = 0
    entries: int = 0
    #: Operations that changed no balance, and so have no entry.
    bare_operations: int = 0
    grants: int = 0
    open_holds: int = 0

    def to_dict(self) -> dict[str, int]:
        """Give it as JSON takes it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found in the books as they stood at one moment."""

    #: When the audit began to read (UTC).
    read_at: datetime
    #: The only customer that was looked at; None means the whole book.
    customer: str | None
    checked: Checked
    #: The first offending rows of each law.
    findings: tuple[Finding, ...]
    #: How many offending rows there are, by the law's name; some may not be among the findings.
    broken: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Tell whether every law held."""
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "ok": self.ok,
            "read_at": self.read_at.isoformat(),
            "customer": self.customer,
            "checked": self.checked.to_dict(),
            "broken": dict(self.broken),
            "findings": [finding.to_dict() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReport:
    """What a run of all that is due did: what it booked, and what it told."""

    #: Accounts in which something was booked.
    accounts: int = 0
    #: Grants whose rest expired.
    expired: int = 0
    #: Grants that became effective.
    activated: int = 0
    #: Holds that lapsed.
    lapsed: int = 0
    #: Allowances that were granted anew.
    renewed: int = 0
    #: Accounts left for the next run: locked for too long, or failed (the log says why).
    skipped: int = 0
    #: Notices that every function which listens has heard.
    delivered: int = 0
    #: Notices that will be tried again.
    failed: int = 0
    #: Notices that were given up after too many tries.
    dead: int = 0
    #: Grants of whose end the app is warned.
    warned: int = 0
    #: Subscriptions that ended with their period, as the app is told.
    ended: int = 0
    #: Notices that were deleted, since they are kept no longer.
    cleared: int = 0
    #: What other jobs did, by name.
    others: Mapping[str, int] = field(default_factory=dict)
    #: Whether the run reached the end of what was due.
    is_done: bool = True

    def joined(
        self, counts: Mapping[str, int] = MappingProxyType({}), *, is_done: bool = True
    ) -> "DueReport":
        """Add what else was counted; what is no field of the report is told as another job's."""
        names = {each.name for each in fields(self)} - {"others", "is_done"}
        known = {name: getattr(self, name) + counts[name] for name in names & counts.keys()}
        others = {**self.others, **{n: counts[n] for n in sorted(counts.keys() - names)}}
        return replace(self, **known, others=others, is_done=self.is_done and is_done)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return told | {"others": dict(self.others)}
