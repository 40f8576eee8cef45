"""What the answer to a change says: what was done, the balance after it, the grants touched."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, moment, number
from tollkeeper.values.amounts import MAXIMUM, from_scaled
from tollkeeper.values.units import Unit

if TYPE_CHECKING:
    from tollkeeper.values.books import Balance
    from tollkeeper.values.receipts import Receipt

#: Verbs that go up or down; of all others the verb tells the direction.
CORRECTIONS: Final = ("adjust", "set_balance", "reverse")


def receipt(answer: "Receipt") -> list[Part]:
    """Show a receipt: what was done, the balance after it, and which grants it touched."""
    pairs = [("operation", answer.operation_id), ("kind", answer.kind)]
    pairs += [("customer", answer.customer)]
    if answer.has_balance:
        pairs += [_done(answer, answer.balance.unit)]
        pairs += _told(answer, answer.balance.unit)
        pairs += _amounts(answer.balance)
    pairs += [("booked at", moment(answer.created_at))]
    return [Facts(tuple(pairs)), *_touched(answer)]


def _done(answer: "Receipt", unit: Unit) -> tuple[str, str]:
    """Name what was done: a limit, a correction with its sign, else the amount."""
    if answer.kind == "set_overdraft":
        return "overdraft", _limit(answer, unit)
    if answer.kind in CORRECTIONS:
        change = answer.signed_amount
        return "change", f"{number(change, unit, signed=bool(change))} {answer.unit}"
    return "amount", f"{number(answer.amount, unit)} {answer.unit}"


def _limit(answer: "Receipt", unit: Unit) -> str:
    """Write an overdraft limit as it is asked for."""
    limit = answer.result["overdraft"]
    if limit is None:
        return "default"
    if limit == MAXIMUM:
        return "unlimited"
    return f"{number(from_scaled(limit, unit.scale), unit)} {answer.unit}"


def _told(answer: "Receipt", unit: Unit) -> list[tuple[str, str]]:
    """Give what the verb tells beyond its entries, where it is more than nothing."""
    told = [("grant", answer.grant_id or "")]
    if "hold" in answer.result:
        told += [("hold", str(answer.result["hold"])), ("status", str(answer.result["status"]))]
        lapses = answer.result.get("expires_at")
        told += [("lapses at", moment(datetime.fromisoformat(lapses)))] if lapses else []
    if "charged" in answer.result and answer.charged != answer.amount:
        told += [("charged", number(answer.charged, unit))]
    if answer.uncollected:
        told += [("uncollected", number(answer.uncollected, unit))]
    if answer.late:
        told += [("late", "the hold had lapsed; it was charged anew")]
    return [(name, text) for name, text in told if text]


def _amounts(balance: "Balance") -> list[tuple[str, str]]:
    """Give the balance: what is available and held, and what else there is."""
    amounts = {"available": balance.available, "held": balance.held}
    amounts |= {"restricted": balance.restricted} if balance.restricted else {}
    amounts |= {"debt": balance.debt} if balance.debt else {}
    return [(name, number(amount, balance.unit)) for name, amount in amounts.items()]


def _touched(answer: "Receipt") -> list[Part]:
    """List the grants in the order in which they were touched."""
    if not answer.lines:
        return []
    unit = answer.balance.unit
    columns = (
        Column("Grant"),
        Column("Change", is_number=True),
        Column("Held", is_number=True, drop=1),
    )
    rows = tuple(
        (
            line.grant_id or "overdraft",
            number(line.remaining_change, unit, signed=True),
            number(line.held_change, unit, signed=True),
        )
        for line in answer.lines
    )
    return [Sheet(columns=columns, rows=rows)]
