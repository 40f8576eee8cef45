"""What an operation tells of itself, as its receipt reads it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tollkeeper.values.amounts import format_amount
from tollkeeper.values.books import Balance, Entry, limit_text

#: What a result may tell in the unit's amounts.
AMOUNTS: Final = frozenset({"held", "settled", "charged", "uncollected"})


class Told(NamedTuple):
    """What a receipt tells, once it is read."""

    kind: str
    entries: tuple[Entry, ...]
    #: What the verb tells beyond its entries; amounts in the ledger's integers.
    result: Mapping[str, Any]
    balance: Balance | None


def as_text(result: Mapping[str, Any], scale: int) -> dict[str, Any]:
    """Give a result as JSON takes it: its amounts as decimal strings."""
    told: dict[str, Any] = {
        name: format_amount(value, scale) if name in AMOUNTS and value is not None else value
        for name, value in result.items()
    }
    if "overdraft" in result:
        told["overdraft"] = limit_text(result["overdraft"], scale)
    return told
