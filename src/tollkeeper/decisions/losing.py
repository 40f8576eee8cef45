"""The warning of customers whose AI calls earn too little: one notice for each span. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tollkeeper.decisions.requests import Book, Needs, Outcome, Request
from tollkeeper.notices import MarginLow


@dataclass(frozen=True, slots=True, kw_only=True)
class WarnOfMargin(Request):
    """Tell the app that a customer's AI calls earned less than they should."""

    verb: ClassVar[str] = "warn_of_margin"

    #: What is told; its id is fixed by the span, so that it is written once.
    notice: MarginLow

    def needs(self) -> Needs:
        """Ask for nothing: what calls cost and earned was summed up before."""
        return Needs()

    def decide(self, book: Book, now: datetime) -> Outcome:  # every request's signature
        """Tell it."""
        return Outcome(result={"warned": 1}, notices=(self.notice,))
