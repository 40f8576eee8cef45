"""Opens the database that a command works on, or says what is wrong with its URL."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tollkeeper.errors import InvalidRequest, StoreUnavailable

B = TypeVar("B")


def opened(
    kind: Callable[..., B], url: str, schema: str, catalog: str | None, *, makes_file: bool
) -> B:
    """Open a database; a SQLite file that is not there is made only where `makes_file` says so.

    Raises:
        InvalidRequest: the URL names no database of ours, or the catalog cannot be read.
        CatalogError: the catalog has mistakes; each is named with its line.
        StoreUnavailable: the SQLite file does not exist.
    """
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        if not makes_file:
            _check_file(url)
        return kind(url, schema=schema, catalog=catalog)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise InvalidRequest(
            "The database's URL cannot be read; write it like sqlite:///app.db or "
            "postgresql://user:password@host/name."
        ) from error
    except ModuleNotFoundError as error:
        raise InvalidRequest(_missing(error.name or "")) from error


def _check_file(url: str) -> None:
    """Refuse a SQLite file that does not exist: opening it would leave an empty one behind."""
    from sqlalchemy import make_url

    read = make_url(url)
    name = read.database or ":memory:"
    if read.get_backend_name() != "sqlite" or name.startswith((":memory:", "file:")):
        return
    if not Path(name).exists():
        raise StoreUnavailable(
            f"The file {name} does not exist; `tollkeeper migrate` makes it.", file=name
        )


def _missing(module: str) -> str:
    """Say what to do about a driver that is not installed."""
    if module.startswith(("psycopg", "asyncpg")):
        return f"PostgreSQL's driver {module} is missing: pip install 'tollkeeper[postgres]'."
    return "Tollkeeper runs on SQLite and PostgreSQL; the URL names another database."
