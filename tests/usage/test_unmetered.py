"""A feature that is metered no more keeps its history, as it was metered before (G3)."""

from decimal import Decimal

import pytest

from tests.databases import PostgresServer
from tests.usage.conftest import START
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock
from tollkeeper.errors import NotMetered

METERED = """
features.reports = { meter = "max" }
features.export = { type = "boolean" }
"""
BOOLEAN = """
features.reports = { type = "boolean" }
features.export = { type = "boolean" }
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Books in which 7 and 5 reports were counted, and then reports became boolean."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('unmetered') / 'books.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    with Billing(url, clock=FixedClock(START), catalog=Catalog.from_toml(METERED)) as billing:
        billing.migrate()
        billing.catalog.apply(Catalog.from_toml(METERED), actor="ann", reason="first")
        for quantity in (7, 5):
            billing.usage.record("user", "reports", quantity)
        billing.catalog.apply(Catalog.from_toml(BOOLEAN), actor="ann", reason="included now")
        assert billing.usage.summary("user", "reports").value == 7
    return url


def test_g3_a_summary_tells_what_was_metered_before(url: str) -> None:
    """So does a process that has known no other catalog; the report and the history agree."""
    with Billing(url, clock=FixedClock(START)) as billing:
        found = billing.usage.summary("user", "reports")
        assert (found.quantity, found.value) == (Decimal(12), Decimal(7))
    with Billing(url, clock=FixedClock(START)) as billing:
        (row,) = billing.usage.report().rows
        assert (row.quantity, row.value) == (Decimal(12), Decimal(7))
    with Billing(url, clock=FixedClock(START)) as billing:
        page = billing.usage.history("user")
        assert {event.quantity for event in page.events} == {7, 5}


def test_what_was_never_metered_has_no_summary(url: str) -> None:
    """And nothing more can be recorded of what is boolean now."""
    with Billing(url, clock=FixedClock(START)) as billing:
        with pytest.raises(NotMetered):
            billing.usage.summary("user", "export")
        with pytest.raises(NotMetered):
            billing.usage.record("user", "reports")
