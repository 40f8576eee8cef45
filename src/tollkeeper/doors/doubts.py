"""A commit whose answer was lost: what became of it is looked up before anything is done again.

Nothing is told as done, or as not done, that was not found so; whoever still does not know after a
while says that.
"""

import logging
import time
from collections.abc import Callable, Sequence

from tollkeeper.decisions.requests import Request
from tollkeeper.doors.retrying import MAXIMUM_TRIES, pause
from tollkeeper.errors import OutcomeUnknown
from tollkeeper.ledger.change import Answer, Manner
from tollkeeper.values.receipts import Receipt

logger = logging.getLogger("tollkeeper")

#: How long the outcome of a commit without an answer is looked for.
DOUBT_SECONDS = 5.0

#: Runs a batch, in one transaction or in several.
Run = Callable[[Sequence[Request], Manner], list[Answer]]


class CommitLost(Exception):
    """Something broke during the commit, the connection most likely: it happened or not."""

    def __init__(self, answers: list[Answer]) -> None:
        #: What would have been answered.
        self.answers = answers
        super().__init__()


def clear_up(
    requests: Sequence[Request], manner: Manner, lost: CommitLost, *, attempt: Run, run: Run
) -> list[Answer]:
    """Find out what became of what was accepted; then run again what was not.

    `attempt` runs a batch in one transaction and raises what goes wrong; `run` runs it to its end.
    """
    logger.warning("The commit's answer was lost; looking what became of it.")
    answers = list(lost.answers)
    doubtful = [n for n, answer in enumerate(answers) if isinstance(answer, Receipt)]
    others = [n for n, answer in enumerate(answers) if not isinstance(answer, Receipt)]
    made = _looked_up([requests[n] for n in doubtful], manner, attempt) if doubtful else []
    if others:
        made += run([requests[n] for n in others], manner)
    for number, answer in zip(doubtful + others, made, strict=True):
        answers[number] = answer
    return answers


def _looked_up(requests: Sequence[Request], manner: Manner, attempt: Run) -> list[Answer]:
    """Look for the operations under their accounts' locks, which an unfinished commit holds."""
    manner = Manner(make_missing=manner.make_missing, look_up_ids=True)
    until = time.monotonic() + DOUBT_SECONDS
    tries = 0
    while True:
        try:
            return attempt(requests, manner)
        except Exception as error:  # noqa: BLE001  # the batch writer answers whatever happens
            last = error
        if time.monotonic() > until:
            return [_unknown(last) for _ in requests]
        pause(tries)
        tries = min(tries + 1, MAXIMUM_TRIES)


def _unknown(error: BaseException) -> OutcomeUnknown:
    unknown = OutcomeUnknown()
    unknown.__cause__ = error
    return unknown
