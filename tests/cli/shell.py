"""The command as a process of its own, as a shell starts and stops it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Ended

SHELL = (sys.executable, "-m", "tollkeeper.cli")
#: A shell's background job: a process that ignores Ctrl-C from the start.
BACKGROUND = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "from tollkeeper.cli import main; main()",
)
#: A trial that goes on for longer than any test waits.
LONG_BENCH = ("bench", "consume", "--customers", "5", "--callers", "4", "--seconds", "60")


def shell(*words: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        (*SHELL, *words), capture_output=True, text=True, timeout=60, env={**os.environ, **options}
    )


def stopped(
    by: signal.Signals,
    folder: Path,
    *words: str,
    program: tuple[str, ...] = SHELL,
    seconds: float = 0,
) -> Ended:
    """Start a trial, send it a signal some seconds after it has begun to write, and tell its end.

    Its temporary files are made in the folder.
    """
    with subprocess.Popen(
        (*program, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as running:
        try:
            wait_until(lambda: bool(list(folder.glob("*/tollkeeper.db-wal"))))
            time.sleep(seconds)
            running.send_signal(by)
            out, err = running.communicate(timeout=30)
        finally:
            running.kill()
    return Ended(running.returncode, out, err)


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
