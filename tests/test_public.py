"""The public face: names that users, docs and tests rely on."""

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tollkeeper
from tollkeeper import errors
from tollkeeper.errors import TollkeeperError

ROOT = Path(__file__).resolve().parent.parent


def every_error() -> list[type[TollkeeperError]]:
    """List every error of the tree."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return [kind for kind in kinds if issubclass(kind, TollkeeperError)]


def test_public_names() -> None:
    """A name that disappears, or appears unannounced, is a change of the contract."""
    assert sorted(tollkeeper.__all__) == [
        "AsyncBilling",
        "Billing",
        "Money",
        "Unit",
        "credits_unit",
        "currency_unit",
        "errors",
    ]


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


def test_importing_is_quick_and_light() -> None:
    """Heavy libraries wait until they are needed."""
    heavy = "[name for name in ('alembic', 'rich', 'typer') if name in sys.modules]"
    code = f"import sys, tollkeeper; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _rooms(billing: object) -> dict[str, set[str]]:
    rooms = {n: r for n, r in vars(billing).items() if not n.startswith("_")}
    return {name: {v for v in dir(room) if not v.startswith("_")} for name, room in rooms.items()}
