"""Tells how a replay went: in all, and for those customers who called most."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tollkeeper.cli.replay.plan import Plan
from tollkeeper.cli.replay.tally import Count, Tally
from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, moment
from tollkeeper.values.money import Money

#: How many customers the table shows.
SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a replay went."""

    plan: Plan
    tally: Tally
    #: How long the charging took, in seconds.
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings."""
        total = self.tally.total()
        return {
            "run": self.plan.run,
            "currency": self.plan.prices.currency,
            "recorded": [self.plan.first_at.isoformat(), self.plan.last_at.isoformat()],
            "seconds": round(self.seconds, 3),
            "calls_per_second": round(total.calls / self.seconds),
            **_counted(total),
            "customers": len(self.tally.by_customer),
            "top_customers": [
                {"customer": self.plan.customer(number), **_counted(count)}
                for number, count in self.top()
            ],
        }

    def top(self) -> list[tuple[int, Count]]:
        """List those who called most, most first."""
        everybody = sorted(
            self.tally.by_customer.items(), key=lambda each: (-each[1].calls, each[0])
        )
        return everybody[:SHOWN]

    def parts(self) -> list[Part]:
        """Show it as tables."""
        return [Facts(tuple(self._facts())), self._top_sheet()]

    def _facts(self) -> list[tuple[str, str]]:
        total = self.tally.total()
        money = self._money
        speed = total.calls / self.seconds
        refused = f"{total.refused:,} for want of balance"
        facts = [
            ("calls", f"{total.calls:,}, recorded {_span(self.plan)}"),
            ("charged", f"{total.charged:,}, {total.over_estimate:,} of them above the estimate"),
            ("refused", refused),
            ("tokens charged", f"{total.context:,} in, {total.generated:,} out"),
            ("deposited", money(total.deposited)),
            ("spent", money(total.spent)),
            ("left", money(total.available)),
            ("uncollected", money(total.uncollected)),
            ("speed", f"{speed:,.0f} calls a second, a hold and a settle each"),
        ]
        if total.replayed:
            text = f"{total.replayed:,} calls were charged by an earlier run of this name"
            facts.insert(2, ("replayed", text))
        return facts

    def _top_sheet(self) -> Sheet:
        columns = (
            Column("Customer"),
            Column("Calls", is_number=True),
            Column("Refused", is_number=True),
            Column("Tokens in", is_number=True, drop=2),
            Column("Tokens out", is_number=True, drop=1),
            Column("Deposited", is_number=True),
            Column("Spent", is_number=True),
            Column("Left", is_number=True),
        )
        rows = tuple(
            (
                str(number),
                f"{count.calls:,}",
                f"{count.refused:,}",
                f"{count.context:,}",
                f"{count.generated:,}",
                *money,
            )
            for (number, count), money in zip(self.top(), self._aligned(), strict=True)
        )
        return Sheet(columns=columns, rows=rows, note=self._note(len(rows)))

    def _note(self, shown: int) -> str:
        """Say what the table leaves out, and what its customers are called in the books."""
        first, _ = self.top()[0]
        more = len(self.tally.by_customer) - shown
        text = f"Customer {first} is {self.plan.customer(first)}."
        return f"and {more:,} customers more. {text}" if more else text

    def _aligned(self) -> list[tuple[str, ...]]:
        """Write the money of the table, each column with as many digits in every row."""
        counts = [count for _, count in self.top()]
        columns = (
            [count.deposited for count in counts],
            [count.spent for count in counts],
            [count.available for count in counts],
        )
        return list(
            zip(*(_padded([self._money(each) for each in c]) for c in columns), strict=True)
        )

    def _money(self, amount: Decimal) -> str:
        return Money(amount, self.plan.prices.currency).format()


def _padded(texts: list[str]) -> list[str]:
    """Set the decimal points below each other.

    >>> _padded(["$1.50", "$0.1234"])
    ['$1.5000', '$0.1234']
    """
    decimals = [len(text.partition(".")[2]) for text in texts]
    most = max(decimals, default=0)
    return [
        text + "0" * (most - count) if count else text
        for text, count in zip(texts, decimals, strict=True)
    ]


def _span(plan: Plan) -> str:
    return f"from {moment(plan.first_at)[:-4]} to {moment(plan.last_at)[11:-4]}"


def _counted(count: Count) -> dict[str, Any]:
    return {
        "calls": count.calls,
        "charged": count.charged,
        "refused": count.refused,
        "replayed": count.replayed,
        "above_estimate": count.over_estimate,
        "context_tokens": count.context,
        "generated_tokens": count.generated,
        "refused_context_tokens": count.refused_context,
        "deposited": _text(count.deposited),
        "spent": _text(count.spent),
        "uncollected": _text(count.uncollected),
        "available": _text(count.available),
    }


def _text(amount: Decimal) -> str:
    """Write a sum as a decimal string, without an exponent or needless zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
