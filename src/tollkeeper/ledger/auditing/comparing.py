"""Holds an account's row and its open holds against what its entries told (laws 1, 2 and 8)."""

import json
from collections.abc import Sequence

from tollkeeper.decisions.accounts import Account, OpenGrant
from tollkeeper.decisions.advancing import next_due
from tollkeeper.decisions.burning import burn_key
from tollkeeper.decisions.holds import Hold
from tollkeeper.errors import TollkeeperError
from tollkeeper.ledger.auditing.grants import Told
from tollkeeper.ledger.auditing.laws import APPEND_ONLY, BALANCES, SUMS, Findings, Place
from tollkeeper.ledger.auditing.rows import AccountRow, FactRow
from tollkeeper.ledger.auditing.telling import NAMES, AccountTeller
from tollkeeper.ledger.codec import account_from, hold_from
from tollkeeper.store.audits import Cells
from tollkeeper.store.types import read_moment

#: What reading a damaged cell may raise.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, TollkeeperError)


def compare_account(
    row: AccountRow, holds: Sequence[Hold], told: AccountTeller, findings: Findings
) -> None:
    """Compare an account's row with its entries, its grants and its open holds."""
    _compare_sums(row, told, findings)
    told.debt.compare(row)
    compare_holds(row, holds, told, findings)
    try:
        account = account_from(row)
    except UNREADABLE as error:
        place = Place(row.customer, row.unit)
        says = "The open grants of an account cannot be read."
        findings.add(BALANCES, says, place, expected="a JSON array of grants", found=repr(error))
        return
    _compare_grants(account, told, findings)
    _compare_due(account, holds, findings)


def read_hold(row: Cells, findings: Findings) -> Hold | None:
    """Read an open hold; None, and a finding, where nobody can."""
    try:
        return hold_from(row)
    except UNREADABLE as error:
        place = Place(row[0], row[8], hold=row[1])
        says = "What a hold has drawn cannot be read."
        findings.add(BALANCES, says, place, expected="a JSON array of draws", found=repr(error))
        return None


def compare_holds(
    row: AccountRow, holds: Sequence[Hold], told: AccountTeller, findings: Findings
) -> None:
    """Compare what open holds have drawn from each grant with what entries say (law 2)."""
    drawn: dict[str, int] = {}
    for hold in holds:
        for part in hold.drawn:
            drawn[part.id] = drawn.get(part.id, 0) + part.amount
            if part.grant is not None:
                place = Place(row.customer, row.unit, grant=part.id, hold=hold.id)
                _compare_fact(part.grant, told.lines.grants.get(part.id), place, findings)
    expected = {name: grant.held for name, grant in told.lines.grants.items() if grant.held}
    if told.lines.overdrawn:
        expected[""] = told.lines.overdrawn
    for name in sorted(drawn.keys() | expected.keys()):
        found, said = drawn.get(name, 0), expected.get(name, 0)
        if found != said:
            findings.add(
                BALANCES,
                f"Open holds have not drawn from {'a grant' if name else 'the overdraft'} what "
                "entries say.",
                Place(row.customer, row.unit, grant=name or None),
                expected=findings.amount(row.unit, said),
                found=findings.amount(row.unit, found),
            )


def _compare_sums(row: AccountRow, told: AccountTeller, findings: Findings) -> None:
    place = Place(row.customer, row.unit, version=row.version)
    stated = (row.available, row.restricted, row.held, row.debt)
    for name, expected, found in zip(NAMES, told.balances, stated, strict=True):
        if expected != found:
            findings.add(
                SUMS,
                f"An account's {name} is not the sum of its entries.",
                place,
                expected=findings.amount(row.unit, expected),
                found=findings.amount(row.unit, found),
            )
    if row.version != told.version:
        says = "An account's version is not that of its last entry."
        findings.add(SUMS, says, place, expected=told.version, found=row.version)
    if row.updated_at != told.booked_at:
        says = "An account was not last written when its last entry was booked."
        findings.add(SUMS, says, place, expected=told.booked_at, found=row.updated_at)
    if (row.merged_into is not None) != (told.kind == "merge_out"):
        says = "An account is closed by a merge if, and only if, that is its last entry."
        stands = f"{row.merged_into!r} after an entry of kind {told.kind}"
        findings.add(SUMS, says, place, expected="both or neither", found=stands)


def _compare_grants(account: Account, told: AccountTeller, findings: Findings) -> None:
    """Compare the open grants of an account with those that its entries leave open (law 2)."""
    open_grants = {name: grant for name, grant in told.lines.grants.items() if grant.remaining > 0}
    for grant in account.grants:
        place = Place(account.customer, account.unit, grant=grant.id)
        entries_say = open_grants.pop(grant.id, None)
        _compare_grant(grant, entries_say, place, findings)
        _compare_fact(grant, told.lines.grants.get(grant.id), place, findings)
    for name, missing in open_grants.items():
        findings.add(
            BALANCES,
            "A grant that is open by its entries is not among its account's.",
            Place(account.customer, account.unit, grant=name),
            expected=findings.amount(account.unit, missing.remaining),
            found="none",
        )
    if list(account.grants) != sorted(account.grants, key=burn_key):
        findings.add(
            BALANCES,
            "An account's open grants do not stand in burn order.",
            Place(account.customer, account.unit),
            expected=[grant.id for grant in sorted(account.grants, key=burn_key)],
            found=[grant.id for grant in account.grants],
        )


def _compare_grant(grant: OpenGrant, told: Told | None, place: Place, findings: Findings) -> None:
    stated = (grant.remaining, grant.amount, grant.pending)
    expected = (told.remaining, told.amount, told.is_pending) if told else (0, 0, False)
    if stated == expected:
        return
    findings.add(
        BALANCES,
        "An open grant does not stand as its entries say.",
        place,
        expected=_standing(expected, place.unit, findings),
        found=_standing(stated, place.unit, findings),
    )


def _standing(stated: tuple[int, int, bool], unit: str | None, findings: Findings) -> str:
    remaining, amount, pending = stated
    text = f"{findings.amount(unit, remaining)} of {findings.amount(unit, amount)}"
    return f"{text}, not effective yet" if pending else text


def _compare_fact(grant: OpenGrant, told: Told | None, place: Place, findings: Findings) -> None:
    """Compare the copy of a grant's fact with the fact: it never changes (law 8)."""
    if told is None:
        return
    copy = (
        grant.priority,
        grant.effective_at,
        grant.expires_at,
        grant.paid,
        grant.cost,
        grant.features,
    )
    try:
        fact = _fact(told.fact)
    except UNREADABLE as error:
        fact = (repr(error),)
    if copy != fact:
        says = "A grant's fact is not what its account or a hold remembers of it."
        findings.add(APPEND_ONLY, says, place, expected=_text(copy), found=_text(fact))


def _fact(row: FactRow) -> tuple[object, ...]:
    return (
        row.priority,
        read_moment(row.effective_at),
        read_moment(row.expires_at),
        bool(row.paid),
        row.cost,
        tuple(json.loads(row.features or "[]")),
    )


def _text(cells: tuple[object, ...]) -> str:
    return ", ".join(map(str, cells))


def _compare_due(account: Account, holds: Sequence[Hold], findings: Findings) -> None:
    """Check that time cannot do anything unnoticed: the account knows when to look."""
    due = next_due(account, holds)
    if due is not None and (account.due_at is None or account.due_at > due):
        findings.add(
            BALANCES,
            "Something comes due before its account is looked at.",
            Place(account.customer, account.unit),
            expected=f"{due} or earlier",
            found=account.due_at or "never",
        )
