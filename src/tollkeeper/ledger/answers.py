"""From rows to answers: a first receipt and its replay are built by the same functions."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from tollkeeper.ledger.codec import lines_from
from tollkeeper.store.types import read_moment
from tollkeeper.values.books import NOT_TOLD, Amounts, Balance, Entry
from tollkeeper.values.charges import ChargeHoldReceipt, ChargeReceipt
from tollkeeper.values.receipts import HoldReceipt, Receipt
from tollkeeper.values.told import Told
from tollkeeper.values.units import Unit

#: What verbs answer that tell more than a receipt does.
_SHAPES: Final[Mapping[str, type[Receipt]]] = {
    "hold": HoldReceipt,
    "extend": HoldReceipt,
    "charge": ChargeReceipt,
    "hold_charge": ChargeHoldReceipt,
    "extend_charge": ChargeHoldReceipt,
    "settle_charge": ChargeReceipt,
}

Units = Mapping[str, Unit]


def receipt_from(
    customer: str,
    rows: Sequence[Sequence[Any]],
    units: Units,
    *,
    verb: str | None = None,
    replayed: bool = False,
    private: Mapping[str, Any] | None = None,
) -> Receipt:
    """Give the answer of an operation, which reads the rows (in the order of parts) when asked.

    Whoever knows the `verb` that the rows tell gives it: it need not be read. `private` is what the
    answer tells and the rows must not: personal text, which can be erased.
    """
    head = rows[0]
    shape = _SHAPES.get(verb or _kind(head), Receipt)
    read = partial(_read, customer, rows, units, private)
    return shape(head[1], customer, _moment(head[6]), read, replayed=replayed)


def replayed_by(result: str | None) -> str | None:
    """Give the operation for which a row stands that only keeps another key of it."""
    if not result or '"replays"' not in result:
        return None
    name = json.loads(result).get("replays")
    return None if name is None else str(name)


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
        _after(row),
        lines_from(row[18]),
        created,
        created if row[7] is None else _moment(row[7]),
        row[19],
    )


def _read(
    customer: str,
    rows: Sequence[Sequence[Any]],
    units: Units,
    private: Mapping[str, Any] | None,
) -> Told:
    result = json.loads(rows[0][20]) if rows[0][20] else {}
    if private:
        result.update(private)
    kind = result.pop("verb", rows[0][3])
    entries = tuple([entry_from(row, units) for row in rows if row[9] is not None])
    return Told(kind, entries, result, _balance(customer, rows, units, result))


def _kind(head: Sequence[Any]) -> str:
    """Tell the verb without reading the result, where the entry's kind says it."""
    if not head[20] or '"verb"' not in head[20]:
        return str(head[3])
    return str(json.loads(head[20]).get("verb", head[3]))


def _balance(
    customer: str, rows: Sequence[Sequence[Any]], units: Units, result: Mapping[str, Any]
) -> Balance | None:
    """Give the balance after the last row of the caller's own customer.

    The rows know the account's own overdraft limit where it was set by this very operation.
    """
    own = [row for row in rows if row[0] == customer and row[8] is not None]
    if not own:
        return None
    return Balance(units[own[-1][8]], _after(own[-1]), result.get("overdraft", NOT_TOLD))


def _after(row: Sequence[Any]) -> Amounts:
    return Amounts(row[14] or 0, row[15] or 0, row[16] or 0, row[17] or 0)


def _moment(value: Any) -> datetime:
    moment = read_moment(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
