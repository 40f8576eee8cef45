"""Plays a trace through the books: check, charge, audit. The command and the demo share it."""

import asyncio
import time
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tollkeeper.cli import screen
from tollkeeper.cli.auditing import audited, finding_parts
from tollkeeper.cli.calls import Call
from tollkeeper.cli.replay.plan import Plan, prepare
from tollkeeper.cli.replay.pricing import Prices
from tollkeeper.cli.replay.run import charge_all
from tollkeeper.cli.replay.summary import Summary
from tollkeeper.cli.sheets import Part

if TYPE_CHECKING:
    from tollkeeper.values.findings import AuditReport


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be replayed, and how."""

    trace: Path
    run: str
    prices: Prices
    _: KW_ONLY
    #: How many calls at most; None is all.
    limit: int | None
    customers: int
    callers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How it went, and what the audit said."""

    summary: Summary
    report: "AuditReport"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return self.summary.to_dict() | {"audit": self.report.to_dict()}

    def parts(self) -> list[Part]:
        """Show it as tables."""
        return [*self.summary.parts(), *finding_parts(self.report)]


def play(call: Call, asked: Asked, *, migrate: bool) -> Played:
    """Check the trace, charge its calls, audit the books; `migrate` makes the tables first."""
    plan = _prepared(asked)
    summary = asyncio.run(_charged(call, asked, plan, migrate=migrate))
    with call.billing() as billing:
        return Played(summary=summary, report=audited(billing))


def _prepared(asked: Asked) -> Plan:
    with screen.progress("Checking the trace") as moved:
        return prepare(
            asked.trace,
            run=asked.run,
            limit=asked.limit,
            customers=asked.customers,
            prices=asked.prices,
            moved=moved,
        )


async def _charged(call: Call, asked: Asked, plan: Plan, *, migrate: bool) -> Summary:
    async with call.async_billing() as billing:
        if migrate:
            await billing.migrate()
        with screen.progress("Charging calls", plan.calls) as moved:
            start = time.perf_counter()
            tally = await charge_all(billing, plan, min(asked.callers, asked.customers), moved)
            seconds = time.perf_counter() - start
    return Summary(plan=plan, tally=tally, seconds=seconds)
