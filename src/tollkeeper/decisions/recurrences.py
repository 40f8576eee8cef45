"""How an allowance of a plan comes back: period by period, counted from its anchor (D3, D4). Pure.

A recurrence stands in the account that it fills and knows all that a renewal needs: no catalog is
read when one is due, and the terms are those that were sold (D9). It touches no balance; `renewing`
does.
"""

from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.intervals import Interval
from tollkeeper.values.moments import from_microseconds, to_microseconds
from tollkeeper.values.periods import Period, period, period_number
from tollkeeper.values.successions import NumberedPeriod, numbered_after
from tollkeeper.values.zones import zone as zone_named

#: What `number` says once the subscription is over.
OVER: Final = -(2**31)

#: Where the calendar ends: a period that reaches further ends here, and is the last one.
LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
#: How many letters of an id tell the time.
_TIME: Final = 10
_VERSION_AND_VARIANT: Final = 7 << 76 | 0b10 << 62
_FREE: Final = ((1 << 80) - 1) & ~(0b1111 << 76 | 0b11 << 62)


class Recurrence(NamedTuple):
    """An allowance that one subscription gives in one unit."""

    subscription: str
    #: What the ids of its grants end with; they begin with the time of their period.
    tail: str
    #: How much each period, at the unit's scale.
    amount: int
    #: How long a period is ("month", "3 months"); "" is once.
    every: str
    anchor: datetime
    zone: str | None
    #: The number of the next period.
    number: int
    #: When the next period begins; None where nothing comes any more.
    next_at: datetime | None
    #: When the subscription ends; None where no end is known.
    ends_at: datetime | None = None
    #: Whether a renewal adds to what is left; else it takes the place of it (D2).
    adds: bool = False
    #: With `adds`: the most that may remain of it after a renewal.
    cap: int | None = None
    #: With `adds`: how long each grant can be spent; "" is until the subscription ends.
    lifetime: str = ""
    priority: int = 20
    #: The only features that may spend it.
    features: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Tell whether its end is booked."""
        return self.number == OVER

    @property
    def due_at(self) -> datetime | None:
        """Tell when it next does something: a renewal, or its end."""
        if self.is_over:
            return None
        if self.next_at is None or (self.ends_at is not None and self.ends_at <= self.next_at):
            return self.ends_at
        return self.next_at

    def gave(self, grant_id: str) -> bool:
        """Tell whether a grant came from it."""
        return grant_id.endswith(self.tail)

    def renews(self, grant_id: str, ends: datetime) -> bool:
        """Tell whether a new grant takes the place of one of its own the moment that ends."""
        is_next = self.next_at == ends and (self.ends_at is None or self.ends_at > ends)
        return is_next and self.gave(grant_id)

    def granted_at(self, grant_id: str) -> datetime:
        """Tell from a grant's id when its period began, at most a millisecond later."""
        encoded = grant_id.partition("_")[2][:_TIME]
        return from_microseconds(_decoded(encoded) * 1000 + 999)

    def id_of(self, prefix: str, moment: datetime) -> str:
        """Name what it does at a moment: always the same, so that nothing is booked twice."""
        return f"{prefix}_{_encoded(to_microseconds(moment) // 1000, _TIME)}{self.tail}"


def begun(
    recurrence: Recurrence, now: datetime, *, given: int | None = None
) -> tuple[Recurrence, Period]:
    """Begin it at a moment: give the period that runs, and what comes after.

    The period of an allowance that comes once begins now and has no end: it ends where it begins.
    Where a period was `given` for before, by its number, it begins with none before that one.
    """
    if not recurrence.every:
        return recurrence._replace(next_at=None), Period(now, now)
    every, zone = Interval.parse(recurrence.every), zone_named(recurrence.zone)
    number = period_number(recurrence.anchor, every, now, zone)
    if given is not None:
        number = max(number, given)
    running = period(recurrence.anchor, every, number, zone)
    return recurrence._replace(number=number + 1, next_at=running.end), running


def stepped(recurrence: Recurrence, start: datetime) -> tuple[Recurrence, Period]:
    """Go on to the period that begins at `start`; a day that its zone skipped is passed over."""
    number = recurrence.number
    while (end := numbered_period(recurrence, number).end) <= start < LAST_MOMENT:
        number += 1
    next_at = None if end == LAST_MOMENT else end
    return recurrence._replace(number=number + 1, next_at=next_at), Period(start, end)


def numbered_period(recurrence: Recurrence, number: int) -> Period:
    """Give a period by its number; the last one of the calendar ends with it."""
    every, zone = Interval.parse(recurrence.every), zone_named(recurrence.zone)
    try:
        return period(recurrence.anchor, every, number, zone)
    except InvalidRequest:
        before = period(recurrence.anchor, every, number - 1, zone)
        return Period(before.end, LAST_MOMENT)


def number_at(recurrence: Recurrence, moment: datetime) -> int:
    """Give the number of the period of a moment; near the calendar's end, of one not much before.

    None is walked through for it.
    """
    every, zone = Interval.parse(recurrence.every), zone_named(recurrence.zone)
    try:
        return period_number(recurrence.anchor, every, moment, zone)
    except InvalidRequest:
        one = numbered_period(recurrence, recurrence.number).duration
        return period_number(recurrence.anchor, every, moment - 3 * one, zone)


def passed(recurrence: Recurrence, moment: datetime) -> Recurrence:
    """Bring a recurrence behind the period of a moment, if it is not there already."""
    if recurrence.next_at is None or moment < recurrence.next_at:
        return recurrence
    at_next = recurrence._replace(number=number_at(recurrence, moment))
    return stepped(at_next, numbered_period(at_next, at_next.number).start)[0]


def numbered(recurrence: Recurrence, moment: datetime) -> int:
    """Tell which period a moment lies in, of one that comes again, as it stood at the moment."""
    every, zone = Interval.parse(recurrence.every), zone_named(recurrence.zone)
    ends = recurrence.next_at or recurrence.anchor
    before = NumberedPeriod(recurrence.number - 1, Period(ends, ends))
    return numbered_after(before, recurrence.anchor, every, moment, zone).number


def expiry(recurrence: Recurrence, running: Period, given_at: datetime) -> datetime | None:
    """Tell when what is granted for a period expires; None is with the subscription (D2).

    A lifetime counts from the moment of the grant: who comes in mid-period has it whole.
    """
    if not recurrence.every:
        return None
    if not recurrence.adds:
        return running.end
    if not recurrence.lifetime:
        return None
    lifetime = Interval.parse(recurrence.lifetime)
    try:
        return period(given_at, lifetime, 0, zone_named(recurrence.zone)).end
    except InvalidRequest:
        return LAST_MOMENT


@lru_cache(maxsize=4096)
def tail_of(subscription: str, unit: str) -> str:
    """Give the end that all grants of a subscription in one unit have in common.

    It has the shape of a UUIDv7's last 80 bits, so that their ids are ids like any other.
    """
    digest = blake2b(f"{subscription}\0{unit}".encode(), digest_size=10).digest()
    return _encoded(int.from_bytes(digest) & _FREE | _VERSION_AND_VARIANT, 16)


def _encoded(value: int, length: int) -> str:
    return "".join([_ALPHABET[value >> shift & 31] for shift in range(5 * length - 5, -1, -5)])


def _decoded(text: str) -> int:
    value = 0
    for letter in text:
        value = value << 5 | _ALPHABET.index(letter)
    return value
