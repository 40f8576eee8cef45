"""Books whose catalog says how hard cases are decided, on both databases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from tollkeeper import Billing, Catalog
from tollkeeper.clock import FixedClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: Opens books whose catalog has these policies; nothing at all is no catalog.
Opener = Callable[..., Billing]

CATALOG = """
    currency = "usd"
    [units.credits]
    [features.chat]
    cost.credits = 1
    rate = "1 usd"
    [features.export]
    type = "boolean"
    [features.seats]
    type = "gauge"
    [plans.free]
    allowances.credits = "5 / month"
    entitlements = { export = true, seats = 3 }
    [sign_up]
    credits = 7
    """


@pytest.fixture
def clock() -> FixedClock:
    """A clock that is set by hand."""
    return FixedClock(NOON)


@pytest.fixture
def opened(database_url: str, clock: FixedClock) -> Iterator[Opener]:
    """Open books, and look afterwards whether every law holds in them."""
    with ExitStack() as stack:

        def open_with(**policies: Any) -> Billing:
            catalog = catalog_of(policies)
            billing = stack.enter_context(Billing(database_url, catalog=catalog, clock=clock))
            billing.migrate()
            stack.callback(lambda: check(billing))
            return billing

        def check(billing: Billing) -> None:
            assert billing.books.audit().findings == ()

        yield open_with


def catalog_of(policies: dict[str, Any]) -> Catalog:
    """Give the catalog with these policies."""
    lines = [f"{name} = {_written(value)}" for name, value in policies.items()]
    return Catalog.from_toml(CATALOG + "\n[policies]\n" + "\n".join(lines))


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
