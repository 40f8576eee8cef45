"""The audit sees where a subscription, its accounts and the customer's tally disagree."""

import pytest
from sqlalchemy import create_engine, text

from tests.subscriptions.conftest import BEGINNING
from tests.subscriptions.prices import CATALOG
from tollkeeper import Billing
from tollkeeper.clock import FixedClock


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("UPDATE {account} SET allowances = NULL WHERE unit = 'storage'", 1),
        ("UPDATE {account} SET allowances = 'x'", 4),
        ("UPDATE {subscription} SET ends_at = NULL", 2),
        ("UPDATE {subscription} SET allowances = '[]'", 2),
        ("UPDATE {subscription} SET allowances = 'x'", 3),
        ("DELETE FROM {subscription}", 3),
        ("UPDATE {tally} SET state = '{{}}'", 1),
    ],
)
def test_each_way_to_disagree_is_found(database_url: str, sql: str, count: int) -> None:
    """Whatever is changed by hand in one place contradicts the others."""
    with Billing(database_url, catalog=CATALOG, clock=FixedClock(BEGINNING)) as billing:
        billing.migrate()
        billing.subscriptions.allocate("u", "pro", interval="month")
        billing.subscriptions.cancel("u")
        assert billing.books.audit().findings == ()
        prefix = "tollkeeper." if "postgres" in database_url else "tollkeeper_"
        names = {name: prefix + name for name in ("account", "subscription", "tally")}
        engine = create_engine(database_url)
        with engine.begin() as connection:
            connection.execute(text(sql.format(**names)))
        engine.dispose()
        assert billing.books.audit().broken["plans"] == count
