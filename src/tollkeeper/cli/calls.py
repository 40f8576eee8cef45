"""What every command has in common: its database, its form of answer, and how it is declared.

A command is a function whose first argument is the `Call`; `verb` adds the options that all share.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from tollkeeper.cli.options import (
    DATABASE_VARIABLE,
    Actor,
    Database,
    IdempotencyKey,
    Json,
    Metadata,
    Reason,
    Schema,
)
from tollkeeper.errors import InvalidRequest

if TYPE_CHECKING:
    from tollkeeper import AsyncBilling, Billing

B = TypeVar("B")

DEFAULT_SCHEMA: Final = "tollkeeper"

#: A number below zero looks like an option; where one may be written, unknown options are amounts.
NEGATIVE_AMOUNTS: Final = {"ignore_unknown_options": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What was asked beside a command's own arguments."""

    #: URL of the database, if one was named.
    database: str | None
    #: Our schema, or our tables' prefix on SQLite.
    schema: str = DEFAULT_SCHEMA
    #: Whether the answer is one line of JSON.
    as_json: bool = False
    #: Key, reason, actor and metadata of a change; only those that were given.
    change: Mapping[str, Any] = field(default_factory=dict)

    def billing(self) -> "Billing":
        """Open the database for one command; close it with `with`."""
        from tollkeeper import Billing

        return _opened(self, Billing)

    def async_billing(self) -> "AsyncBilling":
        """Open the database for many calls at once; close it with `async with`."""
        from tollkeeper import AsyncBilling

        return _opened(self, AsyncBilling)


def verb(
    app: typer.Typer,
    name: str,
    *,
    changes: bool = False,
    takes_metadata: bool = True,
    **settings: Any,
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Declare a command; `changes` adds the options of every change to those of every command.

    Where metadata is a customer's own and not that of the operation, `takes_metadata` is false.
    """

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        shared = _parameters(_of_every_change) if changes else []
        shared += _parameters(_with_metadata) if changes and takes_metadata else []
        shared += _parameters(_of_every_command)

        def run(context: typer.Context, **given: Any) -> int | None:
            ours = {each.name: given.pop(each.name) for each in shared}
            return function(_call(context, ours), **given)

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


def _of_every_change(
    *,
    idempotency_key: IdempotencyKey = None,
    reason: Reason = None,
    actor: Actor = None,
) -> None: ...


def _with_metadata(*, metadata: Metadata = None) -> None: ...


def _parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _call(context: typer.Context, given: Mapping[str, Any]) -> Call:
    """Join what stands behind the verb with what stands before the noun; the nearer one wins."""
    before: Mapping[str, Any] = context.obj or {}
    names = ("idempotency_key", "reason", "actor", "metadata")
    return Call(
        database=given["database"] or before.get("database") or os.environ.get(DATABASE_VARIABLE),
        schema=given["schema"] or before.get("schema") or DEFAULT_SCHEMA,
        as_json=given["as_json"] or bool(before.get("as_json")),
        change={name: given[name] for name in names if given.get(name) is not None},
    )


def _opened(call: Call, kind: Callable[..., B]) -> B:
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    if not call.database:
        raise InvalidRequest(
            f"Name the database: --database sqlite:///app.db, or the variable {DATABASE_VARIABLE}."
        )
    try:
        return kind(call.database, schema=call.schema)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise InvalidRequest(
            "The database's URL cannot be read; write it like sqlite:///app.db or "
            "postgresql://user:password@host/name."
        ) from error
    except ModuleNotFoundError as error:
        raise InvalidRequest(_missing(error.name or "")) from error


def _missing(module: str) -> str:
    """Say what to do about a driver that is not installed."""
    if module.startswith(("psycopg", "asyncpg")):
        return f"PostgreSQL's driver {module} is missing: pip install 'tollkeeper[postgres]'."
    return "Tollkeeper runs on SQLite and PostgreSQL; the URL names another database."
