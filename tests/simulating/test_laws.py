"""The laws of simulating: the catalog that was in force gives what happened; nothing is written."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.charging.scene import START, Scene
from tests.charging.shop import shop
from tests.simulating.histories import Action, histories, lived, new_life

BRIEF = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
SOON = timedelta(microseconds=1)


@BRIEF
@given(histories, st.floats(0, 1))
def test_the_same_catalog_gives_what_happened(
    scene: Scene, history: list[Action], part: float
) -> None:
    """From any moment on: all accepted, the same shares, the same money, to the last digit."""
    life = new_life(scene.billing, scene.clock)
    moments = list(lived(life, history))
    scene.clock.set(scene.clock.now() + timedelta(hours=3))
    since, until = moments[int(part * (len(moments) - 1))], scene.clock.now()
    scene.billing.customers.get(life.customer) if _is_there(scene, life.customer) else None
    if not _is_there(scene, life.customer):
        return
    found = scene.billing.books.simulate(
        shop(), since=since, until=until + SOON, customers=life.customer
    )
    assert found.total.simulated == found.total.happened


def _is_there(scene: Scene, customer: str) -> bool:
    return bool(scene.rows("customer", customer))
