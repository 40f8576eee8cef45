"""What the command line asks the comparison for: which works, how often, how long, how large."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import works
from bench.sides import ROOT
from bench.works import WORKS, Work

#: Where the figures go unless the caller says otherwise; not in the repository's history.
OUTPUT = ROOT / "build" / "bench" / "results.json"
#: A quick run shows that everything works; its figures mean nothing.
QUICK_SECONDS = 1.0
QUICK_CUSTOMERS = 1_000
QUICK_ENTRIES = 20_000
QUICK_EVENTS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for."""

    works: tuple[Work, ...]
    rounds: int
    seconds: float
    customers: int
    entries: int
    events: int
    output: Path


def read_arguments(words: Sequence[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure Tollkeeper, its peer and their floor.")
    names = [work.name for work in WORKS]
    parser.add_argument("--only", action="append", choices=names, help="one work; repeat for more")
    parser.add_argument("--rounds", type=int, help="how often everybody takes a turn (3)")
    parser.add_argument("--seconds", type=float, help="how long a turn takes (10)")
    parser.add_argument("--entries", type=int, help="entries in the large books (5,000,000)")
    parser.add_argument("--events", type=int, help="usage events in books (10,000,000)")
    parser.add_argument("--quick", action="store_true", help="only show that everything works")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file for the figures as JSON")
    asked = parser.parse_args(words)
    quick = asked.quick
    return Asked(
        works=tuple(work for work in WORKS if not asked.only or work.name in asked.only),
        rounds=asked.rounds or (1 if quick else 3),
        seconds=asked.seconds or (QUICK_SECONDS if quick else 10.0),
        customers=QUICK_CUSTOMERS if quick else works.CUSTOMERS,
        entries=asked.entries or (QUICK_ENTRIES if quick else works.ENTRIES),
        events=asked.events or (QUICK_EVENTS if quick else works.EVENTS),
        output=asked.output,
    )
