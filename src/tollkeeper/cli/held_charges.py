"""What answers about charges that are set aside say: what is held of what, and until when."""

from typing import TYPE_CHECKING

from tollkeeper.cli import entitlements
from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, moment, number

if TYPE_CHECKING:
    from tollkeeper.values.held_charges import HeldCharge, HeldChargePage


def one(held: "HeldCharge") -> list[Part]:
    """Show one hold: how it stands, what was said of it, and what each source set aside."""
    pairs = [("hold", held.id), ("customer", held.customer), ("feature", held.feature)]
    pairs += [("quantity", number(held.quantity)), ("status", held.status)]
    pairs += [(name, text) for name, text in _said(held) if text]
    pairs += [("made at", moment(held.created_at)), ("lapses at", moment(held.expires_at))]
    if held.settled is not None:
        pairs += [("settled", number(held.settled))]
    if held.closed_at is not None:
        pairs += [("closed at", moment(held.closed_at)), ("closed by", held.closed_by or "")]
    return [Facts(tuple(pairs)), *entitlements.shares(held.shares, title="Held by")]


def page(found: "HeldChargePage") -> list[Part]:
    """List holds, newest first."""
    columns = (
        Column("Hold"),
        Column("Feature"),
        Column("Quantity", is_number=True),
        Column("Held by"),
        Column("Status", drop=1),
        Column("Member", drop=3),
        Column("Lapses at", drop=2),
    )
    rows = tuple(
        (
            held.id,
            held.feature,
            number(held.quantity),
            ", ".join(f"{number(share.amount)} {share.unit}" for share in held.shares),
            held.status,
            held.member or "",
            moment(held.expires_at),
        )
        for held in found.holds
    )
    note = f"More: --cursor {found.next_cursor}" if found.next_cursor else None
    return [Sheet(columns=columns, rows=rows, empty="No holds.", note=note)]


def _said(held: "HeldCharge") -> list[tuple[str, str]]:
    dimensions = [f"{name}={value}" for name, value in sorted(held.dimensions.items())]
    return [
        ("member", held.member or ""),
        ("API key", held.api_key or ""),
        ("tags", ", ".join(held.tags)),
        ("dimensions", ", ".join(dimensions)),
        ("pay from", ", ".join(held.pay_from or ())),
    ]
