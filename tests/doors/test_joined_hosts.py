"""`using()`: the host's commit and its rollback both stay the host's, whoever the host is."""

import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.doors.hosts import INSERT, POSTGRES_HOSTS, SQLITE_HOSTS, Host, Tasks
from tests.doors.scenes import UNIT, check, entries, rows
from tollkeeper import Billing
from tollkeeper.decisions.requests import Note
from tollkeeper.decisions.spending import Consume
from tollkeeper.doors.hosts import Source, join_async
from tollkeeper.doors.joined import JoinedDoor
from tollkeeper.errors import GrantNotFound, IdempotencyConflict, InsufficientBalance
from tollkeeper.ids import OPERATION, new_id

KINDS = [("sqlite", kind) for kind in SQLITE_HOSTS] + [
    ("postgresql", kind) for kind in POSTGRES_HOSTS
]


@pytest.fixture(params=KINDS, ids=lambda kind: " ".join(kind))
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A database, and a kind of host on it."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
def books_url(request: pytest.FixtureRequest, kind: tuple[str, str]) -> str:
    """The books of the host's database."""
    name = "sqlite_books" if kind[0] == "sqlite" else "postgres_books"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def host(kind: tuple[str, str], billing: Billing, books_url: str) -> Iterator[Host]:
    """The app, whose open transaction is undone at the end."""
    hosts = SQLITE_HOSTS if kind[0] == "sqlite" else POSTGRES_HOSTS
    with hosts[kind[1]](billing, books_url) as made:
        yield made
        with suppress(Exception):
            made.rollback()


def jobs(url: str, name: str) -> int:
    """Count the host's rows, as another connection sees them."""
    count: int = rows(url, "SELECT count(*) FROM job WHERE name = :name", name=name)[0][0]
    return count


def test_commit_and_rollback_stay_the_hosts(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """A row of the host's and a charge: both there after its commit, neither after its rollback."""
    billing.credits.grant(customer, UNIT, 10)
    host.begin()
    host.execute(INSERT.format(customer))
    assert host.rooms.credits.consume(customer, UNIT, 3).amount == 3
    assert host.rooms.credits.balance(customer, UNIT).available == 7
    assert (jobs(books_url, customer), len(entries(books_url, customer))) == (0, 1)
    host.rollback()
    assert (jobs(books_url, customer), len(entries(books_url, customer))) == (0, 1)
    host.begin()
    host.execute(INSERT.format(customer))
    host.rooms.credits.consume(customer, UNIT, 4)
    assert (jobs(books_url, customer), len(entries(books_url, customer))) == (0, 1)
    host.commit()
    assert (jobs(books_url, customer), len(entries(books_url, customer))) == (1, 2)
    assert billing.credits.balance(customer, UNIT).available == 6
    check(billing, books_url, customer)


def test_the_first_statement_may_be_ours(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """Also for a customer nobody has met: what the host undoes never was, what it keeps is."""
    host.begin()
    host.rooms.credits.grant(customer, UNIT, 8)
    host.rollback()
    assert entries(books_url, customer) == []
    host.begin()
    host.rooms.credits.grant(customer, UNIT, 5)
    host.rooms.credits.consume(customer, UNIT, 2)
    host.execute(INSERT.format(customer))
    host.commit()
    assert jobs(books_url, customer) == 1
    assert billing.credits.balance(customer, UNIT).available == 3
    check(billing, books_url, customer)


def test_a_refusal_does_not_spoil_the_hosts_transaction(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """The rules say no, the host writes on and commits; only what was accepted is booked."""
    billing.credits.grant(customer, UNIT, 10)
    host.begin()
    host.execute(INSERT.format(customer))
    with pytest.raises(InsufficientBalance) as refused:
        host.rooms.credits.consume(customer, UNIT, 11)
    assert refused.value.available == 10
    with pytest.raises(GrantNotFound):
        host.rooms.credits.revoke(customer, UNIT, grant="grt_unknown")
    assert not host.rooms.credits.try_consume(customer, UNIT, 12).success
    host.rooms.credits.consume(customer, UNIT, 1)
    host.commit()
    assert jobs(books_url, customer) == 1
    assert billing.credits.balance(customer, UNIT).available == 9
    assert len(entries(books_url, customer)) == 2
    check(billing, books_url, customer)


def test_a_failure_leaves_nothing_half_done(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """It breaks after its first rows were written; the host goes on and commits all the same."""
    billing.credits.grant(customer, UNIT, 10)
    host.begin()
    host.execute(INSERT.format(customer))
    broken = Consume(
        id=new_id(OPERATION),
        customer=customer,
        unit=UNIT,
        amount=2_000_000,
        idempotency_key="broken",
        fingerprint="f",
        note=Note(reason="\udfff"),
    )
    with pytest.raises(Exception, match=r".+"):  # each driver says it in its own way
        change(host, broken)
    host.rooms.credits.consume(customer, UNIT, 1)
    host.commit()
    assert jobs(books_url, customer) == 1
    assert [kind for _, kind, *_ in entries(books_url, customer)] == ["grant", "consume"]
    assert billing.credits.balance(customer, UNIT).available == 9
    assert not billing.credits.consume(customer, UNIT, 1, idempotency_key="broken").replayed
    check(billing, books_url, customer)


def change(host: Host, request: Consume) -> object:
    """Run a hand-made request inside the host's transaction, beneath the rooms."""
    if not isinstance(host, Tasks):
        return host.rooms.credits._desk.door.change(request)
    wired = host.billing._wired

    def work(source: Source) -> object:
        return JoinedDoor(source, wired.ledger, wired.threads.learn).change(request)

    joined = join_async(host.connection, wired.ledger.database.dialect, work)
    return host.loop.run_until_complete(joined)


def test_keys_replay_inside_and_after(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """The host's own transaction sees its key at once, others once it is committed (law 5)."""
    billing.credits.grant(customer, UNIT, 10)
    host.begin()
    first = host.rooms.credits.consume(customer, UNIT, 2, idempotency_key="job")
    again = host.rooms.credits.consume(customer, UNIT, 2, idempotency_key="job")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.to_json() == again.to_json()
    with pytest.raises(IdempotencyConflict):
        host.rooms.credits.consume(customer, UNIT, 3, idempotency_key="job")
    host.commit()
    after = billing.credits.consume(customer, UNIT, 2, idempotency_key="job")
    assert after.replayed
    assert after.to_json() == first.to_json()
    check(billing, books_url, customer)


def test_every_kind_of_verb(host: Host, billing: Billing, books_url: str, customer: str) -> None:
    """Holds, transfers, corrections and reads, all inside one transaction of the host's."""
    host.begin()
    room = host.rooms.credits
    room.grant(customer, UNIT, 20, reason="welcome", actor="app")
    hold = room.hold(customer, UNIT, 5)
    room.extend(customer, hold, 1)
    room.settle(customer, hold, 4)
    spent = room.consume(customer, UNIT, 6)
    room.reverse(customer, spent)
    room.transfer(customer, UNIT, 3, to=f"{customer}-friend")
    room.adjust(customer, UNIT, -1, reason="mistake", actor="app")
    assert room.has(customer, UNIT, 12)
    assert not room.has(customer, UNIT, 13)
    assert [grant.remaining for grant in room.grants(customer)] == [12]
    inside = room.history(customer).entries
    assert entries(books_url, customer) == []
    host.commit()
    assert inside == billing.credits.history(customer).entries  # moments and notes included
    assert billing.credits.balance(customer, UNIT).available == 12
    check(billing, books_url, f"{customer}-friend")
    assert billing.books.audit(customer=customer).ok


def test_the_rooms_may_be_kept(host: Host, billing: Billing, books_url: str, customer: str) -> None:
    """What `using` gave serves one transaction of the host's after another."""
    rooms = host.rooms
    for number in range(3):
        host.begin()
        rooms.credits.grant(customer, UNIT, 2)
        rooms.credits.consume(customer, UNIT, 1)
        host.execute(INSERT.format(f"{customer}-{number}"))
        if number == 1:
            host.rollback()
        else:
            host.commit()
    assert billing.credits.balance(customer, UNIT).available == 2
    check(billing, books_url, customer)


def test_our_wrapper_goes_and_the_connection_stays(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """Forgotten and collected in the middle of the host's transaction, it takes nothing with it."""
    billing.credits.grant(customer, UNIT, 10)
    host.begin()
    host.execute(INSERT.format(customer))
    rooms = host.rooms
    rooms.credits.consume(customer, UNIT, 1)
    del rooms
    gc.collect(1)  # it is young
    host.execute(INSERT.format(f"{customer}-after"))
    host.commit()
    assert jobs(books_url, customer) == jobs(books_url, f"{customer}-after") == 1
    assert billing.credits.balance(customer, UNIT).available == 9
    host.begin()
    host.execute(INSERT.format(f"{customer}-again"))
    host.commit()


def test_a_savepoint_of_the_hosts_undoes_what_came_after_it(
    host: Host, billing: Billing, books_url: str, customer: str
) -> None:
    """Ours stand inside the host's, and end before it goes on."""
    billing.credits.grant(customer, UNIT, 10)
    host.begin()
    host.execute(INSERT.format(customer))
    host.rooms.credits.consume(customer, UNIT, 1)
    host.execute("SAVEPOINT inner_part")
    host.rooms.credits.consume(customer, UNIT, 5, idempotency_key="undone")
    host.execute("ROLLBACK TO SAVEPOINT inner_part")
    assert host.rooms.credits.balance(customer, UNIT).available == 9
    host.rooms.credits.consume(customer, UNIT, 2)
    host.execute("RELEASE SAVEPOINT inner_part")
    host.commit()
    assert billing.credits.balance(customer, UNIT).available == 7
    assert not billing.credits.consume(customer, UNIT, 5, idempotency_key="undone").replayed
    check(billing, books_url, customer)
