"""Sweeping: book what time alone did to an account, without any other change (H2). Pure.

It changes promptness and never the truth: whoever looks at the account, or changes it, sees what
time did anyway (see `advancing`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.requests import Book, Needs, Outcome, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep(Request):
    """Book the expiries, activations and lapses of one account that are waiting."""

    verb: ClassVar[str] = "sweep"

    unit: str

    def needs(self) -> Needs:
        """Ask for the one account."""
        return Needs(accounts=((self.customer, self.unit),))

    def decide(self, book: Book, now: datetime) -> Outcome:
        """Count what waits; whoever was here first has booked it, and leaves nothing."""
        counted = book.done_by_time(self.customer, self.unit)
        return Outcome(result=counted, swept=((self.customer, self.unit),))
