"""The command `simulate`: what recorded usage would have come to under another catalog.

Writes nothing: it plays the books, or a recorded stream of LLM calls, and shows what came of it.
"""

import os
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tollkeeper.cli import answers, parsing, screen
from tollkeeper.cli.calls import Call
from tollkeeper.cli.places import database_or_temporary
from tollkeeper.cli.shared import CATALOG_VARIABLE
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import Catalog
    from tollkeeper.values.simulations import Simulation

_BOOKS: Final = "Of the books"
_TRACE: Final = "Of a recorded stream of LLM calls"


def simulate(
    call: Call,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            parser=parsing.moment,
            help="From when on usage is played; needed unless --trace is given.",
            rich_help_panel=_BOOKS,
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            parser=parsing.moment,
            help="Before when usage is played; now unless given.",
            rich_help_panel=_BOOKS,
        ),
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="Only this customer; may be repeated.", rich_help_panel=_BOOKS
        ),
    ] = None,
    move: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help="Which plan takes the place of another; may be repeated.",
            rich_help_panel=_BOOKS,
        ),
    ] = None,
    burn_order: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCES",
            help="Sources of grants that burn first, such as promotion,allowance,purchase.",
            rich_help_panel=_BOOKS,
        ),
    ] = None,
    trace: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="CSV file as `replay` reads it, instead of the books; may be repeated.",
            rich_help_panel=_TRACE,
        ),
    ] = None,
    feature: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="The feature that counts tokens; of the context alone where --generated-feature "
            "counts the others.",
            rich_help_panel=_TRACE,
        ),
    ] = None,
    generated_feature: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="The feature of generated tokens.", rich_help_panel=_TRACE
        ),
    ] = None,
    customers: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=10_000, help="How many customers call.", rich_help_panel=_TRACE
        ),
    ] = 100,
    plan: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="The plan that customers are on; several are dealt out in turn.",
            rich_help_panel=_TRACE,
        ),
    ] = None,
    deposit: Annotated[
        str | None,
        typer.Option(
            metavar="MONEY",
            help="What each wallet begins with, such as '5.00 usd'.",
            rich_help_panel=_TRACE,
        ),
    ] = None,
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
        _refuse_beside("--trace", since=since, until=until, customer=customer, move=move)
        found = _of_trace(
            call, tried, trace, (feature, generated_feature), customers, plan or [], deposit
        )
    else:
        if since is None:
            raise InvalidRequest("Say from when on usage is to be played: --since 2026-01-01.")
        order = [part.strip() for part in burn_order.split(",")] if burn_order else None
        with replace(call, catalog=os.environ.get(CATALOG_VARIABLE)).billing() as billing:
            with screen.progress("Playing usage") as moved:
                found = billing.books.simulate(
                    tried,
                    since=since,
                    until=until,
                    customers=customer or None,
                    move=_moves(move or []),
                    burn_order=order,
                    progress=moved,
                )
    _show(call, found, compares=not trace)


def _show(call: Call, found: "Simulation", *, compares: bool) -> None:
    from tollkeeper.cli.simulate.sheets import parts

    answers.show(call, found.to_dict(), lambda: parts(found, compares=compares))


def _of_trace(
    call: Call,
    tried: "Catalog",
    traces: list[Path],
    features: tuple[str | None, str | None],
    customers: int,
    plans: list[str],
    deposit: str | None,
) -> "Simulation":
    """Play the calls of a trace; the books of the moment are never looked at."""
    from tollkeeper import Money
    from tollkeeper.cli.simulate.trace import usage_of

    feature, generated = features
    if feature is None:
        raise InvalidRequest("Say which feature counts the tokens of the trace: --feature KEY.")
    usage = usage_of(traces, feature=feature, generated=generated, customers=customers)
    money = None if deposit is None else Money.parse(deposit)
    with database_or_temporary(call, is_asked_for=False) as there:
        with replace(there, catalog=None).billing() as billing:
            with screen.progress("Playing calls") as moved:
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


def _refuse_beside(option: str, **others: object) -> None:
    for name, value in others.items():
        if value:
            raise InvalidRequest(f"--{name} is about the books; leave it out beside {option}.")
