"""Laws of texts: what is accepted is stored unchanged, and nothing but InvalidText is raised."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.errors import InvalidText
from tollkeeper.values.texts import canonical_json, check_metadata, check_text

anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters()),
        st.binary(),
        st.decimals(),
        st.datetimes(),
        st.uuids(),
        st.sampled_from([object(), Mock(spec=str), Mock(spec=dict), "\ud800", "\x00", int]),
    ),
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(st.characters()), st.integers(), st.none()), inner),
    ),
)
plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=20),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("abcdé", max_size=4), inner, max_size=3),
    ),
    max_leaves=8,
)


class Hostile:
    """An object that fails in every way it can be asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]  # hostile on purpose
    __repr__ = __str__ = __len__ = __bool__ = __iter__ = __eq__  # type: ignore[assignment]  # hostile on purpose


class Colour(StrEnum):
    """A host's own kind of string."""

    RED = "red"


class Level(IntEnum):
    """A host's own kind of integer."""

    LOW = 3


def accepted(check: Callable[[Any], object], value: object) -> bool:
    """Tell whether a check accepts a value; any error but a short InvalidText passes through."""
    refusal = ""
    try:
        check(value)
    except InvalidText as error:
        refusal = str(error)
    assert len(refusal.encode()) < 500
    return not refusal


@given(anything)
def test_nothing_but_invalid_text_is_raised(value: object) -> None:
    """Whatever is handed over, each check accepts it or raises InvalidText with a short message."""
    assert accepted(lambda given: check_text(given, "customer_id"), value) in (True, False)
    assert accepted(check_metadata, {"key": value}) in (True, False)
    assert accepted(check_metadata, value) in (True, False)
    assert accepted(canonical_json, value) in (True, False)


def test_hostile_objects_are_refused() -> None:
    """An object whose every method fails is refused all the same, wherever it stands."""
    for value in (Hostile(), [Hostile()], {"a": Hostile()}):
        assert not accepted(lambda given: check_text(given, "customer_id"), value)
        assert not accepted(check_metadata, value)
        assert not accepted(check_metadata, {"a": value})


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_texts_come_back_unchanged(text: str) -> None:
    """A text is accepted as it is exactly when it has no control character."""
    free = not any(ord(character) < 0x20 for character in text)
    assert accepted(lambda given: check_text(given, "reason"), text) == free
    if free:
        assert check_text(text, "reason") is text


@pytest.mark.parametrize(
    "text", [" padded ", "\u00a0", "日本", "a" * 255, "😀" * 255, "\x7f", "'; drop table--"]
)
def test_ids_are_opaque(text: str) -> None:
    """White space, emoji and quotes are nobody's business here."""
    assert check_text(text, "customer_id") == text


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "customer_id is empty"),
        ("a" * 256, "longer than the 255"),
        ("😀" * 256, "longer than the 255"),
        ("a\x00b", r"U\+0000"),
        ("line\nbreak", r"U\+000A"),
        ("\x1f", r"U\+001F"),
        ("\ud800", r"U\+D800"),
        (b"bytes", "must be a str, not bytes"),
        (None, "must be a str, not NoneType"),
        (42, "must be a str, not int"),
    ],
)
def test_faults_are_named(value: object, fault: str) -> None:
    """The message names the field and the fault."""
    with pytest.raises(InvalidText, match=f"customer_id.*{fault}|{fault}"):
        check_text(value, "customer_id")


def test_no_more_than_forty_characters_are_repeated() -> None:
    """I3: a long text is not repeated in the message, since it may be somebody's secret."""
    for text in ("z" * 10_000, "z" * 200 + "\x00"):
        with pytest.raises(InvalidText) as caught:
            check_text(text, "key")
        assert str(caught.value).count("z") == 40
    with pytest.raises(InvalidText) as caught:
        check_metadata({"z" * 10_000: b""})
    assert str(caught.value).count("z") == 40


def test_subclasses_become_plain() -> None:
    """A StrEnum is stored as the string it is."""
    assert type(check_text(Colour.RED, "customer_id")) is str
    assert check_text(Colour.RED, "customer_id") == "red"
    copied = check_metadata({Colour.RED: Colour.RED, "level": Level.LOW})
    assert [type(part) for pair in copied.items() for part in pair] == [str, str, str, int]


def test_the_length_can_be_chosen() -> None:
    """A field may allow more or less than 255 characters."""
    assert check_text("a" * 300, "reason", 300)
    with pytest.raises(InvalidText, match="longer than the 3 characters"):
        check_text("four", "code", 3)


@given(st.dictionaries(st.text("abcdé", max_size=5), plain, max_size=4))
def test_metadata_survives_json(metadata: dict[str, Any]) -> None:
    """Accepted metadata is equal after JSON, and its canonical text is the same again."""
    copied = check_metadata(metadata)
    text = canonical_json(copied)
    assert copied == metadata
    assert json.loads(text) == copied
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers()))
def test_canonical_json_ignores_the_order_of_keys(value: dict[str, int]) -> None:
    """The same content has one text, with keys in the order of their bytes."""
    keys = list(value)
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)
    ordered = json.loads(
        canonical_json(value), object_pairs_hook=lambda pairs: [k for k, _ in pairs]
    )
    assert ordered == sorted(keys, key=str.encode)


def test_metadata_is_a_copy() -> None:
    """What the caller changes afterwards changes nothing here."""
    tags = ["a"]
    copied = check_metadata({"tags": tags})
    tags.append("b")
    assert copied == {"tags": ["a"]}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (Decimal("0.1"), "write it as a string"),
        (datetime(2026, 1, 1, tzinfo=UTC), "isoformat"),
        (uuid.UUID(int=1), "write it as a string"),
        ({1, 2}, "write it as a list"),
        (float("nan"), "NaN or infinite"),
        (float("-inf"), "NaN or infinite"),
        (2**63, "beyond 64 bits"),
        (-(2**63), "beyond 64 bits"),
        ("\x00", r"U\+0000"),
        ("\ud800", r"U\+D800"),
        ({1: "one"}, "key of type int"),
        ({"\x00": 1}, r"U\+0000"),
        ([[[[[[[[]]]]]]]], "more than 8 levels"),
        ("é" * 8192, "larger than the 16384 bytes"),
        (["a"] * 20_000, "larger than the 16384 bytes"),
    ],
)
def test_metadata_that_json_cannot_carry(value: object, fault: str) -> None:
    """What JSON or a database could not give back is refused, and the message says what to do."""
    with pytest.raises(InvalidText, match=fault):
        check_metadata({"value": value})


def test_integers_that_python_would_not_print() -> None:
    """An integer of 5,000 digits is refused as any other that is too large."""
    with pytest.raises(InvalidText, match="beyond 64 bits"):
        check_metadata({"value": 10**5000})
    with pytest.raises(InvalidText, match="must be a str, not int"):
        check_text(10**5000, "customer_id")
    with pytest.raises(InvalidText, match="JSON cannot carry"):
        canonical_json(10**5000)


def test_metadata_of_the_largest_size() -> None:
    """I3: exactly 16 KB and exactly 8 levels are accepted."""
    assert check_metadata({"a": "x" * (16 * 1024 - 8)})
    assert check_metadata({"a": [[[[[[[]]]]]]]})
    with pytest.raises(InvalidText, match="16384"):
        check_metadata({"a": "x" * (16 * 1024 - 7)})


def test_metadata_that_contains_itself() -> None:
    """A loop ends at the eighth level, and a small object that unfolds hugely is soon refused."""
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(InvalidText, match="8 levels"):
        check_metadata(loop)
    bomb: list[Any] = []
    for _ in range(6):
        bomb = [bomb] * 1000
    with pytest.raises(InvalidText, match="16384"):
        check_metadata({"bomb": bomb})
    with pytest.raises(InvalidText):
        canonical_json(loop)


def test_what_a_human_writes_in_lines() -> None:
    """Tabs and line breaks of a reason are kept as they are; what cannot be stored is refused."""
    text = "Called twice:\r\n\t- the first hung up\n\t- the second paid"
    assert check_text(text, "reason", lines=True) == text
    with pytest.raises(InvalidText, match="U\\+000A"):
        check_text(text.replace("\r", ""), "actor")
    for forbidden in ("\0", "\x01", "\x0b", "\x0c", "\x1b", "\ud800"):
        with pytest.raises(InvalidText, match="cannot be stored"):
            check_text(f"one\n{forbidden}two", "reason", lines=True)
