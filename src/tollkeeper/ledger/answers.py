"""From rows to answers: a first receipt and its replay are built by the same function."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tollkeeper.ledger.codec import lines_from
from tollkeeper.store.types import read_moment
from tollkeeper.values.books import Amounts, Balance, Entry
from tollkeeper.values.receipts import HoldReceipt, Receipt
from tollkeeper.values.units import Unit

#: Verbs whose answer is the hold itself.
HOLD_VERBS = frozenset({"hold", "extend"})

Units = Mapping[str, Unit]


def receipt_from(
    customer: str, rows: Sequence[Sequence[Any]], units: Units, *, replayed: bool = False
) -> Receipt:
    """Build the answer of an operation from its rows, in the order of their parts."""
    head = rows[0]
    result = json.loads(head[20]) if head[20] else {}
    kind = result.pop("verb", head[3])
    entries = tuple([entry_from(row, units) for row in rows if row[9] is not None])
    shape = HoldReceipt if kind in HOLD_VERBS else Receipt
    return shape(
        head[1],
        customer,
        kind,
        entries,
        result,
        _moment(head[6]),
        _balance(customer, rows, units),
        replayed,
    )


def entry_from(row: Sequence[Any], units: Units) -> Entry:
    """Build one entry from its row (see store.journal.COLUMNS)."""
    created = _moment(row[6])
    return Entry(
        row[1],
        row[0],
        units[row[8]],
        row[3],
        row[9],
        Amounts(row[10] or 0, row[11] or 0, row[12] or 0, row[13] or 0),
        Amounts(row[14] or 0, row[15] or 0, row[16] or 0, row[17] or 0),
        lines_from(row[18]),
        created,
        _moment(row[7]) if row[7] is not None else created,
        row[19],
    )


def _balance(customer: str, rows: Sequence[Sequence[Any]], units: Units) -> Balance | None:
    """Give the balance after the last row of the caller's own customer."""
    own = [row for row in rows if row[0] == customer and row[8] is not None]
    if not own:
        return None
    row = own[-1]
    after = Amounts(row[14] or 0, row[15] or 0, row[16] or 0, row[17] or 0)
    return Balance(units[row[8]], after)


def _moment(value: Any) -> Any:
    return read_moment(value)
