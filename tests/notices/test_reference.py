"""The reference of notices says what the code says: kinds, fields, verbs, numbers."""

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tollkeeper.delivery.backoff import (
    FIRST_PAUSE,
    GROWTH,
    JITTER_PERCENT,
    LONGEST_PAUSE,
    MAXIMUM_ATTEMPTS,
)
from tollkeeper.delivery.expiring import WARNING
from tollkeeper.delivery.queues import LEASE
from tollkeeper.ledger.outbox import CLEARED_AFTER, DEAD_DAYS, DELIVERED_DAYS, WAITING_DAYS
from tollkeeper.notices import (
    KINDS,
    BalanceNotice,
    LimitNotice,
    Notice,
    NoticePage,
    NoticeState,
    SubscriptionNotice,
)
from tollkeeper.operations.notices import MAXIMUM_NOTICES, Notices

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "notices.md"
RECORD = ROOT / "docs" / "decisions" / "0015-notices.md"
PYTHON = ROOT / "docs" / "reference" / "python" / "books.md"


def section(heading: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.split(rf"^#+ {re.escape(heading)}$", PAGE.read_text(), flags=re.MULTILINE)
    assert len(found) == 2, heading
    return re.split(r"^#", found[1], maxsplit=1, flags=re.MULTILINE)[0]


def fields_of(heading: str) -> list[str]:
    """The fields in the table under a heading, in order."""
    return re.findall(r"^\| `(\w+)` \|", section(heading), re.MULTILINE)


def own(kind: type[Any]) -> list[str]:
    """The fields that a class adds to its parent's."""
    parent = kind.__mro__[1]
    inherited = {each.name for each in fields(parent)} if parent is not object else set()
    return [each.name for each in fields(kind) if each.name not in inherited]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.kind)
def test_every_kind_has_its_fields_and_says_what_it_shares(kind: type[Notice]) -> None:
    told = section(f"`{kind.__name__}`")
    assert f"`{kind.kind}`: " in told
    assert fields_of(f"`{kind.__name__}`") == own(kind)
    assert ("[balance](#balances)" in told) is issubclass(kind, BalanceNotice)
    assert ("[limit](#limits)" in told) is issubclass(kind, LimitNotice)
    assert ("[subscription](#subscriptions)" in told) is issubclass(kind, SubscriptionNotice)


def test_no_kind_is_invented() -> None:
    told = set(re.findall(r"^`(\w+)`: ", PAGE.read_text(), re.MULTILINE))
    assert told == set(KINDS)


def test_what_all_have_is_told() -> None:
    assert fields_of("What all have") == [each.name for each in fields(Notice)]
    assert fields_of("Balances") == own(BalanceNotice)
    assert fields_of("Limits") == own(LimitNotice)
    assert fields_of("Subscriptions") == own(SubscriptionNotice)
    for answer in (NoticeState, NoticePage):
        assert fields_of(f"`{answer.__name__}`") == [each.name for each in fields(answer)]


def test_the_verbs_are_those_of_the_room() -> None:
    told = re.findall(r"^### `notices\.(\w+)`\n\n```py\n(.*?)\n```", PAGE.read_text(), re.M | re.S)
    verbs = {n: v for n, v in inspect.getmembers(Notices, inspect.isfunction) if n[0] != "_"}
    assert {name for name, _ in told} == verbs.keys()
    names: dict[str, Any] = {
        "Notice": Notice,
        "NoticePage": NoticePage,
        "NoticeState": NoticeState,
    }
    for name, block in told:
        made: dict[str, Any] = dict(names)
        exec(block + ": ...", made)
        written, real = inspect.signature(made[name]), inspect.signature(verbs[name])
        assert list(written.parameters.values()) == list(real.parameters.values())[1:]
        assert written.return_annotation == real.return_annotation


def test_the_numbers_are_those_of_the_code() -> None:
    told = " ".join(PAGE.read_text().split())
    assert f"after {FIRST_PAUSE.seconds} seconds, then after pauses that grow" in told
    assert (GROWTH, JITTER_PERCENT) == (3, 20)
    assert "grow threefold" in told
    assert "a fifth longer or shorter" in told
    assert f"up to {LONGEST_PAUSE.seconds // 3600} hours" in told
    assert f"After {MAXIMUM_ATTEMPTS} tries" in told
    assert f"keeps the queue of a customer for {LEASE.seconds} seconds" in told
    assert f"kept for {WAITING_DAYS} days, delivered ones for {DELIVERED_DAYS} days" in told
    assert f"dead ones for {DEAD_DAYS} days" in told
    assert f"1 to {MAXIMUM_NOTICES:,}" in told
    assert f"expire within {WARNING.days} days" in " ".join(PYTHON.read_text().split())
    record = " ".join(RECORD.read_text().split())
    assert f"after {MAXIMUM_ATTEMPTS} tries" in record
    assert f"lease of {LEASE.seconds} seconds" in record
    assert CLEARED_AFTER == 1000
    assert "written a thousand notices clears two thousand" in record


def test_ten_tries_take_about_eleven_hours() -> None:
    pauses = [
        min(FIRST_PAUSE * GROWTH**number, LONGEST_PAUSE) for number in range(MAXIMUM_ATTEMPTS - 1)
    ]
    total = sum(pause.total_seconds() for pause in pauses) / 3600
    assert 10 < total < 11.5
