"""A process of its own that does what it is told, a line of JSON for each command and each answer.

Run by the tests as `python -m tests.doors.workers URL`. Ends with its standard input.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.doors.scenes import UNIT, connected, outcome
from tollkeeper import Billing
from tollkeeper.values.receipts import Receipt

ROOT = Path(__file__).resolve().parents[2]
THREADS = 4


@dataclass
class Worker:
    """The process, as the test sees it."""

    process: subprocess.Popen[str]

    def tell(self, do: str, **what: Any) -> None:
        """Give it a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """Wait for its next answer; None where it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def kill(self) -> list[Any]:
        """Kill it in the middle of whatever it does; give what it had said by then."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.kill()
        said = []
        while (answer := self.hear()) is not None:
            said.append(answer)
        self.process.wait(20)
        self.process.stdin.close()
        self.process.stdout.close()
        return said

    def end(self) -> int:
        """Let it end, and give its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.process.stdout.close()


def start(url: str) -> Worker:
    """Start a worker over some books."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.doors.workers", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Worker(process)


def main(url: str) -> None:
    """Do what is told until there is no more to do."""
    with Billing(url) as billing:
        for line in sys.stdin:
            command = json.loads(line)
            say(COMMANDS[command.pop("do")](billing, **command))


def say(answer: Any) -> None:
    """Answer in one line, at once."""
    with _voice:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


_voice = threading.Lock()


def spend(billing: Billing, customer: str, attempts: int) -> int:
    """Consume 1 as often as told, from several threads; tell how often it went well."""

    def some(_: int) -> int:
        return sum(
            billing.credits.try_consume(customer, UNIT, 1).success
            for _ in range(attempts // THREADS)
        )

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(some, range(THREADS)))


def keyed(billing: Billing, customer: str, key: str, amount: int) -> list[Any]:
    """Consume under one key from several threads; tell the receipts, or the codes of errors."""

    def one(_: int) -> Any:
        call = partial(billing.credits.consume, customer, UNIT, amount)
        result = outcome(partial(call, idempotency_key=key))
        return result.to_json() if isinstance(result, Receipt) else result.code

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, range(THREADS)))


def grant(billing: Billing, customer: str, amount: int) -> str:
    """Grant once."""
    return billing.credits.grant(customer, UNIT, amount).operation_id


def transfer(billing: Billing, giver: str, taker: str, times: int) -> int:
    """Transfer 1 as often as told; tell how often it went well."""
    call = partial(billing.credits.transfer, giver, UNIT, 1, to=taker)
    return sum(isinstance(outcome(call), Receipt) for _ in range(times))


def load(billing: Billing, customers: list[str], *, has_keys: bool) -> None:
    """Consume from several threads until killed; tell every call before and after it."""

    def forever(thread: int) -> None:
        for number in range(1_000_000):
            customer = customers[number % len(customers)]
            key = f"{thread}-{number}"
            say({"asked": key, "customer": customer})
            call = partial(billing.credits.consume, customer, UNIT, 1)
            result = outcome(partial(call, idempotency_key=key) if has_keys else call)
            answer = result.operation_id if isinstance(result, Receipt) else None
            code = None if isinstance(result, Receipt) else result.code
            say({"answered": key, "customer": customer, "operation": answer, "code": code})

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(forever, range(THREADS)))


def join(billing: Billing, url: str, customer: str) -> None:
    """Charge inside a transaction of our own, say so, and sleep in it until killed."""
    with connected(url) as host:
        host.execute(text(f"INSERT INTO job (name) VALUES ('{customer}')"))
        billing.using(host).credits.consume(customer, UNIT, 1)
        say("inside")
        time.sleep(60)


COMMANDS: dict[str, Callable[..., Any]] = {
    "spend": spend,
    "keyed": keyed,
    "grant": grant,
    "transfer": transfer,
    "load": load,
    "join": join,
}

if __name__ == "__main__":
    main(sys.argv[1])
