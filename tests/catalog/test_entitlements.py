"""What plans entitle to: a switch, a value, a ceiling, or use that is charged for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.shop import shop
from tollkeeper.catalog.entitlements import ceiling
from tollkeeper.errors import UnknownFeature


@pytest.mark.parametrize(
    ("feature", "plans", "allowed", "value", "most"),
    [
        ("sso", ("pro",), True, None, None),
        ("sso", ("free",), False, None, None),
        ("sso", ("free", "pro"), True, None, None),
        ("support", ("pro",), True, "mail", None),
        ("support", ("boost",), False, None, None),
        ("support", ("pro", "free"), True, "mail", None),
        ("projects", ("free",), True, None, 1),
        ("projects", ("pro", "boost"), True, None, 15),
        ("projects", ("boost",), True, None, 5),
        ("chat", ("pro",), True, None, None),
        ("image", ("free",), False, None, None),
        ("image", ("free", "boost"), True, None, None),
    ],
)
def test_what_plans_say(
    feature: str, plans: tuple[str, ...], allowed: object, value: object, most: int | None
) -> None:
    """Plans that stand side by side add up (D10)."""
    found = shop().entitlement(feature, plans)
    assert (found.is_allowed, found.value, found.ceiling) == (allowed, value, most)


def test_without_a_plan_the_default_one_speaks() -> None:
    """And where there is none, nothing but metered use is allowed."""
    assert shop().entitlement("projects").ceiling == 1
    assert shop(default_plan=None).entitlement("projects").ceiling == 0
    assert shop(default_plan=None).entitlement("chat").is_allowed


def test_who_says_so_is_named() -> None:
    """Support can tell from which plan it comes."""
    assert shop().entitlement("support", ("boost", "pro")).plan == "pro"
    assert shop().entitlement("sso", ("free",)).plan is None


def test_an_unknown_feature_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(UnknownFeature, match="did you mean 'projects'"):
        shop().entitlement("project")


@given(st.lists(st.integers(0, 50), max_size=4), st.lists(st.integers(0, 50), max_size=4))
def test_a_ceiling_is_the_largest_and_what_adds_to_it(plain: list[int], added: list[int]) -> None:
    """In whatever order plans are named."""
    values: list[bool | int | str] = [*plain, *(f"+{number}" for number in added)]
    assert ceiling(values) == max(plain, default=0) + sum(added) == ceiling(values[::-1])
    assert ceiling([*values, "unlimited"]) is None
