"""The command `replay`: charges a recorded stream of real LLM calls, and shows that the books hold.

It uses the wallet and not credits, because LLM calls are priced in money: a token costs so small a
fraction of a cent that only a balance with nine decimal digits, rated exactly and rounded once per
call, adds up.
"""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.places import database_or_temporary
from tollkeeper.errors import InvalidRequest

_RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def replay(
    call: Call,
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE",
            help="CSV file with the columns TIMESTAMP, ContextTokens and GeneratedTokens.",
        ),
    ],
    *,
    run: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Names this run; by default as the file is called."),
    ] = None,
    price_per_token: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Price of a context token, in the currency.")
    ] = "0.0000025",  # noqa: S107  # a price, no password
    price_per_generated_token: Annotated[
        str, typer.Option(metavar="AMOUNT", help="Price of a generated token, in the currency.")
    ] = "0.00001",  # noqa: S107  # a price, no password
    currency: Annotated[str, typer.Option(metavar="CODE", help="ISO 4217 code.")] = "usd",
    customers: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="How many customers call.")
    ] = 100,
    callers: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="How many calls run side by side.")
    ] = 64,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N calls.")
    ] = None,
) -> int:
    """Charge a recorded stream of LLM calls: for each a hold of an estimate, then a settle.

    The calls are spread evenly over customers whose wallets get half to twice of what their calls
    cost, so that some run dry: their calls are refused, and counted. The estimate is the context,
    which is known, plus the 95th percentile of the tokens generated so far in the stream.

    The whole file is checked before anything is written. At the end come a summary, an audit of the
    books and the calls per second; exit code 1 means that the audit found something.

    A run can be repeated: every deposit, hold and settle has a key made of the run's name and the
    row's number, so a second run of the same name on the same database changes nothing, and one
    that was broken off goes on. With other prices or customers, give it another --run.

    It writes into the database that --database names; TOLLKEEPER_DATABASE_URL is not read. Without
    --database it works in a SQLite file that is deleted afterwards.
    """
    from tollkeeper.cli.replay.playing import Asked, play
    from tollkeeper.cli.replay.pricing import Prices, price

    prices = Prices(
        currency=currency,
        context=price(price_per_token, "--price-per-token"),
        generated=price(price_per_generated_token, "--price-per-generated-token"),
    )
    name = run_name(run, trace)
    asked = Asked(trace, name, prices, limit=limit, customers=customers, callers=callers)
    with database_or_temporary(call) as there:
        played = play(there, asked, migrate=there is not call)
    answers.show(call, played.to_dict(), played.parts)
    return DONE if played.report.ok else FOUND


def run_name(run: str | None, trace: Path) -> str:
    """Choose the run's name: the one given, or the file's.

    Raises:
        InvalidRequest: it cannot be part of a customer's id.
    """
    name = trace.stem if run is None else run
    if not _RUN.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} is no name for a run; give --run 1 to 64 letters, digits, '_', '.' or '-', "
            "beginning with a letter or digit."
        )
    return name
