"""The command line as a whole: its nouns, what may stand before them, and how it ends."""

import os
import sys
from collections.abc import Sequence
from typing import Final

import typer

from tollkeeper.cli import (
    ai,
    audit,
    bench,
    catalogs,
    charges,
    charging,
    credits,  # noqa: A004  # it is the noun's own name
    customers,
    demo,
    failures,
    features,
    history,
    limits,
    migrate,
    notices,
    promotions,
    replay,
    run_due,
    simulate,
    subscriptions,
    usage,
    version,
    wallet,
    worker,
)
from tollkeeper.cli.calls import verb
from tollkeeper.cli.shared import (
    DATABASE_VARIABLE,
    CatalogFile,
    Database,
    Json,
    Schema,
    Version,
)

app: Final = typer.Typer(
    name="tollkeeper",
    help="Decide who pays for each use of an app, and keep books that can prove it.",
    epilog="Exit codes: 0 done, 1 a check found something, 2 bad usage, 3 refused by the rules, "
    "4 the database could not be reached.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)


@app.callback()
def before_the_noun(
    context: typer.Context,
    *,
    database: Database = None,
    schema: Schema = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
    shows_version: Version = False,  # noqa: ARG001  # its callback has answered it already
) -> None:
    """Keep what stands before the noun."""
    context.obj = {
        "database": database,
        "schema": schema,
        "catalog": catalog,
        "as_json": as_json,
    }


_CHARGES: Final = "Who pays for a use"
_PLANS: Final = "Plans and what they give"
_ACCOUNTS: Final = "Customers and their balances"
_BOOKS: Final = "The books"
_TRIAL: Final = "To see it work"

verb(app, "charge", changes=True, rich_help_panel=_CHARGES)(charging.charge)
verb(app, "check", rich_help_panel=_CHARGES)(charging.check)
verb(app, "explain", rich_help_panel=_CHARGES)(charging.explain)
app.add_typer(charges.app, name="charges", rich_help_panel=_CHARGES)
app.add_typer(usage.app, name="usage", rich_help_panel=_CHARGES)
app.add_typer(ai.app, name="ai", rich_help_panel=_CHARGES)
app.add_typer(catalogs.app, name="catalog", rich_help_panel=_PLANS)
app.add_typer(subscriptions.app, name="subscriptions", rich_help_panel=_PLANS)
app.add_typer(limits.app, name="limits", rich_help_panel=_PLANS)
app.add_typer(promotions.app, name="promotions", rich_help_panel=_PLANS)
app.add_typer(features.app, name="entitlements", rich_help_panel=_PLANS)
app.add_typer(credits.app, name="credits", rich_help_panel=_ACCOUNTS)
app.add_typer(wallet.app, name="wallet", rich_help_panel=_ACCOUNTS)
app.add_typer(customers.app, name="customers", rich_help_panel=_ACCOUNTS)
verb(app, "history", rich_help_panel=_ACCOUNTS)(history.history)
verb(app, "migrate", makes_file=True, rich_help_panel=_BOOKS)(migrate.migrate)
verb(app, "audit", rich_help_panel=_BOOKS)(audit.audit)
verb(app, "simulate", rich_help_panel=_BOOKS)(simulate.simulate)
verb(app, "run-due", rich_help_panel=_BOOKS)(run_due.run_due)
verb(app, "worker", rich_help_panel=_BOOKS)(worker.worker)
app.add_typer(notices.app, name="notices", rich_help_panel=_BOOKS)
verb(app, "demo", rich_help_panel=_TRIAL)(demo.demo)
verb(app, "replay", is_trial=True, rich_help_panel=_TRIAL)(replay.replay)
app.add_typer(bench.app, name="bench", rich_help_panel=_TRIAL)
verb(app, "version", rich_help_panel=_BOOKS)(version.version)


def _urls(arguments: Sequence[str]) -> list[str]:
    """Give every URL that was typed, wherever it stands, and that of the environment."""
    words = (*arguments, os.environ.get(DATABASE_VARIABLE, ""))
    named = [word.partition("=")[2] if word.startswith("-") else word for word in words]
    return [word for word in (*words, *named) if "://" in word]


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; every failure is told in one line."""
    try:
        code = app(list(arguments), prog_name="tollkeeper", standalone_mode=False)
        if code == failures.INTERRUPTED:
            # Typer turns Ctrl-C into this code, and says nothing.
            raise KeyboardInterrupt
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has seen enough (of a help text, Rich tells by SystemExit).
        # Python would complain once more at its end, if it could not get rid of the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failures.DONE
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  # no user is shown a traceback
        return failures.report(error, as_json="--json" in arguments, urls=_urls(arguments))
    return code if isinstance(code, int) else failures.DONE
