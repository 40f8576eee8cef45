"""A network between a client and PostgreSQL that can be cut where it hurts most: at the commit.

It listens on the loopback and speaks no PostgreSQL; it only looks for a text in what the client
sends. Ends its own threads and sockets, and nothing else.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from sqlalchemy import URL, make_url

#: How PostgreSQL's protocol sends it.
COMMIT = b"COMMIT\0"
#: How long a commit that lingers on its way is late.
LATE_SECONDS = 0.4

Cut = Callable[["Pair", bytes], None]


class Pair:
    """One client's connection, and ours to the server on its behalf."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server

    def close(self) -> None:
        """Hang up on both."""
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()


class Proxy:
    """The network: forwards everything, until it is told to cut."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._pairs: list[Pair] = []
        self._cut: Cut | None = None
        self._where = COMMIT
        self._times = 0
        self._guard = threading.Lock()
        #: How often it has cut.
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The URL of the same database, through this network."""
        address: URL = self._target.set(
            host="127.0.0.1",
            port=self._port,
            query={"sslmode": "disable", "gssencmode": "disable"},
        )
        return address.render_as_string(hide_password=False)

    def arm(self, cut: Cut, *, where: bytes = COMMIT, times: int = 1) -> None:
        """Cut the next few times that a client sends this."""
        with self._guard:
            self._cut, self._where, self._times = cut, where, times

    def hang_up(self) -> None:
        """Cut every connection there is now; new ones may come."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.close()

    def close(self) -> None:
        """Cut everything and take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                pair = Pair(client, self._connect())
            except OSError:
                return
            self._pairs.append(pair)
            for pump in (self._upward, self._downward):
                threading.Thread(target=pump, args=(pair,), daemon=True).start()

    def _connect(self) -> socket.socket:
        host = str(self._target.query.get("host") or self._target.host)
        port = int(str(self._target.query.get("port") or self._target.port or 5432))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _upward(self, pair: Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.client.recv(1 << 16):
                cut = self._armed(data)
                if cut:
                    cut(pair, data)
                    break
                pair.server.sendall(data)
        pair.close()

    def _downward(self, pair: Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.server.recv(1 << 16):
                pair.client.sendall(data)
        pair.close()

    def _armed(self, data: bytes) -> Cut | None:
        with self._guard:
            if not self._times or self._where not in data:
                return None
            self._times -= 1
            self.cuts += 1
            return self._cut


def before(pair: Pair, data: bytes) -> None:
    """Hang up: the server never hears of it."""
    pair.close()


def after(pair: Pair, data: bytes) -> None:
    """Let the server do it, but let nobody hear the answer."""
    pair.client.shutdown(socket.SHUT_RDWR)
    pair.server.sendall(data)
    time.sleep(0.1)


def swallow(pair: Pair, data: bytes) -> None:
    """Keep both connections, and let nothing through any more."""
    time.sleep(LATE_SECONDS * 4)


def late(pair: Pair, data: bytes) -> None:
    """Hang up on the client, while what it sent is still on its way to the server."""
    pair.client.shutdown(socket.SHUT_RDWR)
    time.sleep(LATE_SECONDS)
    pair.server.sendall(data)
    time.sleep(0.1)
