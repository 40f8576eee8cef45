"""Runs the programs that do the work: one at a time, bounded in time, their memory watched.

Ends no process but those that it started.
"""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.results import RunFailed

#: How often a program's memory is looked at.
WATCH_SECONDS: Final = 0.1
#: How many looks are kept of a run.
MEMORY_SAMPLES: Final = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a program printed, and its resident memory in MB over its last seconds."""

    text: str
    memory_mb: tuple[float, ...]


def run(
    command: Sequence[str],
    *,
    seconds: float,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end, and give what it printed.

    Raises:
        RunFailed: it failed, or did not end in time; then it was ended.
    """
    return watch(command, seconds=seconds, folder=folder, variables=variables).text


def watch(
    command: Sequence[str],
    *,
    seconds: float,
    last_seconds: float = 0.0,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Watched:
    """Run a program to its end, and give what it printed and what memory it had near its end.

    Raises:
        RunFailed: it failed, or did not end in time; then it was ended.
    """
    process = subprocess.Popen(  # noqa: S603  # callers name the programs; nothing of a user's
        command,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        text, complaint, samples = _until_it_ends(process, time.monotonic() + seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        raise RunFailed(f"{command[0]} failed: {(complaint or text)[-2000:]}")
    ended = samples[-1][0] if samples else 0.0
    timed = [memory for moment, memory in samples if moment >= ended - last_seconds]
    return Watched(text=text, memory_mb=tuple(spread(timed, MEMORY_SAMPLES)))


def _until_it_ends(
    process: "subprocess.Popen[str]", deadline: float
) -> tuple[str, str, list[tuple[float, float]]]:
    samples: list[tuple[float, float]] = []
    while True:
        try:
            text, complaint = process.communicate(timeout=WATCH_SECONDS)
        except subprocess.TimeoutExpired:
            samples += _sample(process.pid)
        else:
            return text, complaint, samples
        if time.monotonic() > deadline:
            raise RunFailed(f"{process.args!r} did not end in time")


def _sample(pid: int) -> list[tuple[float, float]]:
    """Look at a process's memory; nothing where it has just ended."""
    try:
        resident = psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return []
    return [(time.monotonic(), round(resident / 1e6, 1))] if resident else []


def spread(values: Sequence[float], most: int) -> list[float]:
    """Keep so many values, evenly spread, the first and the last among them.

    >>> spread([1.0, 2.0, 3.0, 4.0, 5.0], 3)
    [1.0, 3.0, 5.0]
    """
    if len(values) <= most:
        return list(values)
    step = (len(values) - 1) / (most - 1)
    return [values[round(number * step)] for number in range(most)]
