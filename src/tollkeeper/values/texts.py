"""Texts and metadata from callers. Owns what every database can store; must never change a text.

Ids are opaque: nothing here trims, folds or normalises them, because two ids that differ must stay
different. Whatever a caller hands over, no other error than `InvalidText` comes out.
"""

import json
import math
import re
from typing import Final, TypeAlias

from tollkeeper.errors import InvalidText

#: What JSON can say. Amounts are not in it: they travel as decimal strings.
Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

#: Most characters of an id, a key or a reason, unless the caller of `check_text` says otherwise.
MAXIMUM_CHARACTERS: Final = 255
#: Most bytes of metadata, as canonical JSON in UTF-8.
MAXIMUM_METADATA_BYTES: Final = 16 * 1024
#: Most levels of metadata, the outermost dict included.
MAXIMUM_METADATA_DEPTH: Final = 8
#: Most characters of a caller's text that an error message repeats.
MAXIMUM_ECHO: Final = 40

# The keys and places that lead to a value inside metadata.
_Path: TypeAlias = tuple[str | int, ...]

_LARGEST_INTEGER: Final = 2**63 - 1
_CONTROL_OR_SURROGATE: Final = re.compile("[\x00-\x1f\ud800-\udfff]")
_CONTROL_BUT_LINES: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NUL_OR_SURROGATE: Final = re.compile("[\x00\ud800-\udfff]")
_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)

_HINTS: Final = {
    "Decimal": "write it as a string, str(value)",
    "datetime": "write it as a string, value.isoformat()",
    "date": "write it as a string, value.isoformat()",
    "UUID": "write it as a string, str(value)",
    "bytes": "write it as a string",
    "set": "write it as a list",
    "Money": "write it as a string, str(value)",
}


def check_text(
    value: object, name: str, maximum: int = MAXIMUM_CHARACTERS, *, lines: bool = False
) -> str:
    """Give back a text that can be stored and found again, or raise `InvalidText`.

    Refused are anything but `str`, the empty text, control characters (NUL, tabs, line breaks …),
    lone surrogates, and more than `maximum` characters; with `lines`, a human's text may have tabs
    and line breaks. A subclass of `str` comes back as a plain `str`.

    >>> check_text("user_1", "customer_id")
    'user_1'
    >>> check_text("", "customer_id")
    Traceback (most recent call last):
    tollkeeper.errors.InvalidText: customer_id is empty
    """
    if type(value) is str and value.isascii() and value.isprintable() and 0 < len(value) <= maximum:
        return value
    text = _plain(value, name)
    if not text:
        raise InvalidText(f"{name} is empty")
    if len(text) > maximum:
        raise InvalidText(f"{name} is longer than the {maximum} characters allowed: {echo(text)}")
    forbidden = _CONTROL_BUT_LINES if lines else _CONTROL_OR_SURROGATE
    if found := forbidden.search(text):
        raise _forbidden(text, found, name)
    return text


def check_metadata(value: object, name: str = "metadata") -> dict[str, Json]:
    """Give back a copy of a dict that JSON can carry unchanged, or raise `InvalidText`.

    What changes in the caller's dict later changes nothing in the copy. Tuples become lists.
    Refused are keys other than `str`, NaN and infinity, integers beyond 64 bits, NUL and lone
    surrogates inside texts, more than 8 levels, and more than 16 KB as canonical JSON.

    >>> check_metadata({"model": "large", "tokens": (12, 7)})
    {'model': 'large', 'tokens': [12, 7]}
    >>> check_metadata({"usage": {1: "one"}})
    Traceback (most recent call last):
    tollkeeper.errors.InvalidText: metadata at 'usage' has a key of type int; keys must be str
    """
    if not issubclass(type(value), dict):
        raise InvalidText(f"{name} must be a dict, not {_kind(value)}")
    copied = _Copier(name).copy(value, ())
    if len(canonical_json(copied).encode()) > MAXIMUM_METADATA_BYTES:
        raise _too_large(name)
    assert isinstance(copied, dict)
    return copied


def canonical_json(value: object) -> str:
    """Write a value as JSON in the one way that is compared: sorted keys, no spaces, no NaN.

    Keys must be `str`. The order of keys is that of their UTF-8 bytes.

    >>> canonical_json({"b": 1, "a": ["é", None]})
    '{"a":["é",null],"b":1}'
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidText(f"JSON cannot carry this value: {echo(str(error))}") from error
    if not text.isascii() and (found := _NUL_OR_SURROGATE.search(text)):
        raise _forbidden(text, found, "a text inside the value")
    return text


def echo(text: str) -> str:
    r"""Quote the beginning of a caller's text for an error message, with nothing unprintable.

    >>> print(echo("user" + chr(0)))
    'user\x00'
    """
    return repr(text) if len(text) <= MAXIMUM_ECHO else f"{text[:MAXIMUM_ECHO]!r} …"


class _Copier:
    """Copies one caller's metadata into plain JSON values; stops once it cannot fit any more."""

    __slots__ = ("name", "room")

    def __init__(self, name: str) -> None:
        self.name = name
        # A value takes at least one byte and a comma, so this bounds the work even for a small
        # object that contains itself a thousand times over.
        self.room = MAXIMUM_METADATA_BYTES // 2

    def copy(self, value: object, path: _Path) -> Json:
        self.room -= 1
        if self.room < 0:
            raise _too_large(self.name)
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if issubclass(kind, (dict, list, tuple)):
            return self.copy_container(value, path)
        if issubclass(kind, (str, int, float)):
            return self.copy_scalar(value, path)
        hint = _HINTS.get(_kind(value), "use dict, list, str, int, float, bool or None")
        raise InvalidText(f"{self.at(path)} is of type {_kind(value)}, unknown to JSON; {hint}")

    def copy_container(self, value: object, path: _Path) -> Json:
        if len(path) == MAXIMUM_METADATA_DEPTH:
            raise InvalidText(f"{self.name} has more than {MAXIMUM_METADATA_DEPTH} levels")
        if isinstance(value, dict):
            return {
                (word := self.copy_key(key, path)): self.copy(item, (*path, word))
                for key, item in dict.items(value)
            }
        assert isinstance(value, list | tuple)
        return [self.copy(item, (*path, place)) for place, item in enumerate(value)]

    def copy_scalar(self, value: object, path: _Path) -> Json:
        if isinstance(value, str):
            return self.copy_text(value, path)
        if isinstance(value, int):
            if abs(number := int.__index__(value)) > _LARGEST_INTEGER:
                raise InvalidText(f"{self.at(path)} is beyond 64 bits; write it as a string")
            return number
        assert isinstance(value, float)
        if not math.isfinite(value):
            raise InvalidText(f"{self.at(path)} is NaN or infinite, which JSON cannot carry")
        return float.__float__(value)

    def copy_key(self, key: object, path: _Path) -> str:
        if not issubclass(type(key), str):
            raise InvalidText(f"{self.at(path)} has a key of type {_kind(key)}; keys must be str")
        return self.copy_text(key, path)

    def copy_text(self, value: object, path: _Path) -> str:
        text = _plain(value, self.name)
        if found := _NUL_OR_SURROGATE.search(text):
            raise _forbidden(text, found, self.at(path))
        return text

    def at(self, path: _Path) -> str:
        """Say where in the metadata the fault is."""
        return f"{self.name} at {echo('.'.join(map(str, path)))}" if path else self.name


def _plain(value: object, name: str) -> str:
    # Asked of the type, since `isinstance` believes a mock or a proxy that claims to be a str.
    if not issubclass(type(value), str):
        raise InvalidText(f"{name} must be a str, not {_kind(value)}")
    return str.__str__(value)


def _kind(value: object) -> str:
    return type(value).__name__[:MAXIMUM_ECHO]


def _forbidden(text: str, found: re.Match[str], name: str) -> InvalidText:
    code = f"U+{ord(found[0]):04X}"
    return InvalidText(f"{name} contains {code}, which cannot be stored: {echo(text)}")


def _too_large(name: str) -> InvalidText:
    return InvalidText(f"{name} is larger than the {MAXIMUM_METADATA_BYTES} bytes of JSON allowed")
