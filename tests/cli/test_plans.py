"""`tollkeeper catalog, subscriptions, limits, entitlements, promotions`: plans by hand."""

from pathlib import Path

import pytest

from tests.cli.conftest import BY_HAND, Command

CATALOG = """
currency = "usd"
[units.calls]
[features.call]
cost = { calls = 1 }
[features.seats]
type = "gauge"
[plans.free]
allowances.calls = "100 / month"
entitlements = { seats = 2 }
[plans.pro]
prices = ["20.00 usd / month"]
allowances.calls = "1_000 / month"
entitlements = { seats = 5 }
limits = [{ feature = "call", at_most = 50, every = "day" }]
[packs.starter]
price = "5.00 usd"
grants.calls = 100
[sign_up]
calls = 5
[promotions.spring]
grants.calls = 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalog's file."""
    path = tmp_path / "billing.toml"
    path.write_text(CATALOG, "utf-8")
    return path


@pytest.fixture
def shop(tollkeeper: Command, file: Path) -> Command:
    """`tollkeeper` on books in which a catalog is in force."""
    assert tollkeeper("catalog", "apply", str(file), *BY_HAND).code == 0
    return tollkeeper


def test_check_and_schema_need_no_database(command: Command, file: Path) -> None:
    """A catalog is checked by itself; mistakes are told with their lines, and end with 2."""
    good = command("catalog", "check", str(file))
    assert (good.code, "is valid: 2 features, 2 plans" in good.out) == (0, True)
    file.write_text(CATALOG.replace("cost = { calls", "cost = { cals"), "utf-8")
    bad = command("catalog", "check", str(file))
    assert bad.code == 2
    assert "calls" in bad.err
    assert command("catalog", "check", "none.toml").code == 2
    assert '"$schema"' in command("catalog", "schema").out


def test_a_subscription_from_end_to_end(shop: Command) -> None:
    """Free, paid, cancelled, resumed; each command says how it stands."""
    free = shop("subscriptions", "assign-free", "u", "--json").data
    assert (free["plan"], free["status"]) == ("free", "active")
    assert "has a plan already" in shop("subscriptions", "assign-free", "u").out
    paid = shop("subscriptions", "allocate", "u", "pro", "--payment-id", "p1", "--json").data
    again = shop("subscriptions", "allocate", "u", "pro", "--payment-id", "p1", "--json").data
    assert paid == again
    assert shop("subscriptions", "cancel", "u", "--json").data["ends_at"] == paid["period_end"]
    assert shop("subscriptions", "resume", "u", "--json").data["ends_at"] is None
    assert shop("subscriptions", "cancel", "u", "--now", "--json").data["status"] == "cancelled"
    listed = shop("subscriptions", "list", "u", "--json").data["subscriptions"]
    assert [each["plan"] for each in listed] == ["pro", "free"]
    assert "cancelled" in shop("subscriptions", "list", "u").out
    assert shop("subscriptions", "allocate", "u", "prro").code == 2


def test_limits(shop: Command) -> None:
    """Set, list, history and clear; without a reason and an actor nothing changes."""
    shop("subscriptions", "allocate", "u", "pro")
    shop("charge", "u", "call", "40")
    words = ("limits", "set", "u", "--feature", "call", "--at-most", "80", "--every", "day")
    assert shop(*words).code == 2
    made = shop(*words, "--this-window", *BY_HAND, "--json").data
    assert (made["used"], made["left"], made["is_own"]) == ("40", "40", True)
    assert "call:quantity:customer:day" in shop("limits", "list", "u").out
    assert shop("charge", "u", "call", "41").code == 3
    assert shop("limits", "clear", "u", made["name"], *BY_HAND).code == 0
    changes = shop("limits", "history", "u", "--json").data["changes"]
    assert [(each["kind"], each["actor"]) for each in changes] == [
        ("clear_limit", "ann"),
        ("set_limit", "ann"),
    ]
    assert "cleared" in shop("limits", "history", "u").out
    money = ("limits", "set", "u", "--spend", "5.00 usd", "--every", "month", *BY_HAND, "--json")
    assert shop(*money).data["counts"] == "usd"


def test_entitlements(shop: Command) -> None:
    """What a customer has; gauges that hold."""
    shop("subscriptions", "assign-free", "u")
    assert shop("entitlements", "move-gauge", "u", "seats", "2", "--json").data["left"] == 0
    assert shop("entitlements", "move-gauge", "u", "seats").code == 3
    assert shop("entitlements", "move-gauge", "u", "seats", "-1").code == 0
    assert shop("entitlements", "set-gauge", "u", "seats", "2").code == 0
    assert "2 of 2" in shop("entitlements", "of", "u").out


def test_the_catalog_by_hand(shop: Command, file: Path) -> None:
    """Shown, compared, applied, and put back."""
    assert "$20.00 / month" in shop("catalog", "show").out
    shop("subscriptions", "allocate", "u", "pro")
    before = shop("catalog", "versions", "--json").data["versions"][0]["version"]
    assert shop("catalog", "diff", str(file)).code == 0
    file.write_text(CATALOG.replace("20.00", "25.00"), "utf-8")
    compared = shop("catalog", "diff", str(file))
    assert (compared.code, "$25.00 as the new catalog sells" in compared.out) == (1, True)
    assert shop("catalog", "apply", str(file)).code == 2
    assert "In force" in shop("catalog", "apply", str(file), *BY_HAND).out
    assert shop("catalog", "apply", "--applied-version", before, *BY_HAND).code == 0
    assert "in force" in shop("catalog", "versions").out
    assert shop("catalog", "diff").code == 2
    file.write_text(CATALOG.replace("[units.calls]", "[units.calls]\nscale = 2"), "utf-8")
    assert shop("catalog", "apply", str(file), *BY_HAND).code == 3


def test_promotions(shop: Command) -> None:
    """Given once each."""
    assert "5" in shop("promotions", "welcome", "u").out
    assert (
        shop("promotions", "redeem", "u", "SPRING", "--json").data["receipts"][0]["amount"] == "7"
    )
    assert shop("promotions", "redeem", "u", "spring").code == 3
    assert shop("credits", "balance", "u", "calls", "--json").data["available"] == "12"


def test_a_catalog_with_mistakes_is_told_line_by_line(shop: Command, file: Path) -> None:
    """One mistake a line for people; objects with their places for editors and CI."""
    file.write_text('currency = "usdd"\n[plans.x]\nprices = "2 usdd"\n', "utf-8")
    told = shop("catalog", "diff", str(file), "--json")
    heading, *lines = told.err.splitlines()
    assert (told.code, heading.endswith("has 2 mistakes:"), len(lines)) == (2, True, 2)
    error = told.data["error"]
    assert error["message"].endswith("has 2 mistakes.")
    assert [(each["path"], each["line"]) for each in error["details"]["mistakes"]] == [
        ("currency", 1),
        ("plans.x.prices", 3),
    ]
    assert set(error["details"]["mistakes"][0]) == {"path", "line", "column", "problem", "file"}
