"""Usage comes in: one event, a file of them, or one in the place of another."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import typer

from tollkeeper.cli import answers, parsing, screen
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.options import Customer, Dimensions, FeatureKey, Member, Quantity
from tollkeeper.cli.usage import files, tables
from tollkeeper.cli.usage.options import EventAt, EventId, EventKey, File, NewQuantity
from tollkeeper.errors import TollkeeperError

if TYPE_CHECKING:
    from tollkeeper.values.usage import RecordedBatch

app: Final = typer.Typer()

#: How many events of a file are recorded at once.
BATCH: Final = 1000


@verb(app, "record")
def record(
    call: Call,
    customer: Customer,
    feature: FeatureKey,
    quantity: Quantity = "1",
    *,
    event_at: EventAt = None,
    member: Member = None,
    dimension: Dimensions = None,
    key: EventKey = None,
) -> None:
    """Record that something was used, for the later bill or merely to be known."""
    with call.billing() as billing:
        event = billing.usage.record(
            customer,
            feature,
            quantity,
            event_at=event_at,
            member=member,
            dimensions=parsing.dimensions(dimension or ()) or None,
            idempotency_key=key,
        )
    answers.show(call, event.to_dict(), lambda: tables.event(event))


@verb(app, "import")
def import_(call: Call, file: File) -> None:
    """Record the events of a file, a thousand at once.

    A CSV names its columns in the first line: customer, feature, quantity, event_at, member and
    idempotency_key; whatever else it has are dimensions. A line of JSON is an event as the library
    takes it. Events that are there already change nothing, so an import that was stopped can be
    repeated where each event has its idempotency_key. A line that is wrong is named, and nothing of
    its thousand is recorded.
    """
    with call.billing() as billing:
        recorded, replayed = carried(file, billing.usage.record_many)
    data = {"recorded": recorded, "replayed": replayed}
    answers.show(call, data, lambda: tables.imported(recorded, replayed))


@verb(app, "amend")
def amend(
    call: Call,
    customer: Customer,
    event: EventId,
    *,
    quantity: NewQuantity = None,
    event_at: EventAt = None,
    dimension: Dimensions = None,
    key: EventKey = None,
) -> None:
    """Put another event in the place of one that is wrong; --quantity 0 takes it back."""
    with call.billing() as billing:
        made = billing.usage.amend(
            customer,
            event,
            quantity=quantity,
            event_at=event_at,
            dimensions=parsing.dimensions(dimension) if dimension else None,
            idempotency_key=key,
        )
    answers.show(call, made.to_dict(), lambda: tables.event(made))


def carried(file: str, record_some: "Callable[[list[Any]], RecordedBatch]") -> tuple[int, int]:
    """Hand a file's events on by the thousand; tell how many were new, and how many were there."""
    recorded = replayed = done = 0
    with screen.progress("Importing") as moved:
        for some in batches(files.events(file)):
            try:
                told = record_some([event for _, event in some])
            except TollkeeperError as error:
                raise _at_line(error, [line for line, _ in some]) from error
            recorded, replayed = recorded + told.recorded, replayed + len(told.replayed)
            done += len(some)
            moved(done)
    return recorded, replayed


def batches(events: Iterable[tuple[int, Any]]) -> Iterable[list[tuple[int, Any]]]:
    """Cut events into thousands."""
    rest = iter(events)
    while some := list(islice(rest, BATCH)):
        yield some


def _at_line(error: TollkeeperError, lines: list[int]) -> TollkeeperError:
    """Name the line of the file where an error names the number of an event."""
    number = error.details.get("number")
    if type(number) is not int:
        return error
    details = {**error.details, "line": lines[number]}
    says = error.message.partition(": ")[2] or error.message
    return type(error)(f"Line {lines[number]}: {says}", **details)
