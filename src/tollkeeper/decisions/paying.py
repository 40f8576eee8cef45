"""Who can pay for a charge, how much each does, and the entries that book it (C1-C3, C5). Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tollkeeper.catalog.terms import Step, Terms
from tollkeeper.decisions.accounts import UNLIMITED, Entry
from tollkeeper.decisions.burning import spendable
from tollkeeper.decisions.requests import Book
from tollkeeper.decisions.spending import insufficient, overdraft_limit, spend
from tollkeeper.decisions.waterfall import (
    Divided,
    Rated,
    Share,
    Source,
    amounts_by_unit,
    divide,
    rated_before,
    summed,
)
from tollkeeper.errors import BalanceOverflow, InsufficientBalance, InvalidRequest, NothingPays
from tollkeeper.values.amounts import MAXIMUM, POWERS_OF_TEN, format_amount
from tollkeeper.values.texts import echo
from tollkeeper.values.units import MONEY_PREFIX


class Payable(Protocol):
    """What is known of a charge when its payers are looked for."""

    @property
    def customer(self) -> str:
        """Name the customer."""
        ...

    @property
    def feature(self) -> str:
        """Name the feature."""
        ...

    @property
    def quantity(self) -> int:
        """Give the quantity, scaled."""
        ...

    @property
    def pay_from(self) -> tuple[str, ...] | None:
        """Name the sources that may pay; None for all of the plan's."""
        ...


class Paid(NamedTuple):
    """Who pays what, and which units go into overdraft for it."""

    shares: tuple[Share, ...]
    #: How much of it was rated, by what it is rated as.
    rated: Rated
    overdrawn: frozenset[str] = frozenset()
    #: The step of each share.
    steps: tuple[Step, ...] = ()
    #: What nobody can pay.
    unpaid: int = 0


def divided(book: Book, charge: Payable, terms: Terms, within: int, before: Rated) -> Paid:
    """Divide a charge among its payers: what is within the limits, then what is beyond them.

    What no source has is taken from overdrafts, where there are any (A3).

    Raises:
        InsufficientBalance: even that is too little.
        NothingPays: there is no source at all.
        BalanceOverflow: a price is more than 64 bits hold.
    """
    paid = divided_as_far(book, charge, terms, charge.quantity, within, before)
    if paid.unpaid:
        beyond = terms.overage if within < charge.quantity else ()
        steps = chosen((*terms.steps, *beyond), charge)
        raise short(book, charge, steps, paid, before, terms.scale)
    return paid


def divided_as_far(
    book: Book,
    charge: Payable,
    terms: Terms,
    quantity: int,
    within: int,
    before: Rated,
) -> Paid:
    """Divide a quantity among its payers as far as they can pay, overdrafts last."""
    whole = POWERS_OF_TEN[terms.scale] if terms.is_whole else 0
    if charge.pay_from is not None:
        _check_sources(terms, charge)
    steps = chosen(terms.steps, charge)
    paid = _further(book, charge, steps, within, Paid((), {}), whole, before)
    if within < quantity:
        beyond = chosen(terms.overage, charge)
        paid = _further(book, charge, beyond, quantity - within, paid, whole, before)
    for share in paid.shares:
        if share.amount > MAXIMUM:
            raise BalanceOverflow(unit=share.unit.removeprefix(MONEY_PREFIX))
    return paid


def chosen(steps: tuple[Step, ...], charge: Payable) -> tuple[Step, ...]:
    """Keep the steps that the call allows; `credits` stands for every balance in credits."""
    wanted = charge.pay_from
    if wanted is None:
        return steps
    return tuple([step for step in steps if _is_named(step, wanted)])


def _check_sources(terms: Terms, charge: Payable) -> None:
    """Refuse a call that names a source that the plan does not have."""
    wanted = charge.pay_from or ()
    sources = dict.fromkeys(step.source for step in (*terms.steps, *terms.overage))
    unknown = [source for source in wanted if source not in sources and source != "credits"]
    if unknown:
        known = ", ".join(sources) or "nothing"
        raise InvalidRequest(
            f"pay_from names {echo(unknown[0])}; {charge.feature!r} is paid from: {known}.",
            pay_from=list(wanted),
        )


def _further(
    book: Book,
    charge: Payable,
    steps: tuple[Step, ...],
    quantity: int,
    paid: Paid,
    whole: int,
    before: Rated,
) -> Paid:
    """Divide one more part of a charge: among what sources have, then among overdrafts."""
    spent = _account_amounts(paid.shares)
    sources = _sources(book, charge, steps, spent)
    found = divide(quantity, sources, whole=whole, before=summed(before, paid.rated))
    if not (found.unpaid or paid.shares):
        return Paid(found.shares, found.rated, paid.overdrawn, found.steps, paid.unpaid)
    rated, overdrawn, unpaid = summed(paid.rated, found.rated), paid.overdrawn, found.unpaid
    if unpaid:
        spent = _account_amounts((*paid.shares, *found.shares))
        overdrafts = _overdrafts(book, charge, steps, spent)
        more = divide(unpaid, overdrafts, whole=whole, before=summed(before, rated))
        overdrawn |= {share.unit for share in more.shares}
        rated, unpaid = summed(rated, more.rated), more.unpaid
        found = _joined(steps, found, more)
    return Paid(
        (*paid.shares, *found.shares),
        rated,
        overdrawn,
        (*paid.steps, *found.steps),
        paid.unpaid + unpaid,
    )


def _joined(steps: Sequence[Step], first: Divided, second: Divided) -> Divided:
    """Add what overdrafts pay to what their sources paid: a source has one share, in its place."""
    joined = dict(zip(first.steps, first.shares, strict=True))
    for step, share in zip(second.steps, second.shares, strict=True):
        known = joined.get(step, share._replace(quantity=0, amount=0))
        quantity, amount = known.quantity + share.quantity, known.amount + share.amount
        joined[step] = share._replace(quantity=quantity, amount=amount)
    paying = tuple([step for step in steps if step in joined])
    shares = tuple([joined[step] for step in paying])
    return Divided(shares, second.unpaid, second.rated, paying)


def entries_of(book: Book, charge: Payable, paid: Paid) -> list[Entry]:
    """Book what each account pays; one that was never opened has nothing to pay of a free use."""
    entries: list[Entry] = []
    for unit, amount in _account_amounts(paid.shares).items():
        account = book.account(charge.customer, unit)
        if not amount and not account.version:
            continue
        limit = 0
        if unit in paid.overdrawn:
            limit = overdraft_limit(account, book.units[unit], None)
        entries.append(spend(account, "consume", amount, limit, charge.feature, book)[1])
    return entries


def _account_amounts(shares: Sequence[Share]) -> dict[str, int]:
    return amounts_by_unit([share for share in shares if share.kind != "usage"])


def _is_named(step: Step, wanted: tuple[str, ...]) -> bool:
    return step.source in wanted or (step.kind == "unit" and "credits" in wanted)


def _sources(
    book: Book, charge: Payable, steps: Sequence[Step], spent: Mapping[str, int]
) -> Iterator[Source]:
    """Say what each step can pay without going into debt, as far as they are asked."""
    for step in steps:
        capacity = None
        if step.kind != "usage":
            account = book.account(charge.customer, step.unit)
            capacity = spendable(account, charge.feature) - spent.get(step.unit, 0)
        yield Source(step, capacity)


def _overdrafts(
    book: Book, charge: Payable, steps: Sequence[Step], spent: Mapping[str, int]
) -> list[Source]:
    """Say what steps can pay where they may go into debt for it, in the order of the waterfall."""
    made: list[Source] = []
    for step in steps:
        if step.kind == "usage":
            continue
        account = book.account(charge.customer, step.unit)
        limit = overdraft_limit(account, book.units[step.unit], None)
        if limit >= UNLIMITED:
            made.append(Source(step, None))
        elif limit:
            own = max(0, spendable(account, charge.feature)) - max(0, account.available)
            capacity = max(0, account.available + limit) + own - spent.get(step.unit, 0)
            made.append(Source(step, capacity))
    return made


def short(
    book: Book,
    charge: Payable,
    steps: tuple[Step, ...],
    found: Paid,
    before: Rated,
    scale: int,
) -> InsufficientBalance | NothingPays:
    """Make the refusal, which lists every source; its own amounts are those of the last balance."""
    paying = [step for step in steps if step.kind != "usage"]
    if not paying:
        return NothingPays(
            f"Nothing pays for {charge.feature!r}: no source of the customer's plan is allowed.",
            feature=charge.feature,
        )
    step = paying[-1]
    account, unit = book.account(charge.customer, step.unit), book.units[step.unit]
    own = sum(share.quantity for share in found.shares if share.source == step.source)
    required = step.rate.between(rated_before(step, before), found.unpaid + own)
    sources = [_told(book, charge, step, before) for step in paying]
    message = _words(charge, found, sources, scale)
    error = insufficient(account, required, charge.feature, unit, message)
    error.details["feature"] = charge.feature
    error.details["sources"] = sources
    return error


def _words(charge: Payable, found: Paid, sources: Sequence[Mapping[str, Any]], scale: int) -> str:
    """Say how much was asked and can be paid, and what each source has of what all would cost."""
    asked = format_amount(charge.quantity, scale)
    paid = format_amount(charge.quantity - found.unpaid, scale)
    each = [
        f"{told['source']} has {told['available']} of {told['required']} {told['unit']}"
        for told in sources
    ]
    return f"{asked} {charge.feature} asked, {paid} can be paid: {'; '.join(each)}."


def _told(book: Book, charge: Payable, step: Step, before: Rated) -> dict[str, Any]:
    """Tell what a source has, and what all of the charge would cost there."""
    scale = book.units[step.unit].scale
    account = book.account(charge.customer, step.unit)
    required = step.rate.between(rated_before(step, before), charge.quantity)
    return {
        "source": step.source,
        "unit": step.unit.removeprefix(MONEY_PREFIX),
        "available": format_amount(spendable(account, charge.feature), scale),
        "required": format_amount(required, scale),
    }
