"""The public face: names that users, docs and tests rely on."""

import asyncio
import inspect
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import tollkeeper
from tollkeeper import errors
from tollkeeper.errors import TollkeeperError
from tollkeeper.metering.calls.estimating import Estimating
from tollkeeper.metering.calls.meter import Meter
from tollkeeper.operations.books import Books
from tollkeeper.operations.catalogs import Catalogs
from tollkeeper.operations.charges import Charges
from tollkeeper.operations.charging import Charging
from tollkeeper.operations.credits import Credits
from tollkeeper.operations.customers import Customers
from tollkeeper.operations.entitlements import Entitlements
from tollkeeper.operations.jobs import Jobs
from tollkeeper.operations.limits import Limits
from tollkeeper.operations.model_calls import ModelCalls
from tollkeeper.operations.notices import Notices
from tollkeeper.operations.promotions import Promotions
from tollkeeper.operations.subscriptions import Subscriptions
from tollkeeper.operations.usage import Usage
from tollkeeper.operations.wallet import Wallet

ROOT = Path(__file__).resolve().parent.parent

#: What stands behind the front door: the rooms, and what holds the verbs of the door itself.
ROOMS: tuple[type, ...] = (
    Meter,
    Estimating,
    Books,
    Catalogs,
    Charges,
    Charging,
    Credits,
    Customers,
    Entitlements,
    Jobs,
    Limits,
    ModelCalls,
    Notices,
    Promotions,
    Subscriptions,
    Usage,
    Wallet,
)


def every_error() -> list[type[TollkeeperError]]:
    """List every error of the tree."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return [kind for kind in kinds if issubclass(kind, TollkeeperError)]


def test_public_names() -> None:
    """A name that disappears, or appears unannounced, is a change of the contract."""
    assert sorted(tollkeeper.__all__) == [
        "Amount",
        "AsyncBilling",
        "Attempt",
        "AuditReport",
        "Backfill",
        "BackfillPart",
        "Balance",
        "Billing",
        "CallEstimate",
        "Catalog",
        "CatalogDiff",
        "CatalogVersion",
        "ChargeAttempt",
        "ChargeHoldReceipt",
        "ChargeReceipt",
        "Comparison",
        "CostShown",
        "Customer",
        "CustomerLimit",
        "DueReport",
        "Entitlement",
        "Entry",
        "FeatureEntitlement",
        "Finding",
        "Gauge",
        "Grant",
        "GrantLine",
        "HeldCharge",
        "HeldChargePage",
        "HoldReceipt",
        "LimitChange",
        "LimitState",
        "MeteredCall",
        "ModelCall",
        "ModelCallPage",
        "ModelReport",
        "ModelReportLine",
        "Money",
        "NewCharge",
        "NewUsage",
        "NoticePage",
        "NoticeState",
        "PackShown",
        "Page",
        "PaidShare",
        "Period",
        "PinnedRates",
        "PlanShown",
        "Receipt",
        "RecordedBatch",
        "Simulation",
        "SourceState",
        "SpanResult",
        "Subscription",
        "Unit",
        "UsageEvent",
        "UsageGroup",
        "UsagePage",
        "UsageParts",
        "UsageReport",
        "UsageSummary",
        "credits_unit",
        "currency_unit",
        "errors",
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_what_rooms_answer_can_be_named(room: type) -> None:
    """Whatever class of ours a verb answers, an app can write in its own annotations."""
    verbs = [v for n, v in inspect.getmembers(room, inspect.isfunction) if not n.startswith("_")]
    assert Any not in [_answer(verb) for verb in verbs]
    answers = {kind for verb in verbs for kind in _classes(_answer(verb))}
    ours = {kind for kind in answers if kind.__module__.startswith("tollkeeper.")}
    assert ours == {getattr(tollkeeper, kind.__name__) for kind in ours}
    assert {kind.__name__ for kind in ours} <= set(tollkeeper.__all__)


def test_public_names_can_all_be_imported() -> None:
    """Each is where it is said to be, and `dir` lists it."""
    for name in tollkeeper.__all__:
        assert getattr(tollkeeper, name) is not None
    assert set(tollkeeper.__all__) <= set(dir(tollkeeper))


def test_every_error_has_its_own_code() -> None:
    """Codes are public, in snake_case, and each names one kind of error."""
    codes = [kind.code for kind in every_error()]
    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").isalpha() and code.islower() for code in codes)


@pytest.mark.parametrize("kind", every_error())
def test_every_error_stands_in_the_tree(kind: type[TollkeeperError]) -> None:
    """The tree drawn in the docstring is whole, and the first line is the default message."""
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind().message.endswith((".", "!"))


def test_awaited_types_are_generated() -> None:
    """The awaited signatures are those of the rooms."""
    command = [sys.executable, str(ROOT / "tools" / "awaited.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_doors_have_the_same_rooms() -> None:
    """What threads can call, tasks can await, verb by verb; a joined transaction has it too."""

    async def rooms_of_tasks() -> dict[str, set[str]]:
        async with tollkeeper.AsyncBilling("sqlite://") as billing:
            return _rooms(billing)

    with tollkeeper.Billing("sqlite://") as billing:
        assert _rooms(billing) == asyncio.run(rooms_of_tasks())


def test_a_joined_transaction_has_every_room() -> None:
    """All but what asks an AI vendor, which no transaction waits for; for tasks the same."""
    vendors = {"metered", "meter", "wrap", "calling", "estimate_call", "model_rates"}

    async def joined_by_tasks(connection: sqlite3.Connection) -> set[str]:
        async with tollkeeper.AsyncBilling("sqlite://") as billing:
            return _names(billing.using(connection))

    connection = sqlite3.connect(":memory:")
    with tollkeeper.Billing("sqlite://") as billing:
        assert _names(billing.using(connection)) == _names(billing) - vendors
        assert asyncio.run(joined_by_tasks(connection)) == _names(billing) - vendors
    connection.close()


def test_importing_is_quick_and_light() -> None:
    """Heavy libraries wait until they are needed."""
    heavy = "[name for name in ('alembic', 'rich', 'typer') if name in sys.modules]"
    code = f"import sys, tollkeeper; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _names(billing: object) -> set[str]:
    """What an app reads of a front door: rooms, and verbs that stand on it."""
    return {name for name in vars(billing) if not name.startswith("_")}


def _rooms(billing: object) -> dict[str, set[str]]:
    rooms = {n: r for n, r in vars(billing).items() if not n.startswith("_")}
    return {name: {v for v in dir(room) if not v.startswith("_")} for name, room in rooms.items()}


def _answer(verb: Callable[..., Any]) -> Any:
    """What a verb answers; names that only type checkers import are public ones."""
    return get_type_hints(verb, vars(sys.modules[verb.__module__]), _Public())["return"]


class _Public(dict[str, Any]):
    """The public names, found when they are asked for."""

    def __missing__(self, name: str) -> Any:
        if name in tollkeeper.__all__:
            return getattr(tollkeeper, name)
        raise KeyError(name)


def _classes(hint: Any) -> Iterator[type]:
    """Walk over the classes in a hint, in whatever they are wrapped."""
    if inspect.isclass(hint):
        yield hint
    for part in get_args(hint):
        yield from _classes(part)
