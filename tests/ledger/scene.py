"""A customer whom bad input could harm, and how to tell that it did not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tollkeeper import Billing
from tollkeeper.errors import TollkeeperError

#: Every table of ours that a call may write to.
TABLES = ("unit", "customer", "profile", "account", "grant_fact", "hold", "operation", "note")

#: Who adjusts, and why.
NOTE: dict[str, Any] = {"reason": "a mistake of ours", "actor": "ann"}

#: What a test does in a room; the room is untyped, since tests hand it what its types forbid.
Call = Callable[[Any], Any]


@dataclass
class Scene:
    """A customer with a grant of 100 and an open hold of 10 of it."""

    billing: Billing
    engine: Engine
    customer: str
    hold: str
    grant: str

    @property
    def room(self) -> Any:
        """The room of credits."""
        return self.billing.credits

    def counts(self) -> dict[str, int]:
        """How many rows each of our tables has."""
        prefix = "tollkeeper." if self.engine.dialect.name == "postgresql" else "tollkeeper_"
        counted = ", ".join(f"(SELECT count(*) FROM {prefix}{name})" for name in TABLES)
        with self.engine.connect() as connection:
            row = connection.execute(text(f"SELECT {counted}")).one()
        return dict(zip(TABLES, row, strict=True))

    @contextmanager
    def nothing_is_written(self) -> Iterator[None]:
        """Whatever happens inside leaves every table and balance as it was."""
        before, balance = self.counts(), self.room.balances(self.customer)
        yield
        assert self.counts() == before
        assert self.room.balances(self.customer) == balance


def refused(code: str, call: Callable[..., Any], *given: Any) -> TollkeeperError:
    """Make a call that must be refused, with this code and a message for people."""
    with pytest.raises(TollkeeperError) as refusal:
        call(*given)
    error = refusal.value
    assert error.code == code, f"{error!r} has the code {error.code}"
    assert error.message
    assert len(error.message) < 500
    return error
