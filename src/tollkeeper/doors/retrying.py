"""How often a transaction is tried again, and how long to wait in between. It runs none itself."""

import random
import time

#: How often a batch is tried again after conflicts, or after a lost connection.
MAXIMUM_TRIES = 6
FIRST_PAUSE_SECONDS = 0.005


def pause(attempt: int) -> None:
    """Wait a little longer each time, not in step with others."""
    time.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
