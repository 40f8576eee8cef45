"""The noun `ai`: what AI calls used, cost and earned; what models cost; what a call will."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.options import Since, Until
from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, counted, moment, number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tollkeeper.metering import PinnedRates, QuotedRate
    from tollkeeper.metering.calls.sizing import CallEstimate
    from tollkeeper.values.model_calls import ModelCallPage, ModelReport, ModelReportLine
    from tollkeeper.values.money import Money

app: Final = typer.Typer(help="AI calls: what they used, cost and earned.", no_args_is_help=True)

OfCustomer = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="Only calls of this customer.")
]
OfFeature = Annotated[
    str | None, typer.Option("--feature", metavar="KEY", help="Only calls of this feature.")
]
OfModel = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Only calls of this model.")
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--by",
        metavar="WORD",
        help="Group by customer, feature, vendor, model, member or day; may be repeated. "
        "By model unless you say so.",
    ),
]
Status = Annotated[
    str | None,
    typer.Option(metavar="WORD", help="Only these: open, ending, settled or released."),
]
Most = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
]
Cursor = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Where to go on, as the page before said.")
]
Least = Annotated[
    str | None,
    typer.Option(
        metavar="PERCENT",
        help="The margin to ask for, of the revenue; 0 is those who lose money. The catalog's "
        "least_margin unless given.",
    ),
]
Vendor = Annotated[str, typer.Argument(metavar="VENDOR", help="Who runs it, such as openai.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="The model, such as gpt-4o.")]
Feature = Annotated[
    str, typer.Argument(metavar="FEATURE", help="The feature that the call is charged for.")
]
PriceOf = Annotated[
    str | None,
    typer.Option("--feature", metavar="KEY", help="By the price book and markup of this feature."),
]
Prompt = Annotated[
    int, typer.Option("--prompt-tokens", metavar="N", min=0, help="How long the prompt is.")
]
Output = Annotated[
    int | None,
    typer.Option("--maximum-output", metavar="N", min=0, help="The max_tokens of the call."),
]


@verb(app, "report")
def report(
    call: Call,
    *,
    by: Groups = None,
    since: Since = None,
    until: Until = None,
    customer: OfCustomer = None,
    feature: OfFeature = None,
) -> None:
    """Sum up what calls used, cost you and earned, group by group, dearest first."""
    with call.billing() as billing:
        found = billing.model_calls.report(
            since, until, by=tuple(by or ("model",)), customer=customer, feature=feature
        )
    answers.show(call, found.to_dict(), lambda: [_report(found)])


@verb(app, "calls")
def calls(
    call: Call,
    *,
    customer: OfCustomer = None,
    feature: OfFeature = None,
    model: OfModel = None,
    status: Status = None,
    limit: Most = 50,
    cursor: Cursor = None,
) -> None:
    """List calls, newest first, with what each used, cost and earned."""
    with call.billing() as billing:
        page = billing.model_calls.list(
            customer, feature=feature, model=model, status=status, limit=limit, cursor=cursor
        )
    answers.show(call, page.to_dict(), lambda: [_calls(page)])


@verb(app, "losses")
def losses(call: Call, *, since: Since = None, until: Until = None, least: Least = None) -> int:
    """Find customers whose calls earned too little, and tell the app of each, once a span.

    Without --since it is the last 30 days, by whole days. Exits with 1 where there are any.
    """
    from datetime import UTC, datetime, timedelta

    begun = since or _midnight(datetime.now(UTC)) - timedelta(days=30)
    with call.billing() as billing:
        lines = billing.model_calls.warn_of_losses(begun, until, least=least)
    data = {"since": begun.isoformat(), "lines": [line.to_dict() for line in lines]}
    answers.show(call, data, lambda: [_losses(lines)])
    return FOUND if lines else DONE


@verb(app, "prices")
def prices(call: Call, vendor: Vendor, model: Model, *, feature: PriceOf = None) -> None:
    """Show what a model costs you now and, with the markup, your customers, as vendors quote it."""
    with call.billing() as billing:
        rates = billing.model_rates(vendor, model, feature=feature)
    answers.show(call, _written(rates), lambda: _prices(rates))


@verb(app, "estimate")
def estimate(
    call: Call,
    feature: Feature,
    vendor: Vendor,
    model: Model,
    *,
    prompt_tokens: Prompt = 0,
    maximum_output: Output = None,
) -> None:
    """Estimate one call, before it is made: from recent calls like it, else from its limits."""
    with call.billing() as billing:
        found = billing.estimate_call(
            feature,
            vendor=vendor,
            model=model,
            prompt_tokens=prompt_tokens,
            maximum_output=maximum_output,
        )
    answers.show(call, found.to_dict(), lambda: [_estimate(found)])


def _report(found: "ModelReport") -> Part:
    columns = (
        *(Column(name.capitalize()) for name in found.by),
        Column("Calls", is_number=True),
        Column("Tokens in", is_number=True, drop=3),
        Column("Tokens out", is_number=True, drop=3),
        Column("Cost", is_number=True),
        Column("Revenue", is_number=True),
        Column("Margin", is_number=True),
        Column("Unpriced", is_number=True, drop=1),
        Column("Estimated", is_number=True, drop=2),
    )
    rows = tuple(_line(line, [line.group[name] or "" for name in found.by]) for line in found.lines)
    total = found.total
    note = f"{counted(total.calls, 'call', 'calls')}: cost {_moneys(total.vendor_cost) or '0'}, "
    note += f"revenue {_moneys(total.revenue) or '0'}."
    return Sheet(columns=columns, rows=rows, empty="No calls.", note=note)


def _line(line: "ModelReportLine", names: list[str]) -> tuple[str, ...]:
    return (
        *names,
        f"{line.calls:,}",
        f"{line.input_tokens:,}",
        f"{line.output_tokens:,}",
        _moneys(line.vendor_cost),
        _moneys(line.revenue),
        line.margin.format() if line.margin else "",
        f"{line.unpriced:,}",
        f"{line.estimated:,}",
    )


def _losses(lines: "tuple[ModelReportLine, ...]") -> Part:
    columns = (
        Column("Customer"),
        Column("Calls", is_number=True),
        Column("Cost", is_number=True),
        Column("Revenue", is_number=True),
        Column("Margin", is_number=True),
    )
    rows = tuple(
        (
            line.group["customer"] or "",
            f"{line.calls:,}",
            _moneys(line.vendor_cost),
            _moneys(line.revenue),
            line.margin.format() if line.margin else "",
        )
        for line in lines
    )
    return Sheet(columns=columns, rows=rows, empty="Nobody.")


def _midnight(moment: "datetime") -> "datetime":
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _calls(page: "ModelCallPage") -> Part:
    columns = (
        Column("Call", drop=4),
        Column("Began", drop=2),
        Column("Customer"),
        Column("Feature", drop=1),
        Column("Model"),
        Column("Outcome"),
        Column("Quantity", is_number=True),
        Column("Cost", is_number=True),
        Column("Revenue", is_number=True),
        Column("Marks", drop=3),
    )
    rows = tuple(
        (
            each.id,
            moment(each.created_at),
            each.customer,
            each.feature,
            each.model or "",
            each.outcome or each.status,
            "" if each.quantity is None else number(each.quantity),
            each.vendor_cost.format() if each.vendor_cost else "",
            _moneys(each.revenue),
            " ".join(each.marks),
        )
        for each in page.calls
    )
    note = f"More: --cursor {page.next_cursor}" if page.next_cursor else None
    return Sheet(columns=columns, rows=rows, empty="No calls.", note=note)


def _prices(rates: "PinnedRates") -> list[Part]:
    columns = (
        Column("Kind"),
        Column("For"),
        Column(f"Cost, {rates.currency}", is_number=True),
        Column(f"Price, {rates.currency}", is_number=True),
        Column("Prompts", drop=1),
        Column("From", drop=2),
    )
    rows = tuple(
        (row.kind, f"{row.per:,}", number(row.cost), number(row.price), _longer(row), row.source)
        for row in rates.quoted()
    )
    facts = Facts((("markup", _marked_up(rates)), ("policy", rates.policy or "none")))
    return [Sheet(columns=columns, rows=rows, empty="No rates."), facts]


def _longer(row: "QuotedRate") -> str:
    return f"above {row.above:,} tokens" if row.above else ""


def _marked_up(rates: "PinnedRates") -> str:
    markup = rates.markup
    share = f"{number(markup.share)} %"
    if not markup.addition:
        return share
    return f"{share} and {number(markup.addition)} {rates.currency} / 1,000,000 tokens"


def _written(rates: "PinnedRates") -> dict[str, object]:
    from tollkeeper.metering import pinning

    quoted = [
        {
            "kind": row.kind,
            "per": row.per,
            "cost": f"{row.cost:f}",
            "price": f"{row.price:f}",
            "above": row.above,
        }
        for row in rates.quoted()
    ]
    return {**pinning.to_dict(rates), "quoted": quoted}


def _estimate(found: "CallEstimate") -> Part:
    shown = [
        ("p50", found.p50_money.format() if found.p50_money else number(found.p50)),
        ("p95", found.p95_money.format() if found.p95_money else number(found.p95)),
        ("made from", f"{found.basis}, {counted(found.samples, 'call', 'calls')}"),
    ]
    return Facts(tuple(shown))


def _moneys(amounts: "Iterable[Money]") -> str:
    return ", ".join(money.format() for money in amounts)
