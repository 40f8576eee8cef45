"""What every command has in common: its database, its form of answer, and how it is declared.

A command is a function whose first argument is the `Call`; `verb` adds the options that all share.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import typer

from tollkeeper.cli.causes import explained
from tollkeeper.cli.opening import opened
from tollkeeper.cli.options import (
    DATABASE_VARIABLE,
    Actor,
    Database,
    IdempotencyKey,
    Json,
    Metadata,
    Reason,
    Schema,
    TrialDatabase,
)
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling, Billing

DEFAULT_SCHEMA: Final = "tollkeeper"

#: A number below zero looks like an option; where one may be written, unknown options are amounts.
NEGATIVE_AMOUNTS: Final = {"ignore_unknown_options": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was asked beside a command's own arguments."""

    #: URL of the database, if an option names it; otherwise the environment does.
    database: str | None
    #: Our schema, or our tables' prefix on SQLite.
    schema: str = DEFAULT_SCHEMA
    #: Whether the answer is one line of JSON.
    as_json: bool = False
    #: Key, reason, actor and metadata of a change; only those that were given.
    change: Mapping[str, Any] = field(default_factory=dict)
    #: Whether a SQLite file that is not there is made.
    makes_file: bool = False

    def billing(self) -> "Billing":
        """Open the database for one command; close it with `with`."""
        from tollkeeper import Billing

        return opened(Billing, self.url(), self.schema, makes_file=self.makes_file)

    def async_billing(self) -> "AsyncBilling":
        """Open the database for many calls at once; close it with `async with`."""
        from tollkeeper import AsyncBilling

        return opened(AsyncBilling, self.url(), self.schema, makes_file=self.makes_file)

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
    takes_metadata: bool = True,
    is_trial: bool = False,
    makes_file: bool = False,
    **settings: Any,
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Declare a command; `changes` adds the options of every change to those of every command.

    Where metadata is a customer's own and not that of the operation, `takes_metadata` is false.
    A trial writes entries of its own, and so leaves alone the database that the environment names.
    Where a SQLite file that is not there is to be made, `makes_file` is true.
    """

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        shared = _parameters(_of_every_change) if changes else []
        shared += _parameters(_with_metadata) if changes and takes_metadata else []
        shared += _parameters(_of_every_trial if is_trial else _of_every_command)

        def run(context: typer.Context, **given: Any) -> int | None:
            ours = {each.name: given.pop(each.name) for each in shared}
            with explained(ours["database"], *_named_around(context)):
                return function(_call(context, ours, makes_file=makes_file), **given)

        own = list(inspect.signature(function).parameters.values())[1:]
        signature = inspect.signature(run)
        parameters = [signature.parameters["context"], *own, *shared]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # how a wrapper declares itself
        app.command(name, help=_help(function), **settings)(run)
        return function

    return register


def _help(function: Callable[..., Any]) -> str:
    """Take a docstring as a help text: each paragraph as one line, which the terminal wraps."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _of_every_command(
    *, database: Database = None, schema: Schema = None, as_json: Json = False
) -> None: ...


def _of_every_trial(
    *, database: TrialDatabase = None, schema: Schema = None, as_json: Json = False
) -> None: ...


def _of_every_change(
    *,
    idempotency_key: IdempotencyKey = None,
    reason: Reason = None,
    actor: Actor = None,
) -> None: ...


def _with_metadata(*, metadata: Metadata = None) -> None: ...


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
        as_json=given["as_json"] or bool(before.get("as_json")),
        change={name: given[name] for name in names if given.get(name) is not None},
        makes_file=makes_file,
    )


def _nearer(name: str, given: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """Give what was written; an empty text is what a shell makes of a variable that is not set."""
    for written in (given[name], before.get(name)):
        if written == "":
            raise InvalidRequest(f"--{name} is empty; is the variable set that was to name it?")
    found: str | None = given[name] if given[name] is not None else before.get(name)
    return found
