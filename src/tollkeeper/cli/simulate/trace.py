"""Makes usage of a recorded stream of LLM calls: who used how many tokens, and when.

Customers are chosen as `tollkeeper replay` chooses them. Keeps no row.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING

from tollkeeper.cli.replay.plan import customer_of
from tollkeeper.cli.replay.trace import RecordedCall, read_trace

if TYPE_CHECKING:
    from tollkeeper.values.usage import NewUsage


def usage_of(
    traces: Iterable[Path], *, feature: str, generated: str | None, customers: int
) -> "Iterator[NewUsage]":
    """Give the usage of some traces, in the order of time.

    The tokens of a call are one use of the feature; with another feature for the generated ones,
    they are one of each.
    """
    streams = [_named(path) for path in traces]
    for at, name, row in merge(*streams, key=lambda each: each[0]):
        customer = f"{name}/{customer_of(row.number, customers)}"
        parts = {feature: row.context, generated: row.generated}
        if generated is None:
            parts = {feature: row.context + row.generated}
        for key, tokens in parts.items():
            if key is not None and tokens:
                yield {"customer": customer, "feature": key, "quantity": tokens, "event_at": at}


def _named(path: Path) -> Iterator[tuple[datetime, str, RecordedCall]]:
    """Read a trace with the name of its file; a time without a zone is UTC."""
    for row in read_trace(path):
        yield row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC), path.stem, row
