"""What every notice is: a frozen fact with an id, written as JSON and read back. Acts on nothing.

Amounts travel as decimal strings and moments as ISO 8601. What a newer release tells beyond the
fields known here is kept in `extra` and written again, so that no release loses another's facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.moments import EPOCH, utc
from tollkeeper.values.texts import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A fact about a customer that the app is told after the commit (H1).

    `billing.on(Notice)` hears of every kind. A decision leaves `id`, `created_at` and
    `operation_id` as they are here; they are filled in as the notice is written.
    """

    #: Stable name of the kind, in snake case; the same in JSON.
    kind: ClassVar[str] = "notice"

    #: Its own name, `ntc_…`, ordered by time. It stays the same however often it is delivered.
    id: str = ""
    #: Whose balances or usage it is about.
    customer: str
    #: When it was written into the books (UTC).
    created_at: datetime = EPOCH
    #: The operation that it follows from; None where there is none.
    operation_id: str | None = None
    #: What a newer release told beyond the fields that this one knows.
    extra: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: decimal strings, ISO 8601 times."""
        names = [each.name for each in fields(self) if each.name != "extra"]
        told = {name: _plain(getattr(self, name)) for name in names}
        return {**self.extra, **told, "kind": self.kind}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Make a notice of this very kind from what `to_dict` gave, now or in another release.

        Raises:
            InvalidRequest: a field is missing, or is not what this kind holds there.
        """
        readers = _readers(cls)  # type: ignore[arg-type]  # mypy takes a value's __hash__ for the class's
        known = {name: told[name] for name in readers if name in told}
        extra = {name: told[name] for name in told if name not in readers and name != "kind"}
        missing = _required(cls) - known.keys()  # type: ignore[arg-type]  # as above
        if missing:
            raise InvalidRequest(f"A {cls.kind} notice needs {', '.join(sorted(missing))}.")
        try:
            values = {name: readers[name](value) for name, value in known.items()}
        except (ArithmeticError, TypeError, ValueError, AttributeError) as error:
            raise InvalidRequest(f"This is no {cls.kind} notice: {error}.") from error
        return cls(**values, extra=extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceNotice(Notice):
    """A fact about one balance: credits of some unit, or the money of a wallet."""

    #: What the amounts count: the key of the credits, or the code of the currency (`usd`).
    unit: str
    #: The currency, where it is money; None for credits.
    currency: str | None = None
    #: What the customer had available right after the operation, below zero in debt.
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownNotice(Notice):
    """A notice of a kind that only a newer release knows; its fields are in `extra`."""

    kind: ClassVar[str] = "unknown"

    #: The kind that the newer release wrote.
    written_as: str = "unknown"

    def to_dict(self) -> dict[str, Any]:
        """Give it as it was written."""
        told = Notice.to_dict(self)
        del told["written_as"]
        return told | {"kind": self.written_as}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


@cache
def _required(kind: type[Notice]) -> frozenset[str]:
    return frozenset(
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    )


@cache
def _readers(kind: type[Notice]) -> dict[str, Callable[[Any], Any]]:
    """Give what reads each field of a kind, chosen by the field's type."""
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind) if each.name not in ("extra", "written_as")]
    return {name: _reader(hints[name]) for name in names}


def _reader(hint: Any) -> Callable[[Any], Any]:
    # A union such as `Decimal | None` names its parts in its text as well.
    named = str(hint)
    reader: Callable[[Any], Any] = _unchanged
    if "Decimal" in named:
        reader = _amount
    elif "datetime" in named:
        reader = _moment
    elif named.startswith("tuple"):
        reader = tuple
    elif "Mapping" in named:
        reader = dict
    if not named.endswith("| None"):
        return reader
    return lambda value: None if value is None else reader(value)


def _unchanged(value: Any) -> Any:
    if isinstance(value, str | int | None):
        return value
    raise TypeError(f"{type(value).__name__} stands where a text or a number belongs")


def _amount(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError("an amount is a decimal string")
    return Decimal(value)


def _moment(value: Any) -> datetime:
    return utc(datetime.fromisoformat(value), "a moment")
