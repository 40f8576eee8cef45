"""The laws of simulating: the catalog that was in force gives what happened; nothing is written."""

import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import TextClause, inspect, text

from tests.charging.scene import START, Scene
from tests.charging.shop import SHOP, shop
from tests.simulating.histories import Action, Life, histories, lived, new_life
from tollkeeper import Billing, Catalog, Money
from tollkeeper.values.usage import NewUsage

BRIEF = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
SOON = timedelta(microseconds=1)


@BRIEF
@given(histories(), st.floats(0, 1))
def test_the_same_catalog_gives_what_happened(
    scene: Scene, history: list[Action], part: float
) -> None:
    """From any moment on: all accepted, the same shares, the same money, to the last digit."""
    life = new_life(scene.billing, scene.clock)
    moments = list(lived(life, history))
    scene.clock.advance(hours=3)
    since = moments[int(part * (len(moments) - 1))]
    if not scene.rows("customer", life.customer):
        return
    found = scene.billing.books.simulate(
        shop(), since=since, until=scene.clock.now() + SOON, customers=life.customer
    )
    assert found.total.simulated == found.total.happened


@BRIEF
@given(st.lists(histories(), min_size=2, max_size=3), st.sampled_from(["0.10", "0.40"]))
def test_who_else_is_simulated_changes_nothing(
    scene: Scene, many: list[list[Action]], price: str
) -> None:
    """A customer's result is the same alone, with others, and in any order."""
    lives = [_spent(scene, history) for history in many]
    other = Catalog.from_toml(SHOP.replace('rate = "0.25 usd"', f'rate = "{price} usd"'))
    known = [life.customer for life in lives if scene.rows("customer", life.customer)]
    if not known:
        return
    books, until = scene.billing.books, scene.clock.now() + SOON
    asked: Any = {"since": START, "until": until}
    together = books.simulate(other, customers=known[::-1], **asked)
    alone = [books.simulate(other, customers=name, **asked) for name in sorted(known)]
    assert together.customers == tuple(each for found in alone for each in found.customers)
    assert together.events == sum(found.events for found in alone)


def test_nothing_is_written(scene: Scene) -> None:
    """Whole tables are the same before and after, whatever is asked."""
    life = _spent(scene, [("plan", ("pro",)), ("deposit", (900,)), *[_CALL] * 5])
    before = _everything(scene)
    found = scene.billing.books.simulate(shop(), since=START, until=scene.clock.now() + SOON)
    assert found.total.customers >= 1
    assert _everything(scene) == before
    scene.audited(life.customer)


def test_memory_does_not_grow_with_the_events(sqlite_url: str) -> None:
    """Ten times the recorded events need no more than a few megabytes more."""
    with Billing(sqlite_url, catalog=RECORDED) as billing:
        billing.migrate()
        peaks = [_peak_of_books(billing, count) for count in (1_000, 9_000)]
    assert peaks[1] - peaks[0] < 3_000_000


def test_memory_does_not_grow_with_a_stream(sqlite_url: str) -> None:
    """Nor does it with the events of a stream that is in no books."""
    with Billing(sqlite_url) as billing:
        peaks = [_peak_of_stream(billing, count) for count in (1_000, 1_000, 10_000)]
    assert peaks[2] - peaks[1] < 2_000_000


RECORDED = Catalog.from_toml("""
currency = "usd"
default_plan = "pro"
[features.token]
scale = 0
rate = "0.01 usd"
[plans.pro]
usage.token = "0.01 usd"
""")
_CALL: Action = ("charge", ("call", 2, None, None, set(), None))


def _spent(scene: Scene, history: list[Action]) -> Life:
    life = new_life(scene.billing, scene.clock)
    list(lived(life, history))
    scene.clock.advance(hours=1)
    return life


def _everything(scene: Scene) -> dict[str, list[str]]:
    schema = None if scene.is_sqlite else "tollkeeper"
    names = inspect(scene.engine).get_table_names(schema=schema)
    with scene.engine.connect() as connection:
        prefix = f"{schema}." if schema else ""
        return {
            name: sorted(str(tuple(row)) for row in connection.execute(_all(prefix + name)))
            for name in names
            if name not in ("job",)
        }


def _all(name: str) -> TextClause:
    return text(f"SELECT * FROM {name}")


def _peak_of_books(billing: Billing, count: int) -> int:
    at = datetime.now(START.tzinfo)
    for _ in range(0, count, 500):
        billing.usage.record_many([{"customer": "user", "feature": "token"}] * 500)
    tracemalloc.start()
    found = billing.books.simulate(RECORDED, since=at - timedelta(days=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.events >= count
    assert found.total.simulated == found.total.happened
    return peak


def _peak_of_stream(billing: Billing, count: int) -> int:
    tracemalloc.start()
    found = billing.books.simulate_usage(
        RECORDED, _stream(count), deposit=Money("50.00", "usd"), plans="pro"
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.events == count
    return peak


def _stream(count: int) -> Iterator[NewUsage]:
    for number in range(count):
        at = START + timedelta(seconds=number)
        yield {"customer": f"user_{number % 7}", "feature": "token", "event_at": at}
