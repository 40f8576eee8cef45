"""Limits of a customer's own: another number, for one period or for good; never a refill (C4)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.limits.shop import WHY, seen
from tollkeeper import Billing, Money
from tollkeeper.clock import FixedClock
from tollkeeper.errors import (
    CurrencyMismatch,
    InvalidInterval,
    InvalidRequest,
    InvalidText,
    LimitNotFound,
    LimitReached,
    UnknownFeature,
)

TOMORROW = datetime(2026, 6, 16, tzinfo=UTC)


def test_s114_override_wins_for_its_period(billing: Billing, clock: FixedClock) -> None:
    """It holds until the window ends; then the catalog's number does again; nothing is unposted."""
    billing.charge("u", "image", 9)
    limit = billing.limits.set("u", feature="image", at_most=12, every="day", until="window", **WHY)
    assert seen(limit.used, limit.left, limit.until) == (9, 3, TOMORROW)
    billing.charge("u", "image", 3)
    with pytest.raises(LimitReached) as refusal:
        billing.charge("u", "image")
    assert refusal.value.at_most == "12"
    clock.set(TOMORROW)
    assert billing.check("u", "image", 10).is_allowed
    assert not billing.check("u", "image", 11).is_allowed
    assert [each.is_own for each in billing.limits.list("u")] == [False, False]


def test_a_lower_number_refuses_at_once(billing: Billing) -> None:
    """What was used stays counted: there may be less than nothing left."""
    billing.charge("u", "image", 8)
    limit = billing.limits.set("u", feature="image", at_most=5, every="day", **WHY)
    assert seen(limit.used, limit.left, limit.is_own, limit.until) == (8, 0, True, None)
    with pytest.raises(LimitReached):
        billing.charge("u", "image")
    billing.limits.clear("u", limit, **WHY)
    billing.charge("u", "image", 2)
    with pytest.raises(LimitReached):
        billing.charge("u", "image")


def test_a_new_limit_knows_what_was_used_before(billing: Billing, clock: FixedClock) -> None:
    """A limit that the catalog has not counts the window's use from the books."""
    billing.charge("u", "chat", 30)
    limit = billing.limits.set("u", feature="chat", at_most=40, every="month", **WHY)
    assert seen(limit.used, limit.left) == (30, 10)
    with pytest.raises(LimitReached):
        billing.charge("u", "chat", 11)
    clock.set(datetime(2026, 7, 1, tzinfo=UTC))
    assert billing.check("u", "chat").left == 40


def test_the_catalogs_own_names_are_found(billing: Billing) -> None:
    """A limit in money takes the place of the one that counts the same, whatever its name."""
    limit = billing.limits.set("u", spend=Money("0.50", "usd"), every="month", **WHY)
    assert seen(limit.name, limit.counts, limit.at_most) == ("budget", "usd", Decimal("0.5"))
    billing.charge("u", "image", 5)
    with pytest.raises(LimitReached):
        billing.charge("u", "image", 1)
    assert [each.left for each in billing.limits.list("u") if each.name == "budget"] == [0]


def test_one_member_may_have_more_than_the_others(billing: Billing) -> None:
    """A limit for one member takes the place of that of all; the others keep theirs."""
    billing.charge("u", "image", 4, member="ann")
    with pytest.raises(LimitReached):
        billing.charge("u", "image", member="ann")
    limit = billing.limits.set("u", feature="image", at_most=6, every="day", member="ann", **WHY)
    assert seen(limit.subject, limit.used, limit.left) == ("member:ann", 4, 2)
    billing.charge("u", "image", 2, member="ann")
    with pytest.raises(LimitReached):
        billing.charge("u", "image", member="ann")
    with pytest.raises(LimitReached):
        billing.charge("u", "image", 5, member="bob")
    billing.charge("u", "image", 4, member="bob")
    found = {each.subject: each.at_most for each in billing.limits.list("u", member="ann")}
    assert found["member:ann"] == 6
    billing.limits.clear("u", limit.name, member="ann", **WHY)
    with pytest.raises(LimitReached):
        billing.charge("u", "image", member="ann")


def test_keys_tags_units_and_rolling_windows(billing: Billing, clock: FixedClock) -> None:
    """Each counts its own: a key's quantity, a tag's credits, within hours of the first use."""
    billing.limits.set("u", feature="chat", at_most=2, within="5 hours", api_key="key_1", **WHY)
    billing.limits.set("u", unit="credits", at_most=3, every="lifetime", tag="night", **WHY)
    billing.charge("u", "chat", 2, api_key="key_1")
    with pytest.raises(LimitReached):
        billing.charge("u", "chat", api_key="key_1")
    billing.charge("u", "chat", 2, api_key="key_2", tags=["night"])
    with pytest.raises(LimitReached):
        billing.charge("u", "chat", 2, tags=["night"])
    clock.set(clock.now() + timedelta(hours=5))
    billing.charge("u", "chat", 2, api_key="key_1")
    shown = billing.limits.list("u", api_key="key_1", tags=["night"])
    own = {each.subject: seen(each.every, each.used) for each in shown if each.is_own}
    assert own == {"api_key:key_1": ("5 hours", 2), "tag:night": ("lifetime", 2)}


def test_what_is_held_is_told(billing: Billing) -> None:
    """An open charge hold takes headroom, and the list says so."""
    billing.charges.hold("u", "image", 4)
    found = next(each for each in billing.limits.list("u") if each.feature == "image")
    assert seen(found.used, found.held, found.left, found.resets_at) == (0, 4, 6, TOMORROW)


def test_history_says_who_and_why(billing: Billing) -> None:
    """Each change by hand is kept, with its author and reason (I2)."""
    limit = billing.limits.set("u", feature="chat", at_most=40, every="day", **WHY)
    billing.limits.set("u", feature="chat", at_most=50, every="day", reason="more", actor="bob")
    billing.limits.clear("u", limit, reason="enough", actor="ann")
    found = billing.limits.history("u")
    assert [seen(each.kind, each.limit.at_most, each.actor, each.reason) for each in found] == [
        ("clear_limit", 50, "ann", "enough"),
        ("set_limit", 50, "bob", "more"),
        ("set_limit", 40, "ann", "asked for it"),
    ]


def test_keys_replay(billing: Billing) -> None:
    """The same key gives the first answer."""
    first = billing.limits.set(
        "u", feature="chat", at_most=40, every="day", idempotency_key="k", **WHY
    )
    billing.charge("u", "chat", 5)
    again = billing.limits.set(
        "u", feature="chat", at_most=40, every="day", idempotency_key="k", **WHY
    )
    assert first == again
    assert len(billing.limits.history("u")) == 1


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"feature": "chat", "at_most": 1}, InvalidRequest),
        ({"feature": "chat", "every": "day"}, InvalidRequest),
        ({"at_most": 1, "every": "day"}, InvalidRequest),
        ({"feature": "chat", "at_most": 1, "every": "fortnight"}, InvalidRequest),
        ({"feature": "chat", "at_most": 1, "within": "5 moons"}, InvalidInterval),
        ({"feature": "chat", "at_most": -1, "every": "day"}, InvalidRequest),
        ({"feature": "chat", "at_most": 1.5, "every": "day"}, InvalidRequest),
        ({"feature": "chatt", "at_most": 1, "every": "day"}, UnknownFeature),
        ({"spend": 5, "every": "day"}, InvalidRequest),
        ({"feature": "chat", "at_most": 1, "every": "day", "within": "1 hour"}, InvalidRequest),
        (
            {"feature": "chat", "at_most": 1, "every": "day", "member": "a", "tag": "b"},
            InvalidRequest,
        ),
    ],
)
def test_bad_input(billing: Billing, given: dict[str, object], error: type) -> None:
    """Each mistake has its own error, and nothing is written."""
    with pytest.raises(error):
        billing.limits.set("u", **given, **WHY)  # type: ignore[arg-type]  # what is refused
    assert billing.limits.history("u") == ()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"member": 5}, InvalidRequest),
        ({"member": ""}, InvalidText),
        ({"api_key": "a\x00"}, InvalidText),
        ({"tags": "abc"}, InvalidRequest),
        ({"tags": 5}, InvalidRequest),
    ],
)
def test_whom_a_list_is_of_is_checked(
    billing: Billing, given: dict[str, object], error: type
) -> None:
    """A text is no list of tags, and what cannot be stored cannot be counted."""
    with pytest.raises(error):
        billing.limits.list("u", **given)  # type: ignore[arg-type]  # what is refused


def test_a_limit_of_other_money_than_the_customers_is_refused(billing: Billing) -> None:
    """It would count nothing, and look as if it held."""
    with pytest.raises(CurrencyMismatch, match="would never hold"):
        billing.limits.set("u", spend=Money("5", "eur"), every="day", **WHY)
    assert billing.limits.history("u") == ()
    assert billing.limits.set("u", spend=Money("5", "usd"), every="day", **WHY).at_most == 5


def test_who_and_why_are_asked_for(billing: Billing) -> None:
    """A human change names its author and its reason."""
    with pytest.raises(InvalidRequest, match="reason"):
        billing.limits.set("u", feature="chat", at_most=1, every="day", actor="ann")
    with pytest.raises(LimitNotFound):
        billing.limits.clear("u", "chat:quantity:customer:day", **WHY)


def test_exactly_as_many_as_the_limit_says(billing: Billing) -> None:
    """Forty callers at once against a limit of seven: seven are accepted."""
    billing.limits.set("u", feature="chat", at_most=7, every="day", **WHY)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda n: billing.try_charge("u", "chat").success, range(40)))
    assert sum(found) == 7
