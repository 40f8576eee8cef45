"""A runner of its own process, which sweeps the books that it is told."""

from datetime import datetime
from typing import Any

from tollkeeper import Billing
from tollkeeper.clock import FixedClock


def sweep(url: str, moment: datetime) -> dict[str, Any]:
    """Sweep until nothing is due; give the sums of all reports."""
    sums: dict[str, Any] = {"expired": 0, "activated": 0, "lapsed": 0}
    with Billing(url, clock=FixedClock(moment)) as billing:
        for _ in range(50):
            report = billing.jobs.run_due(limit=7)
            for name in sums:
                sums[name] += getattr(report, name)
            if report.is_done:
                break
    return sums
