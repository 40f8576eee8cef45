"""One round of calls: run as a batch, answered where decided; the others go on waiting."""

from collections.abc import Sequence

from tollkeeper.doors.lanes import AnyTicket
from tollkeeper.doors.tickets import Pair, ThreadTicket, answer_all, wake_all
from tollkeeper.doors.transacting import Transactor
from tollkeeper.errors import OutcomeUnknown
from tollkeeper.ledger.change import Answer, Later, Manner

#: The most requests one transaction takes.
MAXIMUM_BATCH = 1000


def run_with_missing(
    transactor: Transactor, tickets: Sequence[AnyTicket], manner: Manner
) -> list[Pair]:
    """Run calls; those whose customer or account is new again, once these are made."""
    answers = transactor.run([ticket.request for ticket in tickets], manner)
    pairs: list[Pair] = list(zip(tickets, answers, strict=True))
    new = [ticket for ticket, answer in pairs if answer is Later.ABSENT]
    if not new:
        return pairs
    making = Manner(skip_locked=manner.skip_locked, make_missing=True)
    made: list[Answer] = transactor.run([ticket.request for ticket in new], making)
    again = dict(zip(map(id, new), made, strict=True))
    return [(ticket, again.get(id(ticket), answer)) for ticket, answer in pairs]


def answer_decided(pairs: Sequence[Pair]) -> list[AnyTicket]:
    """Answer what was decided; give back who has to go on waiting."""
    answer_all([pair for pair in pairs if not isinstance(pair[1], Later)])
    return [ticket for ticket, answer in pairs if isinstance(answer, Later)]


def answer_rest(tickets: Sequence[AnyTicket], error: BaseException) -> None:
    """Tell those who are not answered yet that nobody knows what became of their calls."""
    unanswered = [ticket for ticket in tickets if not ticket.is_answered]
    answer_all([(ticket, _unknown(error)) for ticket in unanswered])
    # What failed may have been to wake somebody.
    wake_all([ticket for ticket in tickets if isinstance(ticket, ThreadTicket)])


def _unknown(error: BaseException) -> OutcomeUnknown:
    failure = OutcomeUnknown("The writer failed; repeat the call with the same idempotency key.")
    failure.__cause__ = error
    return failure
