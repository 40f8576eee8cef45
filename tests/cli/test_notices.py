"""`tollkeeper notices …` and `tollkeeper worker`: what waits, what was given up, who tells it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import SHELL, shell
from tollkeeper import Billing
from tollkeeper.notices import CreditsGranted

#: An app of its own, as `--app` imports it.
APP = """
from tollkeeper import AsyncBilling, Billing
from tollkeeper.notices import CreditsGranted

billing = Billing({url!r})
awaited = AsyncBilling({url!r})

@billing.on(CreditsGranted)
def write_down(notice):
    with open("heard.txt", "a") as file:
        print(notice.customer, notice.amount, file=file)

@awaited.on(CreditsGranted)
async def write_down_too(notice):
    write_down(notice)
"""


@pytest.fixture
def given(tollkeeper: Command) -> Command:
    """`tollkeeper` on books of two customers of whom something is to be told."""
    for customer in ("ann", "bob"):
        assert tollkeeper("credits", "grant", customer, "api_calls", "5").code == 0
    return tollkeeper


def test_notices_are_listed(given: Command) -> None:
    """Newest first, of one customer, status or kind; page by page."""
    told = given("notices", "list", "--json").data
    assert [each["notice"]["customer"] for each in told["notices"]] == ["bob", "ann"]
    assert told["next_cursor"] is None
    some = given("notices", "list", "--customer", "ann", "--status", "waiting", "--json").data
    assert [each["notice"]["kind"] for each in some["notices"]] == ["credits_granted"]
    assert given("notices", "list", "--kind", "credits_low", "--json").data["notices"] == []
    first = given("notices", "list", "--limit", "1")
    assert "bob" in first.out
    assert "More: --cursor " in first.out
    cursor = given("notices", "list", "--limit", "1", "--json").data["next_cursor"]
    second = given("notices", "list", "--cursor", cursor).out
    assert "ann" in second
    assert "bob" not in second
    assert given("notices", "list", "--status", "lost").code == 2


def test_notices_are_delivered_again(given: Command, database_url: str) -> None:
    """By id, or all that were given up; an unknown one is refused."""
    with Billing(database_url) as billing:
        billing.on(CreditsGranted)(print)
        assert billing.jobs.run_due().delivered == 2
    [first, _] = given("notices", "list", "--json").data["notices"]
    assert first["status"] == "delivered"
    again = given("notices", "redeliver", first["notice"]["id"], "--customer", "bob", "--json")
    assert again.data["status"] == "waiting"
    assert "waiting" in given("notices", "redeliver", first["notice"]["id"]).out
    assert given("notices", "redeliver", "ntc_none").code == 3
    assert given("notices", "redeliver-dead", "--json").data == {"redelivered": 0}
    assert given("notices", "redeliver-dead").out == "0 notices wait again.\n"


def test_a_worker_without_an_app_keeps_the_books_and_leaves_the_notices(given: Command) -> None:
    """Whoever has the functions tells them."""
    done = given("worker", "--once", "--json")
    assert (done.code, done.data["delivered"], done.data["is_done"]) == (0, 0, True)
    assert given("worker", "--once").out == "Nothing was due.\n"
    waiting = given("notices", "list", "--status", "waiting", "--json").data["notices"]
    assert len(waiting) == 2


@pytest.mark.parametrize("name", ["billing", "awaited"])
def test_a_worker_tells_the_app_s_functions(
    given: Command, database_url: str, tmp_path: Path, name: str
) -> None:
    """Those of the Billing or AsyncBilling that it is told, in the folder where it stands."""
    (tmp_path / "shop.py").write_text(APP.format(url=database_url))
    command = [*SHELL, "worker", "--once", "--json", "--app", f"shop:{name}"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"delivered":2' in done.stdout
    heard = (tmp_path / "heard.txt").read_text().splitlines()
    assert sorted(heard) == ["ann 5", "bob 5"]


@pytest.mark.parametrize("name", ["billing", "awaited"])
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=lambda by: by.name)
def test_a_worker_goes_on_until_a_signal(
    given: Command, database_url: str, tmp_path: Path, name: str, by: signal.Signals
) -> None:
    """It tells what comes while it runs, and ends well."""
    (tmp_path / "shop.py").write_text(APP.format(url=database_url))
    heard = tmp_path / "heard.txt"
    command = [*SHELL, "worker", "--interval", "0.05", "--app", f"shop:{name}"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stderr is not None
            assert running.stderr.readline() == "Running what is due; Ctrl-C stops.\n"
            assert given("credits", "grant", "cyd", "api_calls", "7").code == 0
            end = time.monotonic() + 30
            while "cyd 7" not in (heard.read_text() if heard.exists() else ""):
                assert time.monotonic() < end, "it was not told in time"
                time.sleep(0.05)
            running.send_signal(by)
            out, err = running.communicate(timeout=30)
        finally:
            running.kill()
    assert (running.returncode, out, err) == (0, "", "")
    assert sorted(heard.read_text().splitlines()) == ["ann 5", "bob 5", "cyd 7"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--app", "shop"), "MODULE:NAME"),
        (("--app", "no_such_module:billing"), "cannot be imported"),
        (("--app", "tollkeeper:no_such_name"), "cannot be imported"),
        (("--app", "tollkeeper:Money"), "no Billing"),
        (("--app", "shop:billing", "--database", "sqlite:///app.db"), "--app or --database"),
        ((), "Name the database"),
    ],
)
def test_a_worker_says_what_is_wrong_with_its_app(
    command: Command, words: tuple[str, ...], says: str
) -> None:
    """At once, and ends with the code of bad usage."""
    ended = command("worker", "--once", *words)
    assert ended.code == 2
    assert says in ended.err


def test_a_worker_ends_where_the_database_is_out_of_reach() -> None:
    """It does not begin to wait for something that was never there."""
    done = shell("worker", "--database", "postgresql://127.0.0.1:1/none")
    assert done.returncode == 4, sys.executable
