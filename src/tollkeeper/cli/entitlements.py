"""What answers about charges say: who paid or would pay, and how sources and limits stand."""

from typing import TYPE_CHECKING

from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, moment, number

if TYPE_CHECKING:
    from tollkeeper.values.charges import ChargeReceipt, PaidShare
    from tollkeeper.values.entitlements import Entitlement


def parts(found: "Entitlement") -> list[Part]:
    """Show whether a charge would be accepted, who would pay, and what it hangs on."""
    left = "no end" if found.left is None else number(found.left)
    pairs = [("feature", found.feature), ("quantity", number(found.quantity))]
    pairs += [("allowed", "yes" if found.is_allowed else "no"), ("left", left)]
    if found.refusal is not None:
        pairs += [("reason", f"{found.refusal.code}: {found.refusal.message}")]
    if found.resets_at is not None:
        pairs += [("starts anew", moment(found.resets_at))]
    return [Facts(tuple(pairs)), *shares(found.shares), *_sources(found), *_limits(found)]


def charge(receipt: "ChargeReceipt") -> list[Part]:
    """Show a charge: what was used, who paid which part, and the balances after it."""
    pairs = [("operation", receipt.operation_id), ("customer", receipt.customer)]
    pairs += [("feature", receipt.feature), ("quantity", number(receipt.quantity))]
    told = receipt.to_dict()
    pairs += [("member", receipt.member)] if receipt.member else []
    pairs += [(name, str(told[key])) for name, key in _FURTHER if told.get(key)]
    pairs += [("booked at", moment(receipt.created_at))]
    return [Facts(tuple(pairs)), *shares(receipt.shares), *_balances(receipt)]


_FURTHER = (("hold", "id"), ("held", "held"), ("lapses at", "expires_at"), ("hold", "hold"))


def shares(paid: "tuple[PaidShare, ...]", *, title: str = "Paid by") -> list[Part]:
    """List what each source pays, or holds."""
    if not paid:
        return []
    columns = (
        Column(title),
        Column("Quantity", is_number=True),
        Column("Amount", is_number=True),
        Column("Unit"),
    )
    rows = tuple((s.source, number(s.quantity), number(s.amount), s.unit) for s in paid)
    return [Sheet(columns=columns, rows=rows)]


def _balances(receipt: "ChargeReceipt") -> list[Part]:
    if not receipt.balances:
        return []
    columns = (
        Column("Balance"),
        Column("Available", is_number=True),
        Column("Held", is_number=True),
    )
    rows = tuple(
        (unit, number(found.available, found.unit), number(found.held, found.unit))
        for unit, found in receipt.balances.items()
    )
    return [Sheet(columns=columns, rows=rows)]


def _sources(found: "Entitlement") -> list[Part]:
    columns = (
        Column("Source"),
        Column("Available", is_number=True),
        Column("Unit"),
        Column("Enough for", is_number=True),
    )
    rows = tuple(
        (
            source.source,
            "on the bill" if source.available is None else number(source.available),
            source.unit,
            "any" if source.covers is None else number(source.covers),
        )
        for source in found.sources
    )
    return [Sheet(columns=columns, rows=rows, empty="No source of payment.")]


def _limits(found: "Entitlement") -> list[Part]:
    if not found.limits:
        return []
    columns = (
        Column("Limit"),
        Column("Of", drop=2),
        Column("Used", is_number=True),
        Column("Held", is_number=True, drop=1),
        Column("At most", is_number=True),
        Column("Starts anew", drop=3),
    )
    rows = tuple(
        (
            limit.name,
            limit.subject or "customer",
            number(limit.used),
            number(limit.held),
            number(limit.at_most),
            moment(limit.resets_at),
        )
        for limit in found.limits
    )
    return [Sheet(columns=columns, rows=rows)]
