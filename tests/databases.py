"""A real PostgreSQL for the tests: one that is offered, else one started here, else an error.

Owns the servers it starts and the databases it creates, and ends or drops exactly those.
It never touches a database that it has not created.
"""

import atexit
import os
import secrets
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.postmaster import PostgresMissing, Postmaster, start_postmaster

DRIVER = "postgresql+psycopg"

#: Schemas of PostgreSQL's own, which an empty database has as well.
OWN_SCHEMAS = ("information_schema", "pg_catalog", "pg_toast")


@dataclass(kw_only=True)
class PostgresServer:
    """A server where tests may create databases; `postmaster` is set when it was started here."""

    address: URL
    postmaster: Postmaster | None = None
    created: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None where somebody else's server is used."""
        return self.postmaster.pid if self.postmaster else None

    def url(self, database: str | None = None) -> str:
        """The SQLAlchemy URL of a database, by default of the one that is always there."""
        address = self.address.set(database=database) if database else self.address
        return address.render_as_string(hide_password=False)

    def create_database(self) -> str:
        """Create an empty database of a name that nobody else has, and return its URL."""
        name = f"tollkeeper_test_{secrets.token_hex(6)}"
        with connect(self.url()) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0")
            connection.execute(statement.format(sql.Identifier(name)))
        self.created.append(name)
        return self.url(name)

    def drop_databases(self) -> None:
        """Drop what `create_database` created, even if a test left a connection open."""
        with connect(self.url()) as connection:
            while self.created:
                statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(statement.format(sql.Identifier(self.created.pop())))

    def stop(self) -> None:
        """End the server if it was started here; otherwise leave it as it was found."""
        atexit.unregister(self.stop)
        if self.postmaster:
            self.postmaster.stop()
        elif self.created:
            self.drop_databases()

    def kill9(self) -> None:
        """Kill the postmaster and all its children at once, as when the machine dies."""
        self._own().kill9()

    def start_again(self) -> None:
        """Start the killed server on the data it left."""
        self._own().start()

    def _own(self) -> Postmaster:
        if self.postmaster is None:
            raise RuntimeError("only a server from start_private_postgres may be killed or started")
        return self.postmaster


def start_postgres() -> PostgresServer:
    """Offer the server that TEST_DATABASE_URL names, else start one."""
    offered = os.environ.get("TEST_DATABASE_URL")
    if not offered:
        return start_private_postgres()
    server = PostgresServer(address=make_url(offered).set(drivername=DRIVER))
    try:
        connect(server.url()).close()
    except psycopg.OperationalError as error:
        raise PostgresMissing(f"TEST_DATABASE_URL does not answer: {error}") from error
    atexit.register(server.stop)
    return server


def start_private_postgres(*, system_first: bool = False, **settings: str) -> PostgresServer:
    """Start a server with data of its own, which a test may kill; `settings` are postgresql.conf's.

    Without settings, durability is PostgreSQL's default: fsync and synchronous_commit are on.
    `system_first` prefers installed programs to the wheel's: a benchmark's are those of production.
    """
    postmaster = start_postmaster(settings, system_first=system_first)
    address = URL.create(
        DRIVER,
        username=postmaster.user,
        database="postgres",
        query={"host": str(postmaster.folder), "port": str(postmaster.port)},
    )
    server = PostgresServer(address=address, postmaster=postmaster)
    atexit.register(server.stop)
    return server


def empty(database_url: str) -> None:
    """Make a database as good as new: end other connections to it, and drop every schema.

    Three times as quick as creating and dropping a database for each test.
    """
    with connect(database_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        found = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname <> ALL (%s) AND nspname !~ '^pg_'",
            [list(OWN_SCHEMAS)],
        ).fetchall()
        for (name,) in found:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        # As PostgreSQL itself makes it in a new database.
        connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


def connect(url: str) -> psycopg.Connection:
    """Open a raw connection in autocommit mode, as CREATE DATABASE asks for."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(conninfo, autocommit=True, connect_timeout=10)
