"""What single pages promise: queries over the views, rules, an env.py for Alembic, numbers."""

import re
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import QueuePool, create_engine, text

from tollkeeper import Billing
from tollkeeper.billing import POSTGRES_LANES
from tollkeeper.clock import FixedClock
from tollkeeper.doors.checkpoints import CALLS
from tollkeeper.doors.engines import open_engine
from tollkeeper.doors.rounds import MAXIMUM_BATCH
from tollkeeper.doors.tasks import READERS
from tollkeeper.doors.writer import MAXIMUM_QUEUE

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tollkeeper"
VIEWS = ROOT / "docs" / "reference" / "views.md"
ALEMBIC = ROOT / "docs" / "how-to" / "alembic.md"
TRANSACTIONS = ROOT / "docs" / "concepts" / "transactions.md"
RULES = ROOT / "docs" / "concepts" / "rules.md"


# The reference of the views.


def test_what_was_consumed_counts_what_was_settled(database_url: str) -> None:
    """Each usage is there once: a part of a hold, more than it, or what came late."""
    clock = FixedClock(datetime(2026, 5, 31, 23, 59, tzinfo=UTC))
    with Billing(database_url, clock=clock) as billing:
        billing.migrate()
        room, tokens = billing.credits, "tokens"
        room.grant("user_1", tokens, 1000)
        room.consume("user_1", tokens, 7)
        clock.set(datetime(2026, 6, 1, tzinfo=UTC))
        room.settle("user_1", room.hold("user_1", tokens, 300), 120)
        owed = room.hold("user_2", tokens, 50, overdraft=50)
        room.settle("user_2", owed, 20)
        room.grant("user_3", tokens, 40, features=["chat"])
        beyond = room.hold("user_3", tokens, 30, feature="chat")
        room.settle("user_3", beyond, 35)
        lapsing = room.hold("user_1", tokens, 10)
        room.release("user_1", room.hold("user_1", tokens, 10))
        clock.set(datetime(2026, 6, 2, tzinfo=UTC))
        room.settle("user_1", lapsing, 3)
        room.consume("user_1", tokens, 11)
    [query] = re.findall(r"```sql\n(SELECT[^`]* consumed_scaled[^`]*)```", VIEWS.read_text())
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    if engine.dialect.name == "sqlite":
        query = query.replace("tollkeeper.", "tollkeeper_")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET TIME ZONE 'Asia/Tokyo'"))
        rows = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    assert rows == [("consume", tokens, 11_000_000), ("settle", tokens, 178_000_000)]


# The rules of money.


def test_every_rule_that_the_code_names_can_be_looked_up() -> None:
    """A number in a docstring or a comment, such as (A1), stands on the page with what it says."""
    number = r"[A-I]\d+"
    named = re.compile(rf"(?:\(|RULES\.md )({number}(?:[-,] ?(?:RULES\.md )?{number})*)")
    cited = {
        rule
        for path in SOURCE.rglob("*.py")
        for group in named.findall(path.read_text())
        for rule in re.findall(number, group)
    }
    assert len(cited) > 10
    assert cited <= set(re.findall(rf"^\*\*({number})\. ", RULES.read_text(), re.MULTILINE))


def test_every_rule_that_a_page_names_is_told_or_said_to_be_missing() -> None:
    """A reader who meets a number, such as (A1), finds it on the page of the rules."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    number = r"\b[A-I]\d+\b"
    groups = re.compile(rf"\(({number}(?:(?:, | and |-){number})*)\)")
    cited = {
        rule
        for page in pages
        if page != RULES
        for group in groups.findall(page.read_text())
        for rule in re.findall(number, group)
    }
    assert len(cited) > 5
    built, _, missing = RULES.read_text().partition("## Not built yet")
    told = {*re.findall(rf"^\*\*({number})\. ", built, re.MULTILINE), *re.findall(number, missing)}
    assert cited <= told, cited - told


# The filters of Alembic.

#: What an app of one table has beside its env.py.
MODELS = """
from sqlalchemy import Column, Integer, MetaData, Table
metadata = MetaData()
Table("tollkeeper_job", metadata, Column("id", Integer, primary_key=True))
"""
TEMPLATE = """revision, down_revision = ${repr(up_revision)}, ${repr(down_revision)}
def upgrade():
    ${upgrades}
"""
FILTER = "include_name=include_name,"


def proposed(environment: str, url: str, folder: Path) -> str:
    """Run `alembic revision --autogenerate` with an env.py, and read what it wrote."""
    (folder / "env.py").write_text(environment)
    (folder / "models.py").write_text(MODELS)
    (folder / "script.py.mako").write_text(TEMPLATE)
    (folder / "versions").mkdir()
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.revision(config, autogenerate=True)
    [written] = (folder / "versions").glob("*.py")
    return written.read_text()


@pytest.mark.parametrize("given", [FILTER, ""], ids=["as documented", "without the filter"])
def test_the_documented_environment_leaves_our_tables_alone(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Alembic sees the app's own table in either case; without the filter it drops ours."""
    [environment] = re.findall(r"```py\n(.*?)```", ALEMBIC.read_text(), re.DOTALL)
    assert FILTER in environment
    schemas = "include_schemas=True," if database_url.startswith("postgresql") else ""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "models", raising=False)
    with Billing(database_url) as billing:
        billing.migrate()
    proposal = proposed(environment.replace(FILTER, given + schemas), database_url, tmp_path)
    monkeypatch.delitem(sys.modules, "models")
    assert "op.create_table('tollkeeper_job'" in proposal
    assert ("op.drop_" in proposal) is not bool(given)


# Transactions.


def test_the_numbers_of_lanes_threads_and_connections_are_those_of_the_code() -> None:
    told = TRANSACTIONS.read_text()
    assert f"at most {MAXIMUM_BATCH:,}, and runs them" in told
    assert f"At most {MAXIMUM_QUEUE:,} calls may wait" in told
    assert f"PostgreSQL: {POSTGRES_LANES}; from the first change on" in told
    assert f"every {CALLS:,} calls or so" in told
    assert f"`AsyncBilling` has {READERS} of its own" in told
    assert "most 30 on PostgreSQL (10 of them kept open), 15 on SQLite (5 kept)" in told
    assert pool_of("postgresql://127.0.0.1/none") == (30, 10)
    assert pool_of("sqlite:///none.db") == (15, 5)


def pool_of(url: str) -> tuple[int, int]:
    """How many connections an engine of ours may have, and how many it keeps."""
    opened = open_engine(url, busy_seconds=1.0, prepare_statements=True)
    pool = opened.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.size() + pool._max_overflow, pool.size()


def test_a_billing_has_the_threads_that_the_page_tells(database_url: str) -> None:
    """One lane on SQLite and two on PostgreSQL, whoever calls."""
    with Billing(database_url) as billing:
        billing.migrate()
        before = set(threading.enumerate())
        for number in range(20):
            billing.credits.grant(f"user_{number}", "api_calls", 1)
        names = sorted(each.name for each in set(threading.enumerate()) - before)
    lanes = POSTGRES_LANES if database_url.startswith("postgresql") else 1
    assert names == [f"tollkeeper-writer-{number}" for number in range(lanes)]
