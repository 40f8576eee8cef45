"""When a notice is tried again after a failure. Pure: time and chance are given.

The pauses grow threefold from five seconds to six hours, each longer or shorter by up to a fifth,
so that many that failed together do not come back together. Ten attempts take about eleven hours.
"""

from datetime import datetime, timedelta
from typing import Final

#: How often a notice is tried before it is given up.
MAXIMUM_ATTEMPTS: Final = 10
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=6)
GROWTH: Final = 3
#: By how many percent a pause may be longer or shorter.
JITTER_PERCENT: Final = 20


def retry_at(attempts: int, now: datetime, chance: float) -> datetime | None:
    """Say when to try again after so many failed attempts; None means never.

    `chance` is from 0 to 1; one half means no jitter.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    >>> retry_at(1, noon, 0.5).isoformat()
    '2026-06-01T12:00:05+00:00'
    >>> retry_at(MAXIMUM_ATTEMPTS, noon, 0.5) is None
    True
    """
    if attempts >= MAXIMUM_ATTEMPTS:
        return None
    growth: int = GROWTH ** (attempts - 1)
    pause = min(FIRST_PAUSE * growth, LONGEST_PAUSE)
    return now + pause * (100 - JITTER_PERCENT + 2 * JITTER_PERCENT * chance) / 100
