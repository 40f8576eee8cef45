"""A process of its own that charges as it is told, a line of JSON for each command and each answer.

Run by the tests as `python -m tests.charging.workers URL`. Ends with its standard input.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.charging.scene import START
from tests.charging.shop import shop
from tests.doors.scenes import outcome
from tests.doors.workers import ROOT, Worker, say
from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.errors import TollkeeperError

THREADS = 3
#: What a process that charges without end charges for, in turn.
FEATURES = ("call", "word", "tier", "post", "film", "gift", "scan", "movie")


def start(url: str) -> Worker:
    """Start a worker over some books."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.charging.workers", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Worker(process)


def attempt(billing: Billing, customer: str, feature: str, attempts: int) -> int:
    """Charge 1 as often as told, from several threads; tell how often it went well."""

    def some(_: int) -> int:
        each = range(attempts // THREADS)
        return sum(billing.try_charge(customer, feature, 1).success for _ in each)

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(some, range(THREADS)))


def keyed(billing: Billing, customer: str, feature: str, quantity: int, key: str) -> list[str]:
    """Charge under one key from several threads; tell the receipts, or the codes of errors."""

    def one(_: int) -> str:
        found = outcome(lambda: billing.charge(customer, feature, quantity, idempotency_key=key))
        return found.code if isinstance(found, TollkeeperError) else found.to_json()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, range(THREADS)))


def forever(billing: Billing, customers: list[str]) -> None:
    """Charge all kinds of things under keys until killed; tell every call before and after it."""

    def one(number: int) -> None:
        turn = 0
        while True:
            turn += 1
            feature, customer = FEATURES[turn % len(FEATURES)], customers[turn % len(customers)]
            key = f"{number}-{turn}"
            say({"asked": key, "customer": customer, "feature": feature})
            found = outcome(lambda: billing.charge(customer, feature, 1, idempotency_key=key))  # noqa: B023  # called at once
            name = None if isinstance(found, TollkeeperError) else found.operation_id
            say({"answered": key, "operation": name})

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(one, range(THREADS)))


COMMANDS: dict[str, Callable[..., Any]] = {"attempt": attempt, "keyed": keyed, "forever": forever}


def main(url: str) -> None:
    """Do what is told until there is no more to do."""
    with Billing(url, catalog=shop(), clock=FixedClock(START)) as billing:
        for line in sys.stdin:
            command = json.loads(line)
            say(COMMANDS[command.pop("do")](billing, **command))


if __name__ == "__main__":
    main(sys.argv[1])
