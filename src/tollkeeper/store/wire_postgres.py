"""A conversation with PostgreSQL in whole exchanges, over psycopg's own binding of libpq.

A statement that gives no rows waits for one that does, or for the commit, and travels with it in
libpq's pipeline mode: a batch takes two round trips instead of five. Much of what waits sets out
before, so that the server works while the rest is written. Prepares its statements, so it must
never be used where a pooler could hand each transaction to another server process.
"""

import re
import selectors
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tollkeeper.errors import BrokenInvariant

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

#: So many statements are prepared on a connection (ours are a few dozen); others are just sent.
MOST_PREPARED = 300
#: How long a server may say nothing at all: our statements take far less, locks included.
ANSWER_SECONDS = 60
#: How many bytes of what waits set out at once; less is not worth waking the server for.
SET_OUT_BYTES = 32_768
#: What a server says of a prepared statement that it does not know, or that no longer fits.
_STALE = frozenset({"26000", "0A000"})

#: A parameter in our statements: `:name`, but not a cast `::type` or the end of a word.
PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")


class Statement(NamedTuple):
    """A statement that waits to be sent."""

    sql: bytes
    values: list[bytes | None]


class PostgresWire:
    """The exchanges of one connection, which a single thread uses."""

    def __init__(self, raw: Any, begin: str) -> None:
        from psycopg import pq
        from psycopg.adapt import Transformer

        self._libpq = raw.pgconn
        self._begin = Statement(begin.encode(), [])
        self._reader = Transformer(raw)
        self._synced = pq.ExecStatus.PIPELINE_SYNC
        self._failed = pq.ExecStatus.FATAL_ERROR
        self._done = pq.ExecStatus.COMMAND_OK
        self._idle = pq.TransactionStatus.IDLE
        self._good = pq.ConnStatus.OK
        self._waiting: list[Statement] = []
        self._waiting_bytes = 0
        #: What set out already, and is not answered yet: see `_send`.
        self._under_way: list[tuple[bytes, bytes]] = []
        self._is_broken = False
        #: The names of prepared statements, and how many there ever were.
        self._prepared: dict[bytes, bytes] = {}
        self._named = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._libpq.socket, selectors.EVENT_READ)

    def begin(self) -> None:
        """Begin a transaction, together with its first query."""
        self._waiting.append(self._begin)

    def run(self, sql: str, values: Mapping[str, Any]) -> None:
        """Have a statement that gives no rows sent with the next query or the commit, or before."""
        statement = _statement(sql, values)
        self._waiting.append(statement)
        self._waiting_bytes += sum([len(value) for value in statement.values if value])
        if self._waiting_bytes >= SET_OUT_BYTES:
            self._set_out()
            self._libpq.flush()

    def fetch(self, sql: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run what waits, then a query; give its rows."""
        self._waiting.append(_statement(sql, values))
        result = self._exchange()
        self._reader.set_pgresult(result)
        rows: Sequence[Any] = self._reader.load_rows(0, result.ntuples, tuple)
        return rows

    def flush(self) -> None:
        """Run what waits."""
        if self._waiting or self._under_way:
            self._exchange()

    def commit(self) -> None:
        """Run what waits, and commit; what the server answers with an error is not committed."""
        self._waiting.append(_COMMIT)
        if self._exchange().command_status != b"COMMIT":
            # How PostgreSQL answers in a transaction that had failed: it is an answer, no error.
            raise BrokenInvariant("The transaction had failed before; nothing was committed.")

    def roll_back(self) -> None:
        """Forget what waits, and end the transaction where the server knows of one."""
        self._waiting, self._waiting_bytes = [], 0
        if self._under_way:
            # What the server says of it does not matter any more.
            self._answers()
        if self._is_broken or self._libpq.transaction_status != self._idle:
            self._waiting.append(_ROLLBACK)
            self._exchange()

    def close(self) -> None:
        """Let go of what waiting needs; the connection stays."""
        self._selector.close()

    def _exchange(self) -> "PGresult":
        """Send what waits and receive all answers; give the last, or raise the first failure."""
        self._set_out()
        results = self._answers()
        failure = next((result for result in results if result.status == self._failed), None)
        if failure is not None:
            raise self._failure(failure)
        return results[-1]

    def _set_out(self) -> None:
        """Hand what waits to libpq, which sends it along; the answers are still to be received."""
        statements, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not self._under_way:
            if self._is_broken:
                raise self._lost(())
            # Until all answers are in, nobody knows where the conversation stands.
            self._is_broken = True
            self._libpq.enter_pipeline_mode()
        self._send(statements)

    def _answers(self) -> list["PGresult"]:
        """Receive the answers to all that set out."""
        sent, self._under_way = self._under_way, []
        self._libpq.pipeline_sync()
        self._push()
        results = self._receive()
        self._libpq.exit_pipeline_mode()
        self._is_broken = False
        # What was prepared stays, whatever became of the transaction.
        self._prepared.update(
            (sql, name)
            for (sql, name), result in zip(sent, results, strict=False)
            if sql and result.status == self._done
        )
        return results

    def _send(self, statements: Sequence[Statement]) -> None:
        """Queue statements for libpq, new ones to be prepared first.

        Notes the statement and its new name for each result that will come of it, both empty where
        nothing is prepared.
        """
        new = {sql: name for sql, name in self._under_way if sql}
        for sql, values in statements:
            name = self._prepared.get(sql) or new.get(sql)
            if name is None and len(self._prepared) >= MOST_PREPARED:
                self._libpq.send_query_params(sql, values)
                self._under_way.append((b"", b""))
                continue
            if name is None:
                self._named += 1
                # Its first word tells whoever looks at the network's traffic what it is.
                name = new[sql] = b"tollkeeper_%d_%s" % (self._named, sql.split(maxsplit=1)[0])
                self._libpq.send_prepare(name, sql)
                self._under_way.append((sql, name))
            self._libpq.send_query_prepared(name, values)
            self._under_way.append((b"", b""))

    def _push(self) -> None:
        """Hand all that was queued to the network, taking in what comes meanwhile."""
        if not self._libpq.flush():
            return
        self._selector.modify(self._libpq.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
        try:
            while self._libpq.flush():
                for _, events in self._wait():
                    if events & selectors.EVENT_READ:
                        self._libpq.consume_input()
        finally:
            self._selector.modify(self._libpq.socket, selectors.EVENT_READ)

    def _receive(self) -> list["PGresult"]:
        """Receive every result up to the point where both sides have said all."""
        libpq = self._libpq
        results: list[PGresult] = []
        while True:
            while libpq.is_busy():
                self._wait()
                libpq.consume_input()
            result = libpq.get_result()
            if result is not None:
                if result.status == self._synced:
                    return results
                results.append(result)
            elif libpq.status != self._good:
                raise self._lost(results)

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until the connection can be read, or written where that was asked for."""
        ready = self._selector.select(ANSWER_SECONDS)
        if not ready:
            from psycopg import OperationalError

            raise OperationalError(f"the server has not answered for {ANSWER_SECONDS} seconds")
        return ready

    def _lost(self, results: Sequence["PGresult"]) -> Exception:
        """Say why the connection broke, in the server's words where it still had some."""
        from psycopg import OperationalError

        last = results[-1] if results else None
        if last is not None and last.status == self._failed:
            return self._failure(last)
        return OperationalError(self._libpq.get_error_message() or "the connection is broken")

    def _failure(self, result: "PGresult") -> Exception:
        from psycopg.errors import error_from_result

        failure = error_from_result(result)
        if failure.sqlstate in _STALE:
            self._prepared.clear()
        return failure


def _statement(sql: str, values: Mapping[str, Any]) -> Statement:
    """Write a statement as libpq takes it."""
    text, names = _with_numbers(sql)
    return Statement(text, [_written(values[name]) for name in names])


_COMMIT = Statement(b"COMMIT", [])
_ROLLBACK = Statement(b"ROLLBACK", [])


def _written(value: Any) -> bytes | None:
    """Write a parameter as PostgreSQL reads it from text."""
    if value is None:
        return None
    return str(value).encode()


@lru_cache(maxsize=512)
def _with_numbers(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Write `:name` as PostgreSQL's own `$1`; give the names in the order of their numbers."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}"

    return PARAMETER.sub(number, sql).encode(), tuple(names)
