"""Between the rows of usage events and what decisions know of them. Decides nothing."""

import json
from collections.abc import Sequence
from typing import Any

from tollkeeper.decisions.asking import UseRow
from tollkeeper.decisions.requests import Kept, Use
from tollkeeper.store.types import read_moment


def kept_from(row: Sequence[Any]) -> Kept:
    """Read an event's row (see store.usage.EVENT)."""
    cells = list(row)
    cells[4], cells[5] = read_moment(cells[4]), read_moment(cells[5])
    created = read_moment(cells.pop())
    assert created is not None
    return Kept(Use(*cells), created)


def use_row_from(row: Sequence[Any]) -> UseRow:
    """Read an event's row as a correction needs it."""
    use, created_at = kept_from(row)
    return UseRow(
        use.id,
        use.feature,
        use.quantity,
        use.counted_at,
        use.event_at,
        use.member,
        use.api_key,
        tuple(json.loads(use.tags)) if use.tags else (),
        use.dimensions,
        use.included or 0,
        use.credits or 0,
        use.wallet or 0,
        use.unpaid or 0,
        use.spent or 0,
        use.owed or 0,
        use.currency or "",
        use.amends,
        use.backfill,
        use.mark,
        use.fingerprint,
        created_at,
    )
