"""What is in a charge hold: which parts are open, how they pay, and what comes back (B1, B2). Pure.

A part is a hold in one account; the later bill's holds nothing. Whatever is used of a part is used
at the step that it was set aside for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from tollkeeper.decisions.accounts import AccountKey
from tollkeeper.decisions.advancing import returned_facts, suffix
from tollkeeper.decisions.charge_holds import ChargeHold
from tollkeeper.decisions.counting import included_by
from tollkeeper.decisions.holds import Drawn, Hold, give_back, split
from tollkeeper.decisions.overlay import Overlay
from tollkeeper.decisions.requests import Book, GrantFact
from tollkeeper.decisions.settling import returned
from tollkeeper.decisions.waterfall import Divided, Rated, Source, amounts_by_unit, divide


class Used(NamedTuple):
    """What of a hold was used, and how much of it allowances had given."""

    found: Divided
    included: int
    #: Grants that the return had to make.
    made: tuple[GrantFact, ...]


def open_parts(book: Book, hold: ChargeHold) -> dict[AccountKey, Hold]:
    """Give the ledger's holds of a charge hold that are still open, by account."""
    found = {part.hold: book.holds.get((hold.customer, part.hold)) for part in hold.parts}
    return {(h.customer, h.unit): h for h in found.values() if h is not None and h.is_open}


def use(
    overlay: Overlay,
    hold: ChargeHold,
    parts: Mapping[AccountKey, Hold],
    covered: int,
    before: Rated,
    operation: str,
    now: datetime,
) -> Used:
    """Use what was held up to a quantity, and return the rest, account by account."""
    found = _divided(hold, parts, covered, before)
    amounts = amounts_by_unit([share for share in found.shares if share.kind != "usage"])
    drawn: dict[str, int] = {}
    made: list[GrantFact] = []
    kind = "settle" if covered else "release"
    for number, ((_, unit), part) in enumerate(parts.items()):
        used, rest = split(part.drawn, amounts.get(unit, 0))
        account = overlay.account(hold.customer, unit)
        name = f"{suffix(operation)}_{number}" if number else suffix(operation)
        back = give_back(account, rest, used, name=name, now=now)
        overlay.add(*returned(account, kind, back, now)[1])
        made += returned_facts(part, back.made)
        if given := _by_allowance(used):
            drawn[unit] = given
    return Used(found, included_by(found.shares, drawn), tuple(made))


def _divided(
    hold: ChargeHold, parts: Mapping[AccountKey, Hold], covered: int, before: Rated
) -> Divided:
    """Divide a quantity among the parts of a hold; one whose ledger's hold is gone pays nothing."""
    there = {part.id for part in parts.values()}
    sources = [
        Source(part.step, None if part.step.kind == "usage" else part.amount)
        for part in hold.parts
        if part.hold in there or part.step.kind == "usage" or not part.amount
    ]
    return divide(covered, sources, before=before)


def _by_allowance(used: Sequence[Drawn]) -> int:
    return sum(part.amount for part in used if part.grant is not None and part.grant.included)
