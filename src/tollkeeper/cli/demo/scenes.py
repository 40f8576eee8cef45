"""The demo's scenes about credits: each calls the library as an app would, and shows the answer."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tollkeeper.cli import sheets
from tollkeeper.cli.calls import Call
from tollkeeper.cli.demo.stage import Stage
from tollkeeper.cli.sheets import Column, Part, Sheet, number
from tollkeeper.errors import IdempotencyConflict, InsufficientBalance

if TYPE_CHECKING:
    from tollkeeper import Billing
    from tollkeeper.values.books import GrantLine

CUSTOMER: Final = "maya"
UNIT: Final = "api_calls"
KEY: Final = "request-81"

#: Twenty holds of 75 on a balance of 500: exactly six can be granted (B7).
RACERS: Final = 20
BALANCE: Final = 500
EACH: Final = 75


def open_books(billing: "Billing", stage: Stage) -> None:
    """Make the tables."""
    stage.scene("A fresh database", "Its tables stand beside the app's own, in the same database.")
    done = billing.migrate()
    stage.tell("version", done.after)
    stage.listed(
        [f"> billing.migrate()  # SQLite, {len(done.applied)} revisions, now at {done.after}"]
    )


def give(billing: "Billing", stage: Stage) -> None:
    """Grant three kinds of credits."""
    stage.scene(
        "Grants",
        "Maya has an allowance that ends in a month, a promotion that ends in a week, and "
        "credits that she bought. Lower priority burns first, then what ends sooner.",
    )
    now = datetime.now(UTC)
    month, week = now + timedelta(days=30), now + timedelta(days=7)
    billing.credits.grant(CUSTOMER, UNIT, 50, source="purchase", idempotency_key="pack-7")
    billing.credits.grant(CUSTOMER, UNIT, 30, source="promotion", expires_at=week)
    billing.credits.grant(CUSTOMER, UNIT, 20, source="allowance", expires_at=month)
    stage.show(_grants(billing))


def burn(billing: "Billing", stage: Stage) -> None:
    """Consume from the grants in burn order, and look ahead."""
    stage.scene(
        "Burn order",
        "She makes 35 calls. The receipt says which grants paid, in order. What will expire is "
        "arithmetic, so the balance of any moment can be asked for, without a job having run.",
    )
    receipt = billing.credits.consume(CUSTOMER, UNIT, 35, idempotency_key=KEY)
    later = billing.credits.balance(CUSTOMER, UNIT, at=datetime.now(UTC) + timedelta(days=8))
    now = number(receipt.balance.available)
    stage.tell("burnt", [_told(line) for line in receipt.lines])
    stage.show(
        f"> billing.credits.consume({CUSTOMER!r}, {UNIT!r}, 35)",
        _paid(billing, receipt.lines),
        f"available now: {now}\navailable in eight days: {number(later.available)}",
    )


def refuse(billing: "Billing", stage: Stage) -> None:
    """Ask for more than there is."""
    stage.scene("A refusal", "A call that the balance cannot pay is refused; nothing is written.")
    before, told = billing.credits.history(CUSTOMER, UNIT), "consumed"
    try:
        billing.credits.consume(CUSTOMER, UNIT, 500)
    except InsufficientBalance as error:
        stage.tell("refused", {"code": error.code, "message": error.message})
        told = f"{type(error).__name__}: {error.message}"
    after = billing.credits.history(CUSTOMER, UNIT)
    stage.listed(
        [
            f"> billing.credits.consume({CUSTOMER!r}, {UNIT!r}, 500)",
            told,
            f"entries before: {len(before.entries)}, and after: {len(after.entries)}",
        ]
    )


def hold_and_settle(billing: "Billing", stage: Stage) -> None:
    """Set an amount aside, and settle what was used of it."""
    stage.scene(
        "Hold, then settle",
        "Before the cost is known an amount is set aside. What was used is settled; the rest goes "
        "back to the grants that it came from.",
    )
    hold = billing.credits.hold(CUSTOMER, UNIT, 40)
    settled = billing.credits.settle(CUSTOMER, hold, 12)
    rows = tuple(
        (call, number(answer.balance.available), number(answer.balance.held))
        for call, answer in (("hold 40", hold), ("settle 12", settled))
    )
    columns = (
        Column("Call"),
        Column("Available after", is_number=True),
        Column("Held after", is_number=True),
    )
    stage.tell("settled", settled.to_dict())
    stage.show(Sheet(columns=columns, rows=rows))


def repeat(billing: "Billing", stage: Stage) -> None:
    """Repeat a call with its key, and then misuse the key."""
    stage.scene(
        "The same call again",
        "The answer was lost, so the app repeats its 35 calls with the same key. It gets the first "
        "receipt again, and nothing is charged twice. The key with another request is refused.",
    )
    before = billing.credits.balance(CUSTOMER, UNIT).available
    again = billing.credits.consume(CUSTOMER, UNIT, 35, idempotency_key=KEY)
    after = billing.credits.balance(CUSTOMER, UNIT).available
    stage.tell("replayed", {"replayed": again.replayed, "changed": before != after})
    stage.listed(
        [
            f"> billing.credits.consume({CUSTOMER!r}, {UNIT!r}, 35, idempotency_key={KEY!r})",
            f"replayed: {again.replayed}; available before and after: "
            f"{number(before)} and {number(after)}",
        ]
    )
    try:
        billing.credits.consume(CUSTOMER, UNIT, 36, idempotency_key=KEY)
    except IdempotencyConflict as error:
        stage.listed([f"with 36 instead: {type(error).__name__}"])


def race(call: Call, stage: Stage) -> None:
    """Let many holds race for one balance."""
    stage.scene(
        "A race",
        f"{RACERS} tasks hold {EACH} each at the same moment, on a balance of {BALANCE}. Exactly "
        f"{BALANCE // EACH} fit, whatever their order.",
    )
    granted = asyncio.run(_race(call))
    stage.tell("race", {"granted": granted, "refused": RACERS - granted})
    stage.listed([f"granted: {granted}", f"refused: {RACERS - granted}"])


async def _race(call: Call) -> int:
    async with call.async_billing() as billing:
        await billing.credits.grant("noor", UNIT, BALANCE)
        calls = [billing.credits.hold("noor", UNIT, EACH) for _ in range(RACERS)]
        found = await asyncio.gather(*calls, return_exceptions=True)
    return sum(not isinstance(each, BaseException) for each in found)


def _grants(billing: "Billing") -> Part:
    """Show the grants without their ids, which nobody would read here."""
    columns = (
        Column("Source"),
        Column("Priority", is_number=True),
        Column("Remaining", is_number=True),
        Column("Expires at"),
    )
    found = sorted(billing.credits.grants(CUSTOMER, UNIT), key=lambda grant: grant.priority)
    rows = tuple(
        (
            grant.source,
            str(grant.priority),
            number(grant.remaining),
            sheets.moment(grant.expires_at),
        )
        for grant in found
    )
    return Sheet(columns=columns, rows=rows)


def _paid(billing: "Billing", lines: "tuple[GrantLine, ...]") -> Part:
    """Show which grants paid, by their source."""
    grants = {grant.id: grant for grant in billing.credits.grants(CUSTOMER, UNIT)}
    rows = tuple(
        (
            grants[line.grant_id].source,
            number(-line.remaining_change),
            number(grants[line.grant_id].remaining),
        )
        for line in lines
        if line.grant_id
    )
    columns = (
        Column("Paid by"),
        Column("Amount", is_number=True),
        Column("Remaining", is_number=True),
    )
    return Sheet(columns=columns, rows=rows)


def _told(line: "GrantLine") -> dict[str, str | None]:
    return {"grant_id": line.grant_id, "amount": number(-line.remaining_change)}
