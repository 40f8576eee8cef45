"""The sides of the comparison: each prepares its tables, then does a work when its turn comes.

Every turn is a program of its own, ended when its time is over. A side that cannot be had here says
why (`Missing`); the comparison goes on without it, loudly.
"""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bench.copies import Copies, copies_on
from bench.programs import run, watch
from bench.results import Line, RunFailed, read_line, read_pgbench
from bench.server import Server
from bench.works import CUSTOMERS, Work

ROOT: Final = Path(__file__).resolve().parent.parent
#: Where the peer's program and the floor's statements stand, beside the repository.
SHARED: Final = ROOT.parent / "shared" / "bench"
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollkeeper-bench"
PEER: Final = "stripe-no-webhooks"
PEER_VERSION: Final = "0.0.16"

#: More clients than this would pass PostgreSQL's default of 100 connections.
FLOOR_CLIENTS: Final = 64
INSTALL_SECONDS: Final = 300
SETUP_SECONDS: Final = 300
#: What a program may take beyond its measured time: to start, to warm up, to end.
GRACE_SECONDS: Final = 60


class Missing(Exception):
    """A side cannot be had here; the message says why."""


class Side(Protocol):
    """Somebody who does works."""

    def begin_work(self) -> None:
        """Get ready for a turn, outside of the measured time."""
        ...

    def measure(self, work: Work, seconds: float) -> Line:
        """Do a work for some seconds, and tell how it went."""
        ...


@dataclass(slots=True)
class Ours:
    """Tollkeeper, by its own command, its callers tasks or threads."""

    database: str
    customers: int
    mode: str = "tasks"
    #: What it does whatever the work is, as `tollkeeper bench` reads it; empty for what that says.
    words: tuple[str, ...] = ()
    #: Where the books of each work come from; without it, all works share the same.
    copies: Copies | None = None

    def begin_work(self) -> None:
        """Take a copy of the books."""
        if self.copies is not None:
            self.database = self.copies.next()

    def measure(self, work: Work, seconds: float) -> Line:
        """Run `tollkeeper bench` for one work, and watch its memory."""
        load = ["--callers", str(work.callers), "--distribution", work.distribution]
        load += ["--customers", str(self.customers), "--seconds", str(seconds)]
        operation, *options = self.words or (work.operation, *work.options)
        command = [*bench_command(operation, self.database), *options, *load, "--mode", self.mode]
        told = watch(command, seconds=seconds + GRACE_SECONDS, last_seconds=seconds)
        return {**read_line(told.text), "memory_samples": told.memory_mb}


def set_up_ours(database: str, customers: int, operation: str = "balance") -> str:
    """Make our tables, and give each customer what works like this operation need.

    The command sets up what it needs; one that only looks leaves the balances as they are. Gives
    the database back.
    """
    command = [*bench_command(operation, database), "--customers", str(customers)]
    run([*command, "--callers", "1", "--seconds", "0.1"], seconds=SETUP_SECONDS)
    return database


def bench_command(operation: str, database: str) -> list[str]:
    """Give the words of `tollkeeper bench`, as this environment has it."""
    command = [sys.executable, "-m", "tollkeeper.cli", "bench", operation]
    return [*command, "--json", "--database", database]


@dataclass(slots=True)
class Peer:
    """The TypeScript peer: its own tables, its own program, by Node."""

    modules: Path
    program: Path
    server: Server
    database: str
    copies: Copies | None = None

    def begin_work(self) -> None:
        """Take a copy of its books."""
        if self.copies is not None:
            self.database = self.copies.next()

    def measure(self, work: Work, seconds: float) -> Line:
        """Run the peer's program for one work."""
        load = [str(work.callers), work.distribution, str(seconds)]
        return read_line(self.node("consume_idem", *load, seconds=seconds + GRACE_SECONDS))

    def node(self, *words: str, seconds: float) -> str:
        """Run the peer's program."""
        url = self.server.plain_url(self.database)
        variables = {"PEER_MODULES": str(self.modules), "DATABASE_URL": url}
        return run(["node", str(self.program), *words], seconds=seconds, variables=variables)


def open_peer(server: Server) -> Peer:
    """Install the peer outside of the repository, make its tables, give its customers plenty.

    Raises:
        Missing: there is no Node, no npm, no program for it, or no network to install it from.
    """
    program = SHARED / "peer.js"
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            raise Missing(f"{name} is not installed")
    if not program.exists():
        raise Missing(f"{program.name} is not in ../shared/bench beside the repository")
    home = CACHE / f"{PEER}-{PEER_VERSION}"
    modules = home / "node_modules"
    _install_peer(home, modules)
    peer = Peer(modules, program, server, server.create_database())
    try:
        url = server.plain_url(peer.database)
        migrate = [str(modules / ".bin" / PEER), "migrate", url]
        run(migrate, seconds=SETUP_SECONDS, folder=home)
        peer.node("setup", seconds=SETUP_SECONDS)
    except RunFailed as error:
        raise Missing(f"it could not make its tables: {error}") from error
    peer.copies = copies_on(server, peer.database)
    return peer


def _install_peer(home: Path, modules: Path) -> None:
    manifest = modules / PEER / "package.json"
    if manifest.exists() and json.loads(manifest.read_text())["version"] == PEER_VERSION:
        return
    home.mkdir(parents=True, exist_ok=True)
    options = ["--prefix", str(home), "--no-audit", "--no-fund"]
    command = ["npm", "install", *options, f"{PEER}@{PEER_VERSION}", "pg"]
    try:
        run(command, seconds=INSTALL_SECONDS, folder=home)
    except RunFailed as error:
        raise Missing(f"npm could not install it: {error}") from error


@dataclass(slots=True)
class Floor:
    """What PostgreSQL itself does: one function call a transaction, by pgbench."""

    server: Server
    program: Path
    folder: Path
    copies: Copies
    database: str = ""

    def begin_work(self) -> None:
        """Take a copy of its table."""
        self.database = self.copies.next()

    def measure(self, work: Work, seconds: float) -> Line:
        """Run pgbench for one work, at most with as many clients as a default server admits."""
        clients = min(work.callers, FLOOR_CLIENTS)
        log = self.folder / "floor"
        load = ["-n", "-M", "prepared", "-l", f"--log-prefix={log}", "-f", SHARED / "floor.pgbench"]
        load += ["-D", f"customers={1 if work.distribution == 'hot' else CUSTOMERS}"]
        load += ["-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(1, round(seconds)))]
        command = [self.program, *load, *self.server.place]
        command.append(self.server.name_of(self.database))
        try:
            told = run([str(word) for word in command], seconds=seconds + GRACE_SECONDS)
            return read_pgbench(told, self._microseconds())
        finally:
            for path in self.folder.glob("floor.*"):
                path.unlink()

    def _microseconds(self) -> list[int]:
        """Read the latencies: the third word of each line of pgbench's log."""
        return [
            int(line.split()[2])
            for path in self.folder.glob("floor.*")
            for line in path.read_text().splitlines()
        ]


def open_floor(server: Server, folder: Path) -> Floor:
    """Make the floor's table and function.

    Raises:
        Missing: there is no pgbench, or no statements for it.
    """
    statements = SHARED / "floor.sql"
    program = server.program("pgbench")
    if program is None:
        raise Missing("pgbench is not installed")
    if not statements.exists():
        raise Missing(f"{statements.name} is not in ../shared/bench beside the repository")
    url = server.create_database()
    server.execute(url, statements.read_text())
    return Floor(server, program, folder, copies_on(server, url))
