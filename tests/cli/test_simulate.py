"""`tollkeeper simulate`: what the books, or a recorded stream, would have come to."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tollkeeper import Billing, Catalog, Money

EXCERPT = Path(str(files("tollkeeper") / "data" / "azure_llm_trace_excerpt.csv"))
#: The folder of the whole traces, which are too large to be part of the repository.
DATA = Path(os.environ.get("TOLLKEEPER_TRACES", "traces"))
TRACES = ("azure_llm_trace_2023_code.csv", "azure_llm_trace_2023_conv.csv")

SOLD = """
currency = "usd"
[features.image]
scale = 0
rate = "0.10 usd"
[plans.basic]
prices = ["10.00 usd / month"]
[plans.large]
prices = ["30.00 usd / month"]
"""
TOKENS = """
currency = "usd"
[units.credits]
[features.context]
cost = { credits = "1 / 1_000" }
rate = "2.50 usd / 1_000_000"
[features.generated]
rate = "10.00 usd / 1_000_000"
[plans.free]
allowances.credits = "20 / month"
[plans.pro]
prices = ["20.00 usd / month"]
waterfall = ["wallet", "usage"]
"""
SPAN = ("--since", "2020-01-01", "--until", "2100-01-01")


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A price list in which an image costs twice as much."""
    path = tmp_path / "new.toml"
    path.write_text(SOLD.replace("0.10 usd", "0.20 usd"))
    return path


@pytest.fixture
def used(tollkeeper: Command, database_url: str) -> Command:
    """`tollkeeper` on books of a customer with a plan who used three images."""
    with Billing(database_url, catalog=Catalog.from_toml(SOLD)) as billing:
        billing.subscriptions.allocate("user_1", "basic")
        billing.wallet.deposit("user_1", Money("0.50", "usd"))
        for _ in range(3):
            billing.charge("user_1", "image")
    return tollkeeper


def test_the_books_are_played(used: Command, catalog: Path) -> None:
    """As JSON: what happened beside what would have, by reason."""
    told = used("simulate", "--catalog", str(catalog), *SPAN, "--json")
    assert told.code == 0, told
    total = told.data["total"]
    assert told.data["events"] == 3
    assert total["happened"]["spent"] == {"usd": "0.3"}
    assert total["simulated"]["spent"] == {"usd": "0.4"}
    assert total["simulated"]["refused"] == {"insufficient_balance": 1}
    assert used("audit").code == 0


def test_a_person_reads_tables(used: Command, catalog: Path) -> None:
    """The figures in all, by feature, by plan and by customer, and how long it took."""
    told = used("simulate", "--catalog", str(catalog), *SPAN)
    for words in ("In all", "Happened", "refused: insufficient_balance", "basic", "user_1"):
        assert words in told.out
    assert "events a second" in told.out


def test_plans_are_moved_and_customers_chosen(used: Command, catalog: Path) -> None:
    """What the room takes, the command takes."""
    asked = ("simulate", "--catalog", str(catalog), *SPAN, "--json")
    moved = used(*asked, "--move", "basic=large", "--customer", "user_1")
    assert [each["name"] for each in moved.data["customers"]] == ["user_1"]
    ordered = used(*asked, "--burn-order", "purchase, promotion")
    assert ordered.data["events"] == 3


def test_what_is_wrong_is_said(used: Command, catalog: Path) -> None:
    """Each mistake has its error, and nothing is played."""
    asked = ("simulate", "--catalog", str(catalog))
    assert "--since" in used(*asked).err
    assert "OLD=NEW" in used(*asked, *SPAN, "--move", "basic").err
    assert "unknown_plan" in used(*asked, *SPAN, "--move", "basic=huge").err
    assert "customer_not_found" in used(*asked, *SPAN, "--customer", "nobody").err
    assert "--catalog" in used("simulate", *SPAN).err
    assert "no catalog" in used("simulate", "--catalog", "nowhere.toml", *SPAN).err
    assert "--feature" in used(*asked, "--trace", str(EXCERPT)).err
    assert "--since" in used(*asked, *SPAN, "--trace", str(EXCERPT)).err
    assert "--plan" in used(*asked, *SPAN, "--plan", "basic").err


def test_a_recorded_stream_is_played(tollkeeper: Command, tmp_path: Path) -> None:
    """Every call is played, the same in every run, and the money adds up."""
    played = [_traced(tollkeeper, tmp_path, EXCERPT) for _ in range(2)]
    total = played[0]["total"]["simulated"]
    assert played[0]["total"] == played[1]["total"]
    assert total["events"] == played[0]["events"] > 1000
    assert {each["name"] for each in played[0]["plans"]} == {"free", "pro"}
    assert total["refused"].keys() <= {"insufficient_balance"}


@pytest.mark.parametrize("name", TRACES)
def test_the_whole_traces_are_played(tollkeeper: Command, tmp_path: Path, name: str) -> None:
    """The recorded hour of real calls, as far as it is on this machine."""
    if not (DATA / name).exists():
        pytest.skip("TOLLKEEPER_TRACES names no folder with the whole traces")
    played = _traced(tollkeeper, tmp_path, DATA / name)
    assert played["events"] > 15_000


def _traced(tollkeeper: Command, folder: Path, path: Path) -> dict[str, Any]:
    tried = folder / "tokens.toml"
    tried.write_text(TOKENS)
    told = tollkeeper(
        *("simulate", "--catalog", str(tried), "--trace", str(path), "--json"),
        *("--feature", "context", "--generated-feature", "generated", "--customers", "20"),
        *("--plan", "free", "--plan", "pro", "--deposit", "0.50 usd"),
    )
    assert told.code == 0, told
    data: dict[str, Any] = told.data
    return data
