"""A limit that is introduced over old usage begins with what was used, not with zero (C4).

Law: introduced at any moment, it refuses exactly what it would have refused had it stood from the
start of its window. Each example plays one history twice: for one customer under the limit all the
time, for the other it is introduced in the middle.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import PostgresServer
from tests.usage.conftest import START
from tollkeeper import Billing
from tollkeeper.catalog import Catalog
from tollkeeper.clock import FixedClock

WITHOUT = """
currency = "usd"
default_plan = "pro"

[features.calls]
scale = 0

[features.other]
scale = 0

[plans.pro]
waterfall = ["own", "usage"]

[plans.pro.usage]
calls = "0.5 usd"
other = "0.25 usd"
"""

LIMITS = {
    "day": '{ feature = "calls", at_most = 20, every = "day" }',
    "hour": '{ feature = "calls", at_most = 20, every = "hour" }',
    "month": '{ feature = "calls", at_most = 40, every = "month" }',
    "period": '{ feature = "calls", at_most = 40, every = "period" }',
    "lifetime": '{ feature = "calls", at_most = 60, every = "lifetime" }',
    "member": '{ feature = "calls", at_most = 12, every = "day", per = "member" }',
    "key": '{ feature = "calls", at_most = 12, every = "day", per = "api_key" }',
    "tag": '{ feature = "calls", at_most = 12, every = "day", per = "tag" }',
    "money": '{ spend = "8.00 usd", every = "day" }',
    "credits": '{ unit = "calls", at_most = 15, every = "day" }',
}


class Sides(NamedTuple):
    """One database under two price lists: with the limit, and without."""

    clock: FixedClock
    old: Billing
    new: Billing


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that the module's tests share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('limits') / 'books.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture(params=sorted(LIMITS))
def sides(request: pytest.FixtureRequest, url: str) -> Iterator[Sides]:
    """Books without the limit, and the same books with it."""
    clock = FixedClock(START)
    text = WITHOUT.replace("[plans.pro]", f"[plans.pro]\nlimits = [{LIMITS[request.param]}]")
    limited = Catalog.from_toml(text)
    old = Billing(url, clock=clock, catalog=Catalog.from_toml(WITHOUT))
    with old, Billing(url, clock=clock, catalog=limited) as new:
        old.migrate()
        yield Sides(clock, old, new)


uses = st.lists(
    st.tuples(
        st.sampled_from(["calls", "calls", "other"]),
        st.integers(1, 9),
        st.sampled_from(["ann", "ben"]),
        st.integers(0, 200),
        st.booleans(),
    ),
    max_size=8,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=uses, after=uses)
def test_c4_a_new_limit_counts_what_was_used_before_it(
    sides: Sides, before: list[Any], after: list[Any]
) -> None:
    """Charges and records before it stand in its counter; what was refused is refused again."""
    sides.clock.set(START)
    always, later = f"customer_{uuid4().hex}", f"customer_{uuid4().hex}"
    for customer in (always, later):
        sides.old.credits.grant(customer, "calls", 25)
    for use in before:
        if _use(sides.new, always, use):
            _use(sides.old, later, use)
        sides.clock.set(sides.clock.now() + timedelta(minutes=use[3]))
    for use in after:
        assert _use(sides.new, always, use) == _use(sides.new, later, use)
        sides.clock.set(sides.clock.now() + timedelta(minutes=use[3]))


def _use(billing: Billing, customer: str, use: Any) -> bool:
    """Use something; tell whether it was accepted."""
    feature, quantity, who, _, is_recorded = use
    if is_recorded:
        billing.usage.record(customer, feature, quantity, member=who)
        return True
    done = billing.try_charge(
        customer, feature, quantity, member=who, api_key=f"key-{who}", tags=[f"tag-{who}"]
    )
    return done.success
