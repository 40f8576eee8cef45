"""How single values of a catalog are written: amounts, money, spans of time, percentages, keys.

Owns their spelling in TOML, in Python and in canonical text; must never look at two values at once.
Every value is exact: a number is taken as it is written, and a Python `float` is refused.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import core_schema

from tollkeeper.errors import TollkeeperError
from tollkeeper.values.amounts import MAXIMUM_SCALE, amount_key, from_scaled
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.intervals import SPANS, Interval
from tollkeeper.values.money import Money
from tollkeeper.values.texts import echo

_GROUPED: Final = re.compile(r"(?<=[0-9])_(?=[0-9])")
_A_MOMENT: Final = "a moment is a date such as 2026-01-01, or a time with its zone"
_PERCENT: Final = re.compile(r"(-?[0-9.]+)\s*%")


def to_amount(value: object) -> Decimal:
    """Read an exact number from zero: a TOML number, an `int`, a `Decimal` or a decimal string.

    >>> to_amount("1_000"), to_amount("0.0100")
    (Decimal('1000'), Decimal('0.01'))
    """
    number = to_number(value)
    if number < 0:
        raise ValueError(f"{write_amount(number)} is below zero")
    return number


def to_number(value: object) -> Decimal:
    """Read an exact number of any sign."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        kind = type(value).__name__
        raise ValueError(f"a {kind} is no amount; write a number or a decimal string")
    text = _GROUPED.sub("", value) if isinstance(value, str) else value
    return from_scaled(amount_key(text), MAXIMUM_SCALE)


def write_amount(value: Decimal) -> str:
    """Write a number without an exponent and without needless zeros.

    >>> write_amount(Decimal("1E+3")), write_amount(Decimal("0.0100"))
    ('1000', '0.01')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_money(value: object) -> Money:
    """Read money with its currency: "20.00 usd"."""
    if isinstance(value, Money):
        money = value
    elif isinstance(value, str):
        money = Money.parse(_GROUPED.sub("", value))
    else:
        raise ValueError('money is written with its currency, like "20.00 usd"')
    if money.scaled < 0:
        raise ValueError(f"{money} is below zero")
    return money


def to_span(value: object) -> Interval:
    """Read a span of time.

    >>> to_span("month"), to_span("2 quarters") == to_span("6 months")
    (Interval(1, 'month'), True)
    """
    if isinstance(value, Interval):
        return value
    if not isinstance(value, str):
        raise ValueError('a span of time is written like "month", "3 months", "2 weeks" or "day"')
    return Interval.parse(value)


def write_span(span: Interval) -> str:
    """Write a span of time in the one way that all equal ones have.

    >>> write_span(Interval(12, "month")), write_span(Interval(7, "day"))
    ('year', 'week')
    """
    for word in ("year", "month", "week", "day", "hour", "minute"):
        length, base = SPANS[word]
        if base == span.base and span.length % length == 0:
            return str(Interval(span.length // length, word))
    return str(span)


def to_percent(value: object) -> Decimal:
    """Read a percentage: "20 %" is 20."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError('a percentage is written like "20 %"')
    return to_number(found[1])


def to_moment(value: object) -> datetime:
    """Read a moment; a date alone is its first moment in UTC."""
    if isinstance(value, str):
        value = _to_date(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone, such as 2026-01-01T00:00:00Z")
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError(_A_MOMENT)


def _to_date(text: str) -> date:
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{_A_MOMENT}, not {echo(text)}") from error


def to_currency(value: object) -> str:
    """Read the code of a currency, in any case."""
    if not isinstance(value, str):
        raise ValueError('a currency is a code such as "usd"')
    return currency_of(value).code


def read_by(read: Callable[[object], Any]) -> Callable[[object], Any]:
    """Make a reader whose refusals pydantic can collect."""

    def reader(value: object) -> Any:
        try:
            return read(value)
        except TollkeeperError as error:
            raise ValueError(error.message) from error

    return reader


def _scalar(read: Callable[[object], Any], write: Callable[[Any], str], schema: Any) -> Any:
    return (
        PlainValidator(read_by(read)),
        PlainSerializer(write, return_type=str, when_used="json"),
        WithJsonSchema(schema),
    )


_NUMBER_SCHEMA: Final = {"type": ["number", "string"], "examples": [100, "0.5"]}
_MONEY_SCHEMA: Final = {"type": "string", "examples": ["20 usd"], "pattern": r"^\S+ [A-Za-z]{3}$"}
_SPAN_SCHEMA: Final = {"type": "string", "examples": ["month", "3 months", "year"]}
_PERCENT_SCHEMA: Final = {"type": "string", "examples": ["20 %"], "pattern": r"^-?[0-9.]+\s*%$"}
_MOMENT_SCHEMA: Final = {"type": "string", "format": "date", "examples": ["2026-01-01"]}
_CURRENCY_SCHEMA: Final = {"type": "string", "examples": ["usd"], "pattern": "^[A-Za-z]{3}$"}


def _write_percent(value: Decimal) -> str:
    return f"{write_amount(value)} %"


def _write_moment(value: datetime) -> str:
    return value.isoformat()


def _write(value: object) -> str:
    return str(value)


class OneOrMore:
    """Marks a list that may be written as its only member, for readers and for editors."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Take a single value for a list of one."""
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Tell editors that either is fine."""
        found = handler(schema)
        return {"anyOf": [found["items"], found]} if "items" in found else found


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


#: An exact number from zero.
Amount = Annotated[Decimal, *_scalar(to_amount, write_amount, _NUMBER_SCHEMA)]
#: Money from zero, with its currency.
Price = Annotated[Money, *_scalar(to_money, _write, _MONEY_SCHEMA)]
#: Money, or one amount for each currency.
Prices = Annotated[tuple[Price, ...], OneOrMore()]
#: A span of time.
Span = Annotated[Interval, *_scalar(to_span, write_span, _SPAN_SCHEMA)]
#: A percentage, which may be below zero.
Percent = Annotated[Decimal, *_scalar(to_percent, _write_percent, _PERCENT_SCHEMA)]
#: A moment, UTC.
Moment = Annotated[datetime, *_scalar(to_moment, _write_moment, _MOMENT_SCHEMA)]
#: The code of a currency, in lower case.
CurrencyCode = Annotated[str, *_scalar(to_currency, _write, _CURRENCY_SCHEMA)]
#: What units, features, plans and packs are called in code.
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
#: What people read.
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
#: What providers call our things: `{ stripe = "prod_…" }`.
ProviderId = Annotated[str, StringConstraints(min_length=1, max_length=255)]
