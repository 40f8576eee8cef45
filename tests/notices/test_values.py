"""Notices as values: written as JSON, read back, by this release and by others."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tollkeeper.errors import InvalidRequest
from tollkeeper.notices import KINDS, ON_DEMAND, USUAL, Notice, UnknownNotice, from_dict
from tollkeeper.values.texts import canonical_json

MOMENTS = some.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001  # Hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  # as above
    timezones=some.just(UTC),
)
AMOUNTS = some.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12))
TEXTS = some.text(some.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=12)
OF_TYPE: dict[Any, some.SearchStrategy[Any]] = {
    str: TEXTS,
    str | None: some.none() | TEXTS,
    int: some.integers(0, 200),
    bool: some.booleans(),
    Decimal: AMOUNTS,
    datetime: MOMENTS,
    datetime | None: some.none() | MOMENTS,
    tuple[str, ...]: some.lists(TEXTS, max_size=3).map(tuple),
    Mapping[str, str]: some.dictionaries(TEXTS, TEXTS, max_size=3),
}


@some.composite
def notices(draw: some.DrawFn) -> Notice:
    """Any notice of any kind."""
    kind = draw(some.sampled_from(sorted(KINDS.items())))[1]
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind) if each.name != "extra"]
    return kind(**{name: draw(OF_TYPE[hints[name]]) for name in names})


@given(notice=notices())
def test_a_notice_comes_back_as_it_was(notice: Notice) -> None:
    """Through the very text that the books keep; no field is lost or changed."""
    text = canonical_json(notice.to_dict())
    again = from_dict(json.loads(text))
    assert again == notice
    assert type(again) is type(notice)
    assert canonical_json(again.to_dict()) == text


@given(notice=notices(), more=some.dictionaries(TEXTS.map("new_{}".format), TEXTS, max_size=3))
def test_what_a_newer_release_tells_is_kept(notice: Notice, more: dict[str, str]) -> None:
    """A field that this release does not know is there, and is written again."""
    told = notice.to_dict() | more
    again = from_dict(told)
    assert again.extra == more
    assert again.to_dict() == told


@given(notice=notices())
def test_a_kind_of_a_newer_release_is_kept(notice: Notice) -> None:
    """It is told as an unknown one, with all that it says."""
    told = notice.to_dict() | {"kind": "credits_gilded"}
    again = from_dict(told)
    assert isinstance(again, UnknownNotice)
    assert (again.written_as, again.customer) == ("credits_gilded", notice.customer)
    assert again.to_dict() == told


@given(notice=notices())
def test_amounts_and_moments_are_texts(notice: Notice) -> None:
    """Nothing in JSON is a float, and no amount has an exponent."""
    for name, value in notice.to_dict().items():
        field = getattr(notice, name)
        if isinstance(field, Decimal):
            assert Decimal(value) == field
            assert "E" not in value.upper()
        if isinstance(field, datetime):
            assert datetime.fromisoformat(value) == field


@pytest.mark.parametrize(
    "change",
    [
        {"balance": 3.5},
        {"balance": "many"},
        {"created_at": "yesterday"},
        {"created_at": "2026-06-01T00:00:00"},
        {"threshold": None},
        {"unit": ["credits"]},
        {"kind": None},
    ],
    ids=str,
)
def test_what_is_no_notice_is_refused(change: dict[str, Any]) -> None:
    """With an error of ours, whatever stands there."""
    told = {"customer": "user_1", "unit": "credits", "balance": "3", "threshold": "9"}
    assert from_dict(told | {"kind": "credits_low"}).customer == "user_1"
    with pytest.raises(InvalidRequest):
        from_dict(told | {"kind": "credits_low"} | change)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidRequest, match="needs balance, threshold, unit"):
        from_dict({"kind": "credits_low", "customer": "user_1"})


def test_one_notice_a_call_is_off_by_default() -> None:
    """H1: these two are told only where somebody asks."""
    assert {"credits_consumed", "usage_recorded"} == ON_DEMAND
    assert KINDS.keys() == USUAL | ON_DEMAND
    assert all(KINDS[name].kind == name for name in KINDS)
