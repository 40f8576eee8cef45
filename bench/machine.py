"""On what machine, and with which programs, something was measured. Looks; changes nothing."""

import os
import platform
import shutil
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil


def describe() -> dict[str, Any]:
    """Name the machine and the programs, but for PostgreSQL, which `server` describes."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "sqlalchemy": version("sqlalchemy"),
        "psycopg": version("psycopg"),
        "tollkeeper": version("tollkeeper"),
        "node": _told("node", "--version"),
        "commit": _told("git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _told(program: str, *words: str) -> str | None:
    """Give what a program says of itself, where there is such a program."""
    found = shutil.which(program)
    if found is None:
        return None
    done = subprocess.run([found, *words], capture_output=True, text=True, check=False)  # noqa: S603  # programs named above
    return done.stdout.strip() or None
