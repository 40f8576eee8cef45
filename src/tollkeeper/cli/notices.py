"""The noun `notices`: what the app is told, what waits, what was given up, and trying it again."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, counted, moment

if TYPE_CHECKING:
    from tollkeeper.notices import NoticePage, NoticeState

app: Final = typer.Typer(help="Look at notices, and deliver them again.", no_args_is_help=True)

NoticeId = Annotated[
    str, typer.Argument(metavar="NOTICE", help="The notice's id, such as ntc_01j….")
]
Status = Annotated[
    str | None, typer.Option(metavar="WORD", help="Only these: waiting, delivered or dead.")
]
OfCustomer = Annotated[
    str | None, typer.Option("--customer", metavar="ID", help="Only those about this customer.")
]
Kind = Annotated[
    str | None, typer.Option(metavar="WORD", help="Only those of this kind, such as credits_low.")
]
Most = Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How many at most.")]
Cursor = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Where to go on, as the page before said.")
]


@verb(app, "list")
def list_notices(
    call: Call,
    *,
    status: Status = None,
    customer: OfCustomer = None,
    kind: Kind = None,
    limit: Most = 50,
    cursor: Cursor = None,
) -> None:
    """List notices, newest first: those that wait, were delivered within days, or were given up."""
    with call.billing() as billing:
        page = billing.notices.list(
            status=status, customer=customer, kind=kind, limit=limit, cursor=cursor
        )
    answers.show(call, page.to_dict(), lambda: _parts(page))


@verb(app, "redeliver")
def redeliver(call: Call, notice: NoticeId, *, customer: OfCustomer = None) -> None:
    """Deliver a notice once more, whether it was delivered or given up; one that waits, at once.

    The next runner of the app tells it; to name the customer finds it quicker.
    """
    with call.billing() as billing:
        state = billing.notices.redeliver(notice, customer=customer)
    answers.show(call, state.to_dict(), lambda: [Facts(tuple(_facts(state)))])


@verb(app, "redeliver-dead")
def redeliver_dead(
    call: Call, *, customer: OfCustomer = None, kind: Kind = None, limit: Most = 1000
) -> None:
    """Deliver notices that were given up once more, newest first."""
    with call.billing() as billing:
        count = billing.notices.redeliver_dead(customer=customer, kind=kind, limit=limit)
    told = f"{counted(count, 'notice waits', 'notices wait')} again."
    answers.show(call, {"redelivered": count}, lambda: [told])


def _parts(page: "NoticePage") -> list[Part]:
    columns = (
        Column("Notice", drop=3),
        Column("Told of"),
        Column("Customer"),
        Column("Kind"),
        Column("Status"),
        Column("Tries", is_number=True, drop=1),
        Column("Next try", drop=4),
        Column("Error", drop=2),
    )
    rows = tuple(
        (
            state.notice.id,
            moment(state.notice.created_at),
            state.notice.customer,
            state.notice.to_dict()["kind"],
            state.status,
            str(state.attempts),
            moment(state.next_attempt_at) if state.next_attempt_at else "",
            state.error or "",
        )
        for state in page.notices
    )
    note = f"More: --cursor {page.next_cursor}" if page.next_cursor else None
    return [Sheet(columns=columns, rows=rows, empty="No notices.", note=note)]


def _facts(state: "NoticeState") -> list[tuple[str, str]]:
    told = [(name, str(value)) for name, value in state.notice.to_dict().items()]
    return [*told, ("status", state.status)]
