"""Intervals: how long a period lasts, as a number and a span of the calendar ("3 months").

Owns how they are written and compared; where a period begins and ends is for `periods`. A month
has no fixed length, nor has a day where clocks are put forward and back, so an interval is no
number of seconds.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

from tollkeeper.errors import InvalidInterval
from tollkeeper.values.texts import echo

#: The spans that an interval counts.
Span = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]

#: What a span is made of: months and days of the local calendar, or seconds that pass.
Base = Literal["month", "day", "second"]

#: Most spans in one interval, far more than anybody sells.
MAXIMUM_COUNT: Final = 10_000

SPANS: Final[dict[Span, tuple[int, Base]]] = {
    "minute": (60, "second"),
    "hour": (3600, "second"),
    "day": (1, "day"),
    "week": (7, "day"),
    "month": (1, "month"),
    "quarter": (3, "month"),
    "year": (12, "month"),
}

_SPAN_OF: Final[dict[str, Span]] = {word: span for span in SPANS for word in (span, f"{span}s")}
#: The Gregorian calendar repeats after 400 years, which have 4,800 months and 146,097 days.
_MONTHS_OF: Final[dict[Base, Fraction]] = {
    "month": Fraction(1),
    "day": Fraction(4_800, 146_097),
    "second": Fraction(4_800, 146_097 * 24 * 60 * 60),
}
_SECONDS_OF: Final[dict[Base, int]] = {"day": 24 * 60 * 60, "second": 1}
_WRITTEN: Final = re.compile(r"(?:([0-9]{1,9})\s+)?([a-z]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """A number of calendar spans.

    Two intervals are equal if their periods always are: a year is 12 months and a week 7 days, but
    a day is not 24 hours.

    Raises:
        InvalidInterval: the span is unknown, or the count is no whole number from 1 to 10,000.

    >>> Interval(12, "month") == Interval(1, "year"), Interval(24, "hour") == Interval(1, "day")
    (True, False)
    """

    #: How many spans, from 1 to 10,000.
    count: int
    #: What is counted: minute, hour, day, week, month, quarter or year.
    span: Span

    def __post_init__(self) -> None:
        if self.span not in SPANS:
            raise InvalidInterval(f"{_quoted(self.span)} is not an interval; {_hint(self.span)}")
        if type(self.count) is not int or not 1 <= self.count <= MAXIMUM_COUNT:
            raise InvalidInterval(
                f"an interval is a whole number of {self.span}s from 1 to {MAXIMUM_COUNT:,}, "
                f"not {_quoted(self.count)}"
            )

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Read an interval as people write it: "month", "3 months", "2 weeks".

        Raises:
            InvalidInterval: it is not written so; the message names the nearest span.

        >>> Interval.parse("3 months")
        Interval(3, 'month')
        >>> Interval.parse("2 mounths")
        Traceback (most recent call last):
        tollkeeper.errors.InvalidInterval: '2 mounths' is not an interval; did you mean 'months'?
        """
        if not isinstance(text, str):
            raise InvalidInterval(f"an interval is a text like '3 months', not {_quoted(text)}")
        return _read(text)

    @property
    def base(self) -> Base:
        """What the interval is made of: local months, local days, or seconds that pass."""
        return SPANS[self.span][1]

    @property
    def length(self) -> int:
        """How many of its base the interval has.

        >>> Interval(2, "week").length, Interval(2, "week").base
        (14, 'day')
        """
        return self.count * SPANS[self.span][0]

    @property
    def seconds(self) -> int:
        """How many seconds pass in it, a day being 24 hours, for windows that roll.

        Raises:
            InvalidInterval: it is made of months, which have no fixed length.

        >>> Interval(5, "hour").seconds, Interval(7, "day").seconds
        (18000, 604800)
        """
        if self.base == "month":
            raise InvalidInterval(f"{self} has no fixed length; use minutes, hours, days or weeks")
        return self.length * _SECONDS_OF[self.base]

    @property
    def per_month(self) -> Fraction:
        """How many such intervals a month has on average, so that prices can be compared.

        A price times this is the price per month. Days are counted against the mean month of the
        Gregorian calendar, 365.2425 / 12 days.

        >>> Interval(1, "year").per_month, Interval(1, "week").per_month
        (Fraction(1, 12), Fraction(6957, 1600))
        """
        return 1 / (self.length * _MONTHS_OF[self.base])

    def __str__(self) -> str:
        return self.span if self.count == 1 else f"{self.count} {self.span}s"

    def __repr__(self) -> str:
        return f"Interval({self.count}, {self.span!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return (self.length, self.base) == (other.length, other.base)

    def __hash__(self) -> int:
        return hash((self.length, self.base))


@lru_cache(maxsize=256)
def _read(text: str) -> Interval:
    """Read each text once: a charge asks for its plan's interval every time."""
    written = _WRITTEN.fullmatch(text.strip())
    span = _SPAN_OF.get(written[2].lower()) if written else None
    if written is None or span is None:
        raise InvalidInterval(f"{echo(text)} is not an interval; {_hint(text)}")
    return Interval(int(written[1] or 1), span)


def _quoted(value: object) -> str:
    return echo(value) if isinstance(value, str) else echo(repr(value))[1:-1]


def _hint(text: object) -> str:
    words = re.findall("[a-z]+", str(text)[:80].lower())
    near = [get_close_matches(word, _SPAN_OF, n=1, cutoff=0.6) for word in words]
    found = next((each[0] for each in near if each), None)
    return f"did you mean {found!r}?" if found else "write one like 'month' or '3 months'"
