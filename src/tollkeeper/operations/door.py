"""What a room asks of a door: run a change, run a read. Filled by threads, tasks and joined.

A verb is written once against this; whether its answer is a value or awaitable is the door's
affair.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy import Connection

from tollkeeper.decisions.requests import Request

T = TypeVar("T")

#: What a call gets in the end: a receipt, or the error to raise.
Result = Any

#: Turns a result, which may be an error, into what the verb answers; it may raise.
Finish = Callable[[Result], Any]


#: The same for the results of several requests, in their order.
FinishAll = Callable[[list[Result]], Any]


def each(results: list[Result]) -> list[Result]:
    """Answer results as they are: a receipt or an error for each request."""
    return results


class Door(Protocol):
    """How calls reach the books."""

    def change(self, request: Request, finish: Finish | None = None) -> Any:
        """Run one request as part of some transaction."""
        ...

    def change_all(self, requests: Sequence[Request], finish: FinishAll) -> Any:
        """Run requests that belong together: each is decided by itself, in their order."""
        ...

    def read(self, query: Callable[[Connection], T]) -> Any:
        """Run a query that changes nothing."""
        ...

    def perform(self, work: "Callable[[PlainDoor], T]") -> Any:
        """Run several steps one after another, through a door whose answers are plain values."""
        ...

    def learn_unit(self, key: str) -> None:
        """Look whether the books hold a unit; a door of tasks raises Unlearnt instead."""
        ...

    def look(self) -> None:
        """Look which catalog is in force; a door of tasks raises Unlearnt instead."""
        ...

    def look_again(self) -> None:
        """Look for a name that no catalog here knows; a door of tasks raises Unlearnt instead."""
        ...


class PlainDoor(Protocol):
    """A door as `Door.perform` hands it over: each step is over when its call returns."""

    def change_all(self, requests: Sequence[Request]) -> list[Result]:
        """Run requests together where that is quicker; give a receipt or an error for each."""
        ...

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query that changes nothing."""
        ...

    def snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run many queries over one unchanging state of the books."""
        ...

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run work that changes rows, but no balance, all of it or nothing."""
        ...


class Within:
    """What stands for a door within a read: there is nothing left to look up."""

    def learn_unit(self, key: str) -> None:
        """Leave a unit as it is known."""

    def look(self) -> None:
        """Leave the catalog in force as it was when the call began."""

    def look_again(self) -> None:
        """Leave a name unknown."""


#: What may have to be read before a verb can say what it asks for: a unit, which catalog is in
#: force, or whether a name that is not known has come into the books.
Lesson = Literal["unit", "catalog", "names"]


class Unlearnt(Exception):
    """A task needs something of the books at once; it must be read without blocking the loop."""

    def __init__(self, lesson: Lesson, key: str = "") -> None:
        self.lesson: Lesson = lesson
        #: The unit's, where it is one.
        self.key = key
        super().__init__(lesson, key)


def plain(result: Result) -> Any:
    """Give the answer, or raise the error."""
    if isinstance(result, BaseException):
        raise result
    return result
