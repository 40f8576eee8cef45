"""Fields of a vendor's object, read one by one: what was taken, and what nobody took.

It reads dicts, pydantic models, dataclasses and plain objects alike, runs none of their methods,
and must never know what a field means.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tollkeeper.metering.usage import Counts, check_count
from tollkeeper.values.amounts import round_half_even

#: Deepest nesting that is looked through, and most fields of one object.
MAXIMUM_DEPTH: Final = 4
MAXIMUM_FIELDS: Final = 200

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


def plain(thing: object) -> Mapping[str, object]:
    """Give the fields of an object by name: those it declares and those it was sent besides.

    >>> plain({"model": "small"})["model"]
    'small'
    """
    if isinstance(thing, Mapping):
        return thing
    own = getattr(thing, "__dict__", None)
    fields = dict(own) if isinstance(own, dict) else _of_slots(thing)
    extra = fields.get("__pydantic_extra__") or getattr(thing, "__pydantic_extra__", None)
    return {**fields, **extra} if isinstance(extra, Mapping) else fields


def value(thing: object, *names: str) -> object:
    """Give the first of these fields that is there and not None.

    >>> value({"modelVersion": "gemini-2.5-pro"}, "model", "modelVersion")
    'gemini-2.5-pro'
    """
    fields = plain(thing)
    for name in names:
        if (found := fields.get(name)) is not None:
            return found
    return None


def text(thing: object, *names: str) -> str | None:
    """Give the first of these fields if it is a text with something in it."""
    found = value(thing, *names)
    # An enumeration of texts is the text it stands for.
    found = getattr(found, "value", found)
    return str(found) if isinstance(found, str) and found else None


def items(thing: object, *names: str) -> list[object]:
    """Give the first of these fields as a list; nothing when it is none."""
    found = value(thing, *names)
    return list(found) if isinstance(found, list | tuple) else []


def module(thing: object) -> str:
    """Name the package whose class an object is of, such as `openai`."""
    return type(thing).__module__.partition(".")[0]


def milliseconds(seconds: object) -> int:
    """Turn a vendor's seconds, which have decimals, into whole milliseconds; 0 when it is none.

    >>> milliseconds(2.5005), milliseconds(None)
    (2500, 0)
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0
    return round_half_even(Decimal(repr(seconds)), 3)


class Fields:
    """The fields of one usage object, with a note of those that were taken."""

    def __init__(self, thing: object, path: str = "") -> None:
        self._fields = plain(thing)
        self._path = path
        self._taken: set[str] = set()
        self._inner: list[Fields] = []

    def all(self) -> Mapping[str, object]:
        """Give the fields, taken or not, without taking them."""
        return self._fields

    def count(self, *names: str) -> int:
        """Take a count by any of its names; 0 when none is there.

        Raises:
            InvalidUsage: it is negative or no integer.
        """
        found = 0
        for name in names:
            if name in self._fields:
                self._taken.add(name)
                # Several names of one count: whichever is told.
                found = found or _integer(self._fields[name], self._path + name)
        return found

    def skip(self, *names: str) -> None:
        """Take fields that say nothing of their own."""
        self._taken.update(names)

    def inside(self, *names: str) -> "Fields":
        """Take an object inside this one by any of its names; empty when none is there."""
        self._taken.update(names)
        for name in names:
            found = self._fields.get(name)
            if found is not None and not isinstance(found, str | int | float | list | tuple):
                inner = Fields(found, f"{self._path}{name}.")
                self._inner.append(inner)
                return inner
        return Fields(_NOTHING)

    def left(self) -> Counts:
        """List the counts that nobody took, by path, those inside taken objects left out."""
        return tuple(sorted(_counts(self._fields, self._taken, self._path, MAXIMUM_DEPTH)))

    def left_inside(self) -> Counts:
        """List the counts that nobody took inside the objects that were taken."""
        return tuple(sorted(pair for inner in self._inner for pair in _all_left(inner)))


def _all_left(fields: Fields) -> list[tuple[str, int]]:
    return [*fields.left(), *fields.left_inside()]


def _counts(
    fields: Mapping[str, object], taken: set[str], path: str, depth: int
) -> Iterator[tuple[str, int]]:
    for name in list(fields)[:MAXIMUM_FIELDS]:
        if name not in taken and not str(name).startswith(("_", "cost")):
            yield from _counts_of(fields[name], f"{path}{name}", depth)


def _counts_of(found: object, path: str, depth: int) -> Iterator[tuple[str, int]]:
    """Find the counts that a field is, or that are inside it."""
    if isinstance(found, float) and found.is_integer() and path.endswith("tokens"):
        found = int(found)
    if isinstance(found, bool | str | float | None):
        return
    if isinstance(found, int):
        if found:
            yield path, check_count(found, path)
    elif isinstance(found, list | tuple):
        listed = {str(number): each for number, each in enumerate(found[:MAXIMUM_FIELDS])}
        yield from _counts(listed if depth else {}, set(), f"{path}.", depth - 1)
    elif depth:
        yield from _counts(plain(found), set(), f"{path}.", depth - 1)


def _integer(found: object, name: str) -> int:
    if found is None:
        return 0
    # Some write whole numbers as floats: 12.0.
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return check_count(found, name)


def _of_slots(thing: object) -> dict[str, object]:
    names = [
        name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()) if name
    ]
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}
