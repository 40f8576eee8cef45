"""Which notices follow from what was booked: the one place that knows, for every verb (H1). Pure.

The laws, which `tests/notices` holds it to: the same entries give the same notices, whether a verb
or time alone made them; each entry that grants, revokes, spends, corrects, moves or loses value
gives one; a threshold or a debt gives one for each crossing, comparing what stood before the
operation with what stands after it, so one that is crossed and crossed back within an operation
gives none, and a new account restores nothing (H3). All that time did to an account at one moment
is compared as one: a renewal takes what is left and gives anew, and the balance was never low; so
are periods that were booked together.
Whoever writes fills in ids and moments.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tollkeeper.decisions.accounts import AccountKey, Entry
from tollkeeper.decisions.advancing import Due, suffix
from tollkeeper.decisions.charge_holds import whole_name
from tollkeeper.decisions.noticing_uses import of_uses, tells_uses
from tollkeeper.decisions.requests import GrantFact, Outcome
from tollkeeper.notices import (
    BalanceAdjusted,
    BalanceNotice,
    CreditsConsumed,
    CreditsGranted,
    CreditsLow,
    CreditsRestored,
    CreditsRevoked,
    DebtCleared,
    DebtIncurred,
    GrantActivated,
    GrantExpired,
    HoldLapsed,
    Notice,
    OperationReversed,
    TransferMade,
    TransferReceived,
    Uncollected,
)
from tollkeeper.values.amounts import from_scaled
from tollkeeper.values.units import Unit


class Telling(NamedTuple):
    """What the app is told of: which kinds, and below what a balance is low."""

    #: Kinds of notices that are written.
    kinds: frozenset[str] = frozenset()
    #: Kinds of entries that have to be looked at for them.
    entries: frozenset[str] = frozenset()
    #: Every threshold of each unit that has any, whosever it is, in the ledger's integers.
    low_balances: Mapping[str, Collection[int]] = MappingProxyType({})


#: Nothing is told.
SILENCE: Final = Telling()


@dataclass(frozen=True, slots=True)
class Scene:
    """What a notice tells beyond its entry."""

    units: Mapping[str, Unit]
    #: Who made the call; a transfer's taker is told of him.
    customer: str
    #: When it was booked.
    moment: datetime
    #: Gives the threshold of an account, where some threshold of its unit was passed (H3).
    least_of: Callable[[AccountKey], int | None]
    made: Mapping[str, GrantFact] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


def telling(kinds: Iterable[str], low_balances: Mapping[str, Collection[int]]) -> Telling:
    """Say what is to be told, so that the writer sees at a glance where nothing is."""
    wanted = frozenset(kinds)
    entries = frozenset(kind for kind, (told, _) in _TELLERS.items() if told.kind in wanted)
    crossings = not wanted.isdisjoint({CreditsLow.kind, CreditsRestored.kind})
    return Telling(wanted, entries, dict(low_balances) if crossings else {})


def is_quiet(outcome: Outcome, telling: Telling) -> bool:
    """Tell quickly that nothing follows; this is asked of every request, so it builds nothing."""
    if outcome.notices or "uncollected" in outcome.result:
        return False
    if (outcome.uses or outcome.counted) and tells_uses(outcome, telling.kinds):
        return False
    low_balances = telling.low_balances
    for entry in outcome.entries:
        if entry[0] in telling.entries or entry[5]:
            return False
        if low_balances:
            after = entry[1]
            thresholds = low_balances.get(after[1])
            if thresholds and any_passed(thresholds, after[2] - entry[2], after[2]):
                return False
    return True


def any_passed(thresholds: Collection[int], before: int, after: int) -> bool:
    """Tell whether a balance passed any threshold, downward or upward."""
    return any((before < least) != (after < least) for least in thresholds)


def of_operation(
    outcome: Outcome,
    customer: str,
    units: Mapping[str, Unit],
    moment: datetime,
    telling: Telling,
    scale_of: Callable[[str], int],
    least_of: Callable[[AccountKey], int | None],
) -> list[Notice]:
    """Give the notices of an accepted request, in order: entries, crossings, what it tells itself.

    `customer` is whose call it was; `moment` is when it is booked; `scale_of` gives the digits of a
    feature's quantity, `least_of` the balance below which an account is low.
    """
    made = {fact.id: fact for fact in outcome.made}
    scene = Scene(units, customer, moment, least_of, made, outcome.result)
    found = [*_of_entries(outcome.entries, scene, telling)]
    found += _of_balances(outcome.entries, scene, telling)
    if "uncollected" in outcome.result and outcome.entries:
        found.append(_uncollected(outcome.entries[-1], scene))
    if tells_uses(outcome, telling.kinds):
        found += of_uses(outcome, customer, scale_of)
    return [notice for notice in (*found, *outcome.notices) if notice.kind in telling.kinds]


def at_once(
    dues: Iterable[tuple[Due, datetime]],
) -> Iterator[tuple[Due, datetime, Sequence[Entry]]]:
    """Give with the last thing that time did to an account at a moment the entries of them all."""
    groups: list[list[tuple[Due, datetime]]] = []
    for each in dues:
        if groups and _belongs(groups[-1][-1][0], each[0]):
            groups[-1].append(each)
        else:
            groups.append([each])
    for *others, (last, booked_at) in groups:
        yield from ((due, moment, ()) for due, moment in others)
        before = [entry for due, _ in others for entry in due.entries]
        yield last, booked_at, [*before, *last.entries]


def _belongs(before: Due, due: Due) -> bool:
    first, then = before.entries[0], due.entries[0]
    is_together = due.continues or first.event_at == then.event_at
    return is_together and first.after.key == then.after.key


def of_time(
    due: Due,
    compared: Sequence[Entry],
    units: Mapping[str, Unit],
    moment: datetime,
    telling: Telling,
    least_of: Callable[[AccountKey], int | None],
) -> list[Notice]:
    """Give the notices of one thing that time did, booked at `moment`.

    `compared` are the entries of which crossings are told with it (see `at_once`).
    """
    made = {fact.id: fact for fact in due.made}
    hold = whole_name(due.hold.id if due.hold else f"hld_{suffix(due.id)}")
    scene = Scene(units, due.entries[0].after.customer, moment, least_of, made, {"hold": hold})
    found = (*_of_entries(due.entries, scene, telling), *_of_balances(compared, scene, telling))
    return [notice for notice in found if notice.kind in telling.kinds]


def _of_entries(entries: Iterable[Entry], scene: Scene, telling: Telling) -> Iterator[Notice]:
    for entry in entries:
        if entry.kind in telling.entries:
            notice = _TELLERS[entry.kind][1](entry, scene)
            if notice is not None:
                yield notice


def _of_balances(entries: Iterable[Entry], scene: Scene, telling: Telling) -> Iterator[Notice]:
    for first, last in _spans(entries).values():
        yield from _crossings(first, last, scene, telling)


def _spans(entries: Iterable[Entry]) -> dict[AccountKey, tuple[Entry, Entry]]:
    """Give the first and the last entry of each account."""
    spans: dict[AccountKey, tuple[Entry, Entry]] = {}
    for entry in entries:
        key = entry.after.key
        spans[key] = (spans[key][0] if key in spans else entry, entry)
    return spans


def _crossings(first: Entry, last: Entry, scene: Scene, telling: Telling) -> Iterator[Notice]:
    """Compare an account before and after an operation with its threshold, and with no debt."""
    after = last.after
    if last.kind == "merge_out":
        return  # whoever was merged is nobody's customer any more
    before = first.after.available - first.available
    is_new = first.after.version == 1  # it was not low: it was not there
    passed = any_passed(telling.low_balances.get(after.unit, ()), before, after.available)
    least = scene.least_of(after.key) if passed and not is_new else None
    if least is not None and (before < least) != (after.available < least):
        kind = CreditsLow if after.available < least else CreditsRestored
        yield kind(**_about(last, scene), threshold=_amount(last, least, scene))
    owed = first.after.debt - first.debt
    if not owed and after.debt:
        yield DebtIncurred(**_about(last, scene), debt=_amount(last, after.debt, scene))
    elif owed and not after.debt:
        yield DebtCleared(**_about(last, scene), repaid=_amount(last, owed, scene))


def _about(entry: Entry, scene: Scene) -> dict[str, Any]:
    """Say whose balance it is, of what, and how it stands."""
    unit = scene.units[entry.after.unit]
    return {
        "customer": entry.after.customer,
        "unit": unit.currency or unit.key,
        "currency": unit.currency,
        "balance": from_scaled(entry.after.available, unit.scale),
    }


def _amount(entry: Entry, scaled: int, scene: Scene) -> Decimal:
    return from_scaled(scaled, scene.units[entry.after.unit].scale)


def _moved(entry: Entry) -> int:
    """Sum what an entry did to the account's value, what is held included."""
    return entry.available + entry.restricted + entry.held


def _paid_by(entry: Entry) -> tuple[str, ...]:
    return tuple(line.grant for line in entry.lines if line.grant)


def _granted(entry: Entry, scene: Scene) -> Notice | None:
    fact = scene.made[entry.lines[0].grant]
    if entry.event_at and fact.expires_at and fact.expires_at <= entry.event_at:
        return None  # periods that nobody saw: there was never anything to spend of it
    return CreditsGranted(
        **_about(entry, scene),
        amount=_amount(entry, entry.lines[0].remaining, scene),
        grant_id=fact.id,
        source=fact.source,
        source_id=fact.source_id,
        effective_at=fact.effective_at,
        expires_at=fact.expires_at,
    )


def _activated(entry: Entry, scene: Scene) -> Notice | None:
    return GrantActivated(
        **_about(entry, scene),
        grant_id=entry.lines[0].grant,
        amount=_amount(entry, entry.available, scene),
        effective_at=entry.event_at or scene.moment,
    )


def _revoked(entry: Entry, scene: Scene) -> Notice | None:
    taken = -_moved(entry)
    if not taken:
        return None
    amount = _amount(entry, taken, scene)
    return CreditsRevoked(**_about(entry, scene), amount=amount, grant_ids=_paid_by(entry))


def _consumed(entry: Entry, scene: Scene) -> Notice | None:
    spent = -_moved(entry)
    if not spent:
        return None
    paid = tuple(
        line.grant for line in entry.lines if line.grant and line.remaining + line.held < 0
    )
    return CreditsConsumed(
        **_about(entry, scene), amount=_amount(entry, spent, scene), grant_ids=paid
    )


def _expired(entry: Entry, scene: Scene) -> Notice | None:
    lost = -_moved(entry)
    if not lost:
        return None
    return GrantExpired(
        **_about(entry, scene),
        grant_id=entry.lines[0].grant,
        amount=_amount(entry, lost, scene),
        expired_at=entry.event_at or scene.moment,
    )


def _lapsed(entry: Entry, scene: Scene) -> Notice | None:
    return HoldLapsed(
        **_about(entry, scene),
        hold_id=scene.result["hold"],
        amount=_amount(entry, -entry.held, scene),
        lapsed_at=entry.event_at or scene.moment,
    )


def _adjusted(entry: Entry, scene: Scene) -> Notice | None:
    return BalanceAdjusted(**_about(entry, scene), amount=_amount(entry, _moved(entry), scene))


def _reversed(entry: Entry, scene: Scene) -> Notice | None:
    return OperationReversed(
        **_about(entry, scene),
        amount=_amount(entry, _moved(entry), scene),
        reversed_operation_id=scene.result.get("reverses"),
    )


def _gave(entry: Entry, scene: Scene) -> Notice | None:
    moved = _amount(entry, -_moved(entry), scene)
    return TransferMade(**_about(entry, scene), amount=moved, to=scene.result["to"])


def _got(entry: Entry, scene: Scene) -> Notice | None:
    moved = _amount(entry, _moved(entry), scene)
    return TransferReceived(**_about(entry, scene), amount=moved, giver=scene.customer)


def _uncollected(entry: Entry, scene: Scene) -> Notice:
    missing = _amount(entry, scene.result["uncollected"], scene)
    hold = scene.result.get("hold")
    return Uncollected(**_about(entry, scene), amount=missing, hold_id=hold)


#: What is told of each kind of entry; the other kinds only cross thresholds.
_TELLERS: Final[
    Mapping[str, tuple[type[BalanceNotice], Callable[[Entry, Scene], Notice | None]]]
] = {
    "grant": (CreditsGranted, _granted),
    "activate": (GrantActivated, _activated),
    "revoke": (CreditsRevoked, _revoked),
    "consume": (CreditsConsumed, _consumed),
    "settle": (CreditsConsumed, _consumed),
    "expire": (GrantExpired, _expired),
    "lapse": (HoldLapsed, _lapsed),
    "adjust": (BalanceAdjusted, _adjusted),
    "set_balance": (BalanceAdjusted, _adjusted),
    "reverse": (OperationReversed, _reversed),
    "transfer_out": (TransferMade, _gave),
    "transfer_in": (TransferReceived, _got),
}
