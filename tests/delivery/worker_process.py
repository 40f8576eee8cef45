"""A worker of its own process: writes down what it hears, a line each, where all workers do.

Run by the tests as `python -m tests.delivery.worker_process URL MODE SECONDS FILE`. With the mode
`hang` it sleeps within the first callback; with `work` it runs what is due until nothing came for
so many seconds.
"""

import os
import sys
import time
from datetime import UTC, datetime

from tollkeeper import Billing
from tollkeeper.clock import FixedClock
from tollkeeper.notices import CreditsGranted

#: All workers of a test stand at this moment.
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)


def main(url: str, mode: str, seconds: float, file: str) -> None:
    """Work until there is nothing left, or hang."""
    # Each line is written at once, behind those of all other workers.
    shared = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Billing(url, clock=FixedClock(MOMENT)) as billing:

        @billing.on(CreditsGranted)
        def listen(notice: CreditsGranted) -> None:
            os.write(shared, f"{notice.customer} {int(notice.amount)}\n".encode())
            if mode == "hang":
                time.sleep(600)

        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if billing.jobs.run_due(limit=50).delivered:
                until = time.monotonic() + seconds


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
