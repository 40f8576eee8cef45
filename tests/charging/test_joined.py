"""Charging inside the host's own transaction: both commit or roll back, and nothing is stale."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, text

from tests.charging.scene import Scene, paid, refused
from tests.doors.hosts import INSERT, POSTGRES_HOSTS, SQLITE_HOSTS, Host
from tests.doors.scenes import beside
from tollkeeper import Money
from tollkeeper.errors import SerializationFailure, StoreError


@pytest.fixture
def new_payer(scene: Scene, new_customer: Callable[[], str]) -> Callable[[], str]:
    """Makes somebody with credits and money, each time it is called."""

    def made() -> str:
        customer = new_customer()
        scene.billing.credits.grant(customer, "credits", 30)
        scene.billing.wallet.deposit(customer, Money("5.00", "usd"))
        return customer

    return made


@pytest.fixture
def payer(new_payer: Callable[[], str]) -> str:
    """One such customer."""
    return new_payer()


def test_a_row_of_the_hosts_and_a_charge_are_one(
    scene: Scene, new_payer: Callable[[], str]
) -> None:
    """Rolled back, neither is there; committed, both are; a refusal in between harms nothing."""
    hosts = SQLITE_HOSTS if scene.is_sqlite else POSTGRES_HOSTS
    for name, open_host in hosts.items():
        # Hosts of tasks open books of their own, which know no catalog.
        if "async" not in name and "aio" not in name:
            customer = new_payer()
            with open_host(scene.billing, scene.url) as host:
                _both_or_neither(scene, host, customer)


def _both_or_neither(scene: Scene, host: Host, customer: str) -> None:
    with scene.nothing_is_written(customer):
        host.begin()
        host.execute(INSERT.format(f"{customer}-1"))
        assert host.rooms.charge(customer, "scan", 4, member="ann").quantity == 4
        host.rollback()
    host.begin()
    host.execute(INSERT.format(f"{customer}-2"))
    receipt = host.rooms.charge(customer, "call", 32, idempotency_key="k")
    assert [share.source for share in receipt.shares] == ["credits", "wallet"]
    assert not host.rooms.try_charge(customer, "scan", 31).success
    assert not host.rooms.check(customer, "scan", 31)
    assert "refused" in host.rooms.explain(customer, "scan", 31)
    assert host.rooms.charge(customer, "call", 32, idempotency_key="k").replayed
    host.commit()
    assert jobs(scene, customer) == [f"{customer}-2"]
    events = scene.rows("usage_event", customer)
    assert [event["id"] for event in events] == [receipt.operation_id]
    scene.audited(customer)


def test_what_a_host_rolled_back_counts_nowhere(scene: Scene, payer: str) -> None:
    """Nothing that this process remembers of it comes back: counters, tallies, balances."""
    for _ in range(3):
        with isolated(scene) as host:
            scene.billing.using(host).charge(payer, "post", 20, member=None)
            host.rollback()
        with isolated(scene) as host:
            scene.billing.using(host).charge(payer, "post", 7, member="ann")
            host.rollback()
    assert scene.billing.check(payer, "post").left == 20
    assert scene.billing.charge(payer, "post", 7, member="ann").quantity == 7
    assert scene.billing.charge(payer, "post", 13).quantity == 13
    refused("limit_reached", scene.billing.charge, payer, "post", 1)
    scene.audited(payer)


def test_an_autocommit_host_is_refused(scene: Scene, payer: str) -> None:
    """Each statement would commit by itself."""
    with isolated(scene, "AUTOCOMMIT") as host, scene.nothing_is_written(payer):
        rooms = scene.billing.using(host)
        refused("no_transaction", rooms.charge, payer, "call", 1)
        refused("no_transaction", rooms.check, payer, "call", 1)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_never_decides_over_a_limit(
    postgres_scene: Scene, customer: str, level: str
) -> None:
    """Somebody reached the limit after the host's snapshot was taken: an error, nothing stale."""
    scene = postgres_scene
    scene.billing.credits.grant(customer, "credits", 100)
    scene.billing.charge(customer, "post", 1)
    with isolated(scene, level) as host:
        rooms = scene.billing.using(host)
        assert rooms.check(customer, "post", 1).left == 19
        scene.billing.charge(customer, "post", 19)
        with pytest.raises(SerializationFailure):
            rooms.charge(customer, "post", 1)
        host.rollback()
        refused("limit_reached", rooms.charge, customer, "post", 1)
        host.rollback()
    scene.audited(customer)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_from_before_the_first_charge(
    postgres_scene: Scene, new_customer: Callable[[], str], level: str
) -> None:
    """There was no tally then; the host neither sees one nor makes a second."""
    scene = postgres_scene
    for member in (None, "ann"):
        customer = new_customer()
        scene.billing.credits.grant(customer, "credits", 100)
        with isolated(scene, level) as host:
            rooms = scene.billing.using(host)
            assert rooms.check(customer, "post", 1)
            scene.billing.charge(customer, "post", 7, member="ann")
            scene.billing.charge(customer, "post", 13)
            with pytest.raises(SerializationFailure):
                rooms.charge(customer, "post", 1, member=member)
            host.rollback()
        scene.audited(customer)


def test_a_sqlite_host_that_read_before(sqlite_scene: Scene, customer: str) -> None:
    """Its snapshot is old once somebody else has written: it may not write any more."""
    scene = sqlite_scene
    scene.billing.credits.grant(customer, "credits", 100)
    with isolated(scene) as host:
        host.execute(text("BEGIN"))
        rooms = scene.billing.using(host)
        assert rooms.check(customer, "post", 20).left == 20
        scene.billing.charge(customer, "post", 20)
        with pytest.raises(StoreError):
            rooms.charge(customer, "post", 1)
        host.rollback()
        refused("limit_reached", rooms.charge, customer, "post", 1)
    scene.audited(customer)


def test_a_stranger_is_charged_inside(scene: Scene, customer: str) -> None:
    """His tally and his customer row come and go with the host's transaction."""
    with isolated(scene) as host, scene.nothing_is_written(customer):
        assert paid(scene.billing.using(host).charge(customer, "gift", 2)) == [("credits", 2, 0)]
        host.rollback()
    with isolated(scene) as host:
        scene.billing.using(host).charge(customer, "gift", 2)
        host.commit()
    assert len(scene.rows("usage_event", customer)) == 1
    scene.audited(customer)


def test_a_host_that_sleeps_delays_only_its_own_customer(
    postgres_scene: Scene, new_customer: Callable[[], str]
) -> None:
    """Who charges the same customer waits for the host; everybody else goes on."""
    scene = postgres_scene
    customer, other, stranger = new_customer(), new_customer(), new_customer()
    for each in (customer, other):
        scene.billing.credits.grant(each, "credits", 50)
        scene.billing.charge(each, "post", 1)
    with isolated(scene) as host:
        scene.billing.using(host).charge(customer, "post", 15)
        waiting = [beside(scene.billing.try_charge, customer, "post", 2) for _ in range(4)]
        for _ in range(3):
            assert scene.billing.charge(other, "post", 1, member="ann").quantity == 1
            assert scene.billing.charge(stranger, "gift", 1).quantity == 1
        assert not any(call.done() for call in waiting)
        host.commit()
    assert sum(call.result(30).success for call in waiting) == 2
    assert scene.counters(customer)["post:quantity:customer:day"] == 20
    scene.audited(customer, other, stranger)


@contextmanager
def isolated(scene: Scene, level: str | None = None) -> Iterator[Connection]:
    """Open a host's connection, perhaps of an isolation level."""
    options: dict[str, Any] = {"isolation_level": level} if level else {}
    engine = create_engine(scene.url, poolclass=NullPool, **options)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def jobs(scene: Scene, customer: str) -> list[str]:
    """What the host keeps."""
    with scene.engine.connect() as connection:
        found = connection.execute(text("SELECT name FROM job ORDER BY name"))
        return [name for (name,) in found if name.startswith(customer)]
