"""What every command has in common: its database, its form of answer, and how it is declared.

A command is a function whose first argument is the `Call`; `verb` adds the options that all share.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer

from tollkeeper.cli.causes import explained
from tollkeeper.cli.opening import opened
from tollkeeper.cli.shared import (
    ACTOR_VARIABLE,
    CATALOG_VARIABLE,
    DATABASE_VARIABLE,
    Actor,
    ActorByHand,
    CatalogFile,
    Database,
    IdempotencyKey,
    Json,
    Metadata,
    Reason,
    ReasonByHand,
    Schema,
    TrialDatabase,
)
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling, Billing

DEFAULT_SCHEMA: Final = "tollkeeper"

#: A number below zero looks like an option; where one may be written, unknown options are amounts.
NEGATIVE_AMOUNTS: Final = {"ignore_unknown_options": True}
#: What the help of every change by hand says below its own words.
BY_HAND: Final = "A change by hand: --reason and --actor must be given."


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was asked beside a command's own arguments."""

    #: URL of the database, if an option names it; otherwise the environment does.
    database: str | None
    #: Our schema, or our tables' prefix on SQLite.
    schema: str = DEFAULT_SCHEMA
    #: The catalog's file, if an option names it; otherwise the environment does.
    catalog: str | None = None
    #: Whether the answer is one line of JSON.
    as_json: bool = False
    #: Key, reason, actor and metadata of a change; only those that were given.
    change: Mapping[str, Any] = field(default_factory=dict)
    #: Whether a SQLite file that is not there is made.
    makes_file: bool = False

    def billing(self) -> "Billing":
        """Open the database for one command; close it with `with`."""
        from tollkeeper import Billing

        return opened(
            Billing, self.url(), self.schema, self.catalog_file(), makes_file=self.makes_file
        )

    @contextmanager
    def correcting(self, *customers: str) -> "Iterator[Billing]":
        """Open the database for a correction of customers who are there.

        Of one who is not, a correction would make a customer with empty books: an id with a slip.
        Raises CustomerNotFound.
        """
        with self.billing() as billing:
            for customer in customers:
                billing.customers.get(customer)
            yield billing

    def async_billing(self) -> "AsyncBilling":
        """Open the database for many calls at once; close it with `async with`."""
        from tollkeeper import AsyncBilling

        return opened(
            AsyncBilling, self.url(), self.schema, self.catalog_file(), makes_file=self.makes_file
        )

    def catalog_file(self) -> str | None:
        """Give the catalog's file: the option's, otherwise the environment's; None for none."""
        return self.catalog or os.environ.get(CATALOG_VARIABLE) or None

    def url(self) -> str:
        """Give the database's URL: the option's, otherwise the environment's."""
        url = self.database or os.environ.get(DATABASE_VARIABLE)
        if not url:
            raise InvalidRequest(
                "Name the database: --database sqlite:///app.db, or the variable "
                f"{DATABASE_VARIABLE}."
            )
        return url


def verb(
    app: typer.Typer,
    name: str,
    *,
    changes: bool = False,
    by_hand: bool = False,
    takes_metadata: bool = True,
    is_trial: bool = False,
    makes_file: bool = False,
    **settings: Any,
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Declare a command; `changes` adds the options of every change to those of every command.

    A change `by_hand` is one, and is refused without its reason and its actor (I2).
    Where metadata is a customer's own and not that of the operation, `takes_metadata` is false.
    A trial writes entries of its own, and so leaves alone the database that the environment names.
    Where a SQLite file that is not there is to be made, `makes_file` is true.
    """

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        shared = _of_a_change(by_hand=by_hand) if changes or by_hand else []
        shared += _parameters(_with_metadata) if shared and takes_metadata else []
        shared += _parameters(_of_every_trial if is_trial else _of_every_command)

        def run(context: typer.Context, **given: Any) -> int | None:
            ours = {each.name: given.pop(each.name) for each in shared}
            if by_hand:
                _check_why(ours, context.command_path)
            with explained(ours["database"], *_named_around(context)):
                return function(_call(context, ours, makes_file=makes_file), **given)

        own = list(inspect.signature(function).parameters.values())[1:]
        signature = inspect.signature(run)
        parameters = [signature.parameters["context"], *own, *shared]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # how a wrapper declares itself
        app.command(name, help=_help(function, by_hand=by_hand), **settings)(run)
        return function

    return register


def _help(function: Callable[..., Any], *, by_hand: bool) -> str:
    """Take a docstring as a help text: each paragraph as one line, which the terminal wraps."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    paragraphs += [BY_HAND] if by_hand else []
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _of_every_command(
    *,
    database: Database = None,
    schema: Schema = None,
    catalog: CatalogFile = None,
    as_json: Json = False,
) -> None: ...


def _of_every_trial(
    *,
    database: TrialDatabase = None,
    schema: Schema = None,
    as_json: Json = False,
) -> None: ...


def _of_every_change(
    *,
    idempotency_key: IdempotencyKey = None,
    reason: Reason = None,
    actor: Actor = None,
) -> None: ...


def _of_every_change_by_hand(
    *,
    idempotency_key: IdempotencyKey = None,
    reason: ReasonByHand = None,
    actor: ActorByHand = None,
) -> None: ...


def _with_metadata(*, metadata: Metadata = None) -> None: ...


def _of_a_change(*, by_hand: bool) -> list[inspect.Parameter]:
    return _parameters(_of_every_change_by_hand if by_hand else _of_every_change)


def _check_why(given: Mapping[str, Any], command: str) -> None:
    """Demand a reason and an actor, in words: a person who changes the books answers for it."""
    named = {"reason": "--reason TEXT", "actor": f"--actor WHO, or the variable {ACTOR_VARIABLE}"}
    missing = [how for name, how in named.items() if not (given[name] or "").strip()]
    if missing:
        raise InvalidRequest(
            f"`{command}` is a change by hand, which names its reason and its actor: add "
            f"{' and '.join(missing)}."
        )


def _parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _named_around(context: typer.Context) -> tuple[str | None, str | None]:
    """Give the databases that are named before the noun and in the environment."""
    return (context.obj or {}).get("database"), os.environ.get(DATABASE_VARIABLE)


def _call(context: typer.Context, given: Mapping[str, Any], *, makes_file: bool) -> Call:
    """Join what stands behind the verb with what stands before the noun; the nearer one wins."""
    before: Mapping[str, Any] = context.obj or {}
    names = ("idempotency_key", "reason", "actor", "metadata")
    return Call(
        database=_nearer("database", given, before),
        schema=_nearer("schema", given, before) or DEFAULT_SCHEMA,
        catalog=_nearer("catalog", given, before),
        as_json=given["as_json"] or bool(before.get("as_json")),
        change={name: given[name] for name in names if given.get(name) is not None},
        makes_file=makes_file,
    )


def _nearer(name: str, given: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """Give what was written; an empty text is what a shell makes of a variable that is not set."""
    for written in (given.get(name), before.get(name)):
        if written == "":
            raise InvalidRequest(f"--{name} is empty; is the variable set that was to name it?")
    near = given.get(name)
    found: str | None = near if near is not None else before.get(name)
    return found
