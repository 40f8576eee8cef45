"""A make-believe AI vendor on loopback, for the real clients of OpenAI and Anthropic.

It speaks HTTP and server-sent events as they do, and fails as they do: rate limits, errors, a slow
first byte, and connections that break in the middle of a stream. What it answers is said before,
answer by answer; what it was asked is kept, so that a test can count the calls.
"""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.metering.wire import Answer, Event, error_of, events, whole

#: Longest request that is read.
MAXIMUM_BYTES = 1_000_000


class Vendor:
    """A running make-believe vendor: what it will answer, and what it was asked."""

    def __init__(self, address: tuple[str, int]) -> None:
        host, port = address
        #: What to give a client as its base URL; OpenAI's wants `/v1` at the end.
        self.url = f"http://{host}:{port}"
        #: The bodies of the requests so far.
        self.requests: list[dict[str, Any]] = []
        self._answers: deque[Answer] = deque()
        self._lock = threading.Lock()

    def will(self, *answers: Answer) -> None:
        """Say what the next requests are answered; later ones get a plain answer."""
        with self._lock:
            self._answers.extend(answers)

    def answer(self, request: dict[str, Any]) -> Answer:
        """Keep a request, and take the answer to it."""
        with self._lock:
            self.requests.append(request)
            return self._answers.popleft() if self._answers else Answer()


class _Server(ThreadingHTTPServer):
    """A server that knows which vendor it plays."""

    vendor: Vendor
    # A client may keep its connection open; nobody waits for it at the end.
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:  # the base class calls it so
        """Answer one request; a client that has hung up meanwhile misses nothing."""
        with suppress(ConnectionError):
            self._answer()

    def _answer(self) -> None:
        api = self.path.removeprefix("/v1/").partition("?")[0]
        length = min(int(self.headers.get("content-length", 0)), MAXIMUM_BYTES)
        request = json.loads(self.rfile.read(length))
        answer = self.server.vendor.answer(request)
        time.sleep(answer.first_byte_seconds)
        if answer.status != 200:
            self._send(answer.status, error_of(api, answer.status))
        elif request.get("stream"):
            self._stream(events(api, answer, request["model"], request), answer.cut_after)
        else:
            self._send(200, whole(api, answer, request["model"]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's word
        """Say nothing: what was asked is kept."""

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        # Clients wait that long before they try again.
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, stream: Iterator[Event], cut_after: int | None) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, (name, data) in enumerate(stream):
            if number == cut_after:
                self._cut()
                return
            text = data if isinstance(data, str) else json.dumps(data)
            self._chunk((f"event: {name}\n" if name else "") + f"data: {text}\n\n")
        self._chunk("")

    def _chunk(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def _cut(self) -> None:
        """Break the connection, with the body unfinished."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving() -> Iterator[Vendor]:
    """Run a make-believe vendor for a while, on a free port of loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    host, port = server.server_address[:2]
    vendor = server.vendor = Vendor((str(host), int(port)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
