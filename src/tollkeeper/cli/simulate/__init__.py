"""The command `simulate`: what recorded usage would have come to under another catalog.

Writes nothing: it plays the books, or a recorded stream of LLM calls, and shows what came of it.
"""

import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tollkeeper.cli import answers, screen
from tollkeeper.cli.calls import Call
from tollkeeper.cli.places import database_or_temporary
from tollkeeper.cli.simulate.options import (
    BurnOrder,
    Callers,
    Deposit,
    Feature,
    GeneratedFeature,
    Moves,
    OnlyCustomers,
    Plans,
    Since,
    Traces,
    Until,
)
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import Catalog
    from tollkeeper.values.simulations import Simulation


def simulate(
    call: Call,
    *,
    since: Since = None,
    until: Until = None,
    customer: OnlyCustomers = None,
    move: Moves = None,
    burn_order: BurnOrder = None,
    trace: Traces = None,
    feature: Feature = None,
    generated_feature: GeneratedFeature = None,
    customers: Callers = 100,
    plan: Plans = None,
    deposit: Deposit = None,
) -> None:
    """Play recorded usage again under another catalog: revenue, refusals, breakage and margin.

    --catalog names the catalog to be tried; the one in force is read from the books, or from the
    file that TOLLKEEPER_CATALOG names. Every usage event since --since is decided anew, beginning
    with the balances that customers had then, and set beside what happened. Nothing is written.

    With --trace no books are needed: the file's calls are dealt out to customers who begin with a
    plan and a deposit, so that a price list can be tried before the first customer comes.
    """
    tried = _catalog(call)
    if trace:
        _refuse_beside("a trace", since=since, until=until, customer=customer, move=move)
        played = _Trace(tuple(trace), feature, generated_feature, customers)
        found = _of_trace(call, tried, played, plan or [], deposit)
    else:
        _refuse_beside("the books", feature=feature, plan=plan, deposit=deposit)
        order = [part.strip() for part in burn_order.split(",")] if burn_order else None
        asked = _Books(since, until, tuple(customer or ()), _moves(move or []), order)
        found = _of_books(call, tried, asked)
    _show(call, found, compares=not trace)


class _Books(NamedTuple):
    """What of the books is to be played, and what is different."""

    since: datetime | None
    until: datetime | None
    customers: tuple[str, ...]
    move: dict[str, str] | None
    burn_order: list[str] | None


class _Trace(NamedTuple):
    """Which recorded calls are to be played, and what counts their tokens."""

    files: tuple[Path, ...]
    feature: str | None
    generated: str | None
    customers: int


def _of_books(call: Call, tried: "Catalog", asked: _Books) -> "Simulation":
    """Play the books; the catalog in force is their own, or the environment's."""
    if asked.since is None:
        raise InvalidRequest("Say from when on usage is to be played: --since 2026-01-01.")
    with (
        replace(call, catalog=None).billing() as billing,
        screen.progress("Playing usage") as moved,
    ):
        return billing.books.simulate(
            tried,
            since=asked.since,
            until=asked.until,
            customers=asked.customers or None,
            move=asked.move,
            burn_order=asked.burn_order,
            # Who sees no bar need not wait for the count of what there is.
            progress=moved if sys.stderr.isatty() else None,
        )


def _show(call: Call, found: "Simulation", *, compares: bool) -> None:
    from tollkeeper.cli.simulate.sheets import parts

    answers.show(call, found.to_dict(), lambda: parts(found, compares=compares))


def _of_trace(
    call: Call, tried: "Catalog", asked: _Trace, plans: list[str], deposit: str | None
) -> "Simulation":
    """Play the calls of a trace; the books of the moment are never looked at."""
    from tollkeeper import Money
    from tollkeeper.cli.simulate.trace import usage_of

    if asked.feature is None:
        raise InvalidRequest("Say which feature counts the tokens of the trace: --feature KEY.")
    usage = usage_of(
        asked.files,
        feature=asked.feature,
        generated=asked.generated,
        customers=asked.customers,
    )
    money = None if deposit is None else Money.parse(deposit)
    with (
        database_or_temporary(call, is_asked_for=False) as there,
        there.billing() as billing,
        screen.progress("Playing calls") as moved,
    ):
        return billing.books.simulate_usage(
            tried, usage, plans=plans, deposit=money, progress=moved
        )


def _catalog(call: Call) -> "Catalog":
    """Read the catalog that is to be tried."""
    from tollkeeper import Catalog

    if call.catalog is None:
        raise InvalidRequest("Name the catalog that is to be tried: --catalog new.toml.")
    with suppress(FileNotFoundError):
        return Catalog.load(call.catalog)
    raise InvalidRequest(f"There is no catalog {call.catalog!r}.")


def _moves(texts: list[str]) -> dict[str, str] | None:
    made: dict[str, str] = {}
    for text in texts:
        old, sign, new = text.partition("=")
        if not (old and sign and new):
            raise InvalidRequest(f"--move {text!r} is no move; write it OLD=NEW.")
        made[old.strip()] = new.strip()
    return made or None


def _refuse_beside(source: str, **others: object) -> None:
    for name, value in others.items():
        if value:
            raise InvalidRequest(f"--{name} cannot be said of {source}; leave it out.")
