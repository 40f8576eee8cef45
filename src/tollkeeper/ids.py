"""Ids: prefixed, unique and ordered by time. Must never mean more than their kind and time.

An id is a prefix, `_`, and a UUIDv7 (RFC 9562) in 26 characters of Crockford's base 32, in lower
case: `grt_01h455vb4pex5vsknk084sn02q`. Byte order is the order of creation: in one process always,
even when the wall clock steps back; between processes to the millisecond. 26 characters and not the
32 of hex, because ids are most of the bytes that a consume writes.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from threading import RLock
from typing import Final

from tollkeeper.errors import InvalidRequest, InvalidText
from tollkeeper.values.moments import from_microseconds
from tollkeeper.values.texts import echo

OPERATION: Final = "op"
GRANT: Final = "grt"

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_VALUES: Final = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_ID: Final = re.compile(r"[a-z]+_([0-7][0-9a-hjkmnp-tv-z]{9})[0-9a-hjkmnp-tv-z]{16}")

_TAIL_BITS: Final = 20
_LAST_TAIL: Final = (1 << _TAIL_BITS) - 1
_VERSION_AND_VARIANT: Final = 7 << 76 | 0b10 << 62
_RANDOM: Final = ((1 << 80) - 1) & ~(0b1111 << 76 | 0b11 << 62)

#: Of the last id: its millisecond, the part that stands still, and the count.
_State = tuple[int, str, int]


class IdSequence:
    """Counts upward from a random place within each millisecond; one serves a whole process.

    The last 20 bits count and the rest stands still for a millisecond, so that an id costs two
    look-ups and not thirteen. When the wall clock steps back, or the count is used up, the sequence
    runs ahead of the clock.
    """

    __slots__ = ("_lock", "_state", "_wall_clock")

    def __init__(self, wall_clock: Callable[[], int] = time.time_ns) -> None:
        self._wall_clock = wall_clock
        # A signal's handler may ask for an id while its own thread is in the middle of making one.
        self._lock = RLock()
        self._state = _begun(0)

    def next(self) -> str:
        """Give the next 26 characters, greater than all before."""
        with self._lock:
            while True:
                state = self._state
                milliseconds, head, tail = state
                now = self._wall_clock() // 1_000_000
                if now > milliseconds:
                    following = _begun(now)
                elif tail == _LAST_TAIL:
                    following = _begun(milliseconds + 1)
                else:
                    following = (milliseconds, head, tail + 1)
                if self._state is state:  # no handler was quicker
                    self._state = following
                    break
        _, head, tail = following
        return head + _PAIRS[tail >> 10] + _PAIRS[tail & 1023]

    def part_from_parent(self) -> None:
        """Leave the parent's numbers behind, in a forked child."""
        # Whoever held the parent's lock at the fork is not here to release the copy of it.
        self._lock = RLock()
        self._state = _begun(self._state[0] + 1)


def new_id(prefix: str) -> str:
    """Make an id that was never made before and sorts after every id that this process has made.

    >>> new_id(GRANT)[:4], len(new_id(GRANT))
    ('grt_', 30)
    >>> new_id(GRANT) < new_id(GRANT)
    True
    """
    return f"{prefix}_{_sequence.next()}"


def id_time(identifier: str) -> datetime:
    """Read from an id when it was made, to the millisecond, in UTC.

    Raises:
        InvalidText: this is not one of our ids.

    >>> id_time("grt_01h455vb4pex5vsknk084sn02q").isoformat()
    '2023-06-30T03:34:18.518000+00:00'
    """
    if not isinstance(identifier, str):
        raise InvalidText(f"an id is a str, not of type {type(identifier).__name__}")
    found = _ID.fullmatch(identifier)
    if found is None:
        raise InvalidText(f"{echo(identifier)} is not an id of Tollkeeper")
    try:
        return from_microseconds(int(found[1].translate(_VALUES), 32) * 1000)
    except InvalidRequest as error:
        raise InvalidText(f"{echo(identifier)} names a time beyond the year 9999") from error


def _begun(milliseconds: int) -> _State:
    random = int.from_bytes(os.urandom(10)) & _RANDOM
    value = milliseconds << 80 | _VERSION_AND_VARIANT | random
    # Half of the count is kept free: even the highest beginning leaves half a million ids.
    return milliseconds, _encoded(value >> _TAIL_BITS), value & (_LAST_TAIL >> 1)


def _encoded(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(100, -1, -10)])


# One per process: two sequences would each be unique, but not in order with one another.
_sequence: Final = IdSequence()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_sequence.part_from_parent)
