"""Laws of ids: unique, in order of creation, and readable."""

import os
import re
import signal
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper import ids
from tollkeeper.errors import InvalidText
from tollkeeper.ids import GRANT, IdSequence, id_time, new_id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PREFIXES = [
    value
    for name, value in vars(ids).items()
    if re.fullmatch("[A-Z_]+", name) and name[0] != "_" and isinstance(value, str)
]


def as_uuid(identifier: str) -> uuid.UUID:
    """Read the UUID inside an id, by the definition of base 32."""
    value = 0
    for character in identifier.rpartition("_")[2]:
        value = value * 32 + ALPHABET.index(character)
    return uuid.UUID(int=value)


def as_text(value: uuid.UUID) -> str:
    """Write a UUID in 26 characters, by the definition of base 32."""
    return "".join(ALPHABET[value.int >> shift & 31] for shift in range(125, -1, -5))


def test_ids_are_uuids_of_version_seven() -> None:
    """RFC 9562: version 7, the RFC's variant, and the time of creation."""
    before = time.time_ns() // 1_000_000
    for _ in range(1000):
        identifier = new_id(GRANT)
        value = as_uuid(identifier)
        assert re.fullmatch(r"grt_[0-7][0-9a-z]{25}", identifier)
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
        assert as_text(value) == identifier[4:]
        assert value.int >> 80 >= before


def test_ids_are_sorted_in_order_of_creation() -> None:
    """Byte order is the order of creation, within one millisecond too."""
    made = [new_id(GRANT) for _ in range(50_000)]
    assert all(earlier.encode() < later.encode() for earlier, later in pairwise(made))


def test_threads_share_one_order() -> None:
    """Ids are unique over threads, and sorted as they were made."""
    made: list[str] = []
    order = Lock()

    def make(_: int) -> None:
        with order:
            made.append(new_id(GRANT))

    def race(_: int) -> list[str]:
        return [new_id(GRANT) for _ in range(2000)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(5000)))
        raced = list(pool.map(race, range(8)))
    assert made == sorted(made)
    assert all(own == sorted(own) for own in raced)
    assert len({identifier for own in raced for identifier in own}) == 16_000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_children_make_ids_of_their_own() -> None:
    """Parent and children that go on from the same state never make the same id."""
    # Ahead of the wall clock, nobody gets fresh numbers merely because a millisecond went by.
    reached = max(ids._sequence._state[0], time.time_ns() // 1_000_000)
    ids._sequence._state = ids._begun(reached + 2000)
    inherited = new_id(GRANT)
    outputs = [_fork_and_make() for _ in range(4)]
    made = [[new_id(GRANT) for _ in range(1000)]]
    for child, reader in outputs:
        with os.fdopen(reader) as stream:
            made.append(stream.read().split())
        os.waitpid(child, 0)
    assert len({identifier for own in made for identifier in own}) == 5000
    assert all(own == sorted(own) and own[0] > inherited for own in made)


def _fork_and_make() -> tuple[int, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a stranded child ends by itself
        with os.fdopen(writer, "w") as stream:
            stream.write(" ".join(new_id(GRANT) for _ in range(1000)))
        os._exit(0)
    os.close(writer)
    return child, reader


def test_a_signals_handler_may_make_ids() -> None:
    """It runs in the middle of whatever its own thread does: of making an id, for one."""
    nested: list[str] = []
    interrupts = iter(range(3))

    def interrupted() -> int:
        if next(interrupts, None) is not None:
            nested.append(sequence.next())
        return 5_000_000

    sequence = IdSequence(interrupted)
    made = [sequence.next() for _ in range(3)]
    assert len({*made, *nested}) == 6
    assert made == sorted(made)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_makes_an_id() -> None:
    """A child whose parent held the lock at the fork is not stranded."""
    with ids._sequence._lock:
        child, reader = _fork_and_make()
    with os.fdopen(reader) as stream:
        assert len(stream.read().split()) == 1000
    os.waitpid(child, 0)


@given(st.lists(st.integers(0, 4 * 10**18), min_size=1))
def test_order_survives_any_wall_clock(times: list[int]) -> None:
    """Whatever the wall clock says, each id is greater than the one before."""
    ticks = iter(times)
    sequence = IdSequence(lambda: next(ticks))
    made = [sequence.next() for _ in times]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_a_step_back_keeps_the_time_reached() -> None:
    """When the wall clock steps back, ids stay at the time they had reached."""
    ticks = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    sequence = IdSequence(lambda: next(ticks))
    first, second = id_time(f"a_{sequence.next()}"), id_time(f"a_{sequence.next()}")
    assert first == second == datetime.fromtimestamp(2_000_000_000, UTC)


def test_a_used_up_millisecond_borrows_from_the_next() -> None:
    """More ids than one millisecond can count stay unique and in order."""
    sequence = IdSequence(lambda: 10**18)
    sequence.next()
    sequence._state = (*sequence._state[:2], 2**20 - 2)
    made = [sequence.next() for _ in range(3)]
    assert made == sorted(set(made))
    assert id_time(f"a_{made[2]}") - id_time(f"a_{made[0]}") == timedelta(milliseconds=1)


def test_processes_begin_at_random_places() -> None:
    """Two sequences at the same millisecond have nothing in common but the time."""
    texts = [IdSequence(lambda: 10**18).next() for _ in range(1000)]
    assert len({text[10:22] for text in texts}) == 1000
    assert len({text[:10] for text in texts}) == 1


def test_the_time_can_be_read_back() -> None:
    """An id tells when it was made, to the millisecond."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert before <= id_time(new_id(ids.OPERATION)) <= datetime.now(UTC) + timedelta(seconds=60)
    known = as_text(uuid.UUID("0188bac7-4afa-78aa-bc3b-bd1eef28d881"))
    assert known == "01h2xcejqtf2nbrexx3vqjhp41"
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=0x0188BAC74AFA)
    assert id_time(f"grt_{known}") == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        "grt_",
        "grt",
        "01h2xcejqtf2nbrexx3vqjhp41",
        "grt_01h2xcejqtf2nbrexx3vqjhp4",
        "grt_01h2xcejqtf2nbrexx3vqjhp41\n",
        "grt_01H2XCEJQTF2NBREXX3VQJHP41",
        "grt_01h2xcejqtf2nbrexx3vqjhpl1",
        "grt_81h2xcejqtf2nbrexx3vqjhp41",
        "grt_7" + "z" * 25,
        None,
        7,
        b"grt_01h2xcejqtf2nbrexx3vqjhp41",
    ],
)
def test_what_is_no_id_is_refused(value: Any) -> None:
    """Any other text is refused."""
    with pytest.raises(InvalidText):
        id_time(value)


def test_prefixes_name_one_noun_each() -> None:
    """Every prefix is short, in lower case, and used once."""
    assert sorted(PREFIXES) == ["grt", "op"]
    assert all(re.fullmatch("[a-z]{2,4}", prefix) for prefix in PREFIXES)
