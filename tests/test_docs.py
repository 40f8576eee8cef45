"""Documents do not lie: their examples run, and the files and links that they name are there."""

import inspect
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Unpack, get_args, get_origin, get_type_hints

import pytest
from alembic import command
from alembic.config import Config
from mypy.api import run as mypy
from sqlalchemy import QueuePool, create_engine, text
from sybil import Document
from sybil.document import PythonDocStringDocument
from sybil.parsers import markdown, rest

from tollkeeper import Billing, errors
from tollkeeper.billing import POSTGRES_LANES
from tollkeeper.clock import FixedClock
from tollkeeper.decisions.granting import SOURCES, Defaults, defaults_of
from tollkeeper.decisions.holding import MAXIMUM_LIFETIME
from tollkeeper.doors.checkpoints import CALLS
from tollkeeper.doors.engines import open_engine
from tollkeeper.doors.rounds import MAXIMUM_BATCH
from tollkeeper.doors.tasks import READERS
from tollkeeper.doors.writer import MAXIMUM_QUEUE
from tollkeeper.ledger.audit import Progress
from tollkeeper.ledger.auditing.kinds import KINDS
from tollkeeper.ledger.reading import MAXIMUM_PAGE
from tollkeeper.operations.books import MAXIMUM_FINDINGS, Books
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    MAXIMUM_REASON,
    RESERVED_PREFIX,
    MoneyLimit,
    Overdraft,
)
from tollkeeper.operations.credits import Credits
from tollkeeper.operations.customers import Customers
from tollkeeper.operations.fields import MAXIMUM_EMAIL, Fields
from tollkeeper.operations.jobs import MAXIMUM_ACCOUNTS, Jobs
from tollkeeper.operations.making import MAXIMUM_FEATURES, MAXIMUM_PRIORITY
from tollkeeper.operations.wallet import Wallet
from tollkeeper.values.amounts import Amount
from tollkeeper.values.books import Balance, Entry, Grant, GrantLine, Page
from tollkeeper.values.customers import Customer
from tollkeeper.values.findings import AuditReport, Checked, DueReport, Finding
from tollkeeper.values.money import Money
from tollkeeper.values.receipts import Attempt, HoldReceipt, Receipt
from tollkeeper.values.texts import (
    MAXIMUM_CHARACTERS,
    MAXIMUM_METADATA_BYTES,
    MAXIMUM_METADATA_DEPTH,
)
from tollkeeper.values.units import CREDITS_SCALE, CURRENCY_SCALE, ZERO_DECIMAL_SCALE

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tollkeeper"
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
VIEWS = ROOT / "docs" / "reference" / "views.md"
ROOMS = ROOT / "docs" / "reference" / "python.md"
ALEMBIC = ROOT / "docs" / "how-to" / "alembic.md"
TRANSACTIONS = ROOT / "docs" / "concepts" / "transactions.md"
RULES = ROOT / "docs" / "concepts" / "rules.md"

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A file or a folder as a map of the code names it: `ledger/`, `store/journal.py`, `STYLE.md`.
NAMED = re.compile(r"(?<![\w./:-])\.?\w[\w./-]*?(?:\.(?:py|md)\b|/(?![\w.*<{]))")


def documents() -> list[Path]:
    """Every document of ours, and the two that must be there even when they are not."""
    rooms = ("*.md", "docs/**/*.md", "src/**/*.md", "bench/**/*.md")
    return sorted({README, ARCHITECTURE, *(path for room in rooms for path in ROOT.glob(room))})


def name(path: Path) -> str:
    """How a test of one file is called."""
    return str(path.relative_to(ROOT))


def run(document: Document) -> int:
    """Evaluate the examples of a document in order, and return how many there were."""
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.mark.parametrize("path", documents(), ids=name)
def test_examples_in_documents_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ```python block runs after those above it, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    run(Document.parse(str(path), markdown.PythonCodeBlockParser(), markdown.SkipParser()))


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=name)
def test_examples_in_docstrings_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each `>>>` in a docstring gives what it says."""
    monkeypatch.chdir(tmp_path)
    run(PythonDocStringDocument.parse(str(path), rest.DocTestParser()))


def test_the_readme_shows_python() -> None:
    """The first page has an example, so the test above has something to run."""
    assert "```python" in README.read_text()


def test_the_readmes_examples_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries them out a second time, over the same file, has nothing to clear up."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run(Document.parse(str(README), markdown.PythonCodeBlockParser())) == 2


def test_the_readmes_examples_pass_a_strict_type_checker(tmp_path: Path) -> None:
    """As an app's own type checker sees them, with our types."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    files = [tmp_path / f"example_{number}.py" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block)
    cache = f"--cache-dir={ROOT / '.mypy_cache'}"
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    options = ["--strict", "--follow-imports=silent", config, cache]
    said, _, status = mypy([*options, *map(str, files)])
    assert not status, said


def test_the_map_names_only_what_exists() -> None:
    """ARCHITECTURE.md may shorten a path from the left, but never invent one."""
    rooms = ("*", "src/**/*", "tests/**/*", "docs/**/*", "bench/**/*", "tools/*", ".ci/*")
    there = {f"/{name(path)}" for room in rooms for path in ROOT.glob(room)}
    text = re.sub(r"https?://\S+", "", ARCHITECTURE.read_text())
    named = {found.group().rstrip("/") for found in NAMED.finditer(text)}
    assert named
    assert not [word for word in named if not any(path.endswith(f"/{word}") for path in there)]


def test_the_map_names_every_room() -> None:
    """A room that the map leaves out cannot be found."""
    text = ARCHITECTURE.read_text()
    modules = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py")]
    names = {path.parts[0].removesuffix(".py") for path in modules}
    public = sorted(name for name in names if not name.startswith("_"))
    assert not [name for name in public if not re.search(rf"\b{name}\b", text)]


@pytest.mark.parametrize("path", documents(), ids=name)
def test_relative_links_resolve(path: Path) -> None:
    """A link within the repository leads somewhere."""
    links = LINK.findall(FENCED.sub("", path.read_text()))
    inside = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in inside if link and not (path.parent / link).exists()]


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


# The reference of the rooms.

CLASSES: tuple[type, ...] = (Credits, Wallet, Customers, Books, Jobs)
ANSWERS: tuple[type, ...] = (
    Receipt,
    HoldReceipt,
    Attempt,
    Balance,
    Grant,
    Entry,
    GrantLine,
    Page,
    Customer,
    AuditReport,
    DueReport,
)
#: The names that the signatures on the page use.
NAMES: dict[str, Any] = {
    "Any": Any,
    "Amount": Amount,
    "Attempt": Attempt,
    "AuditReport": AuditReport,
    "Balance": Balance,
    "Customer": Customer,
    "DueReport": DueReport,
    "Grant": Grant,
    "HoldReceipt": HoldReceipt,
    "Mapping": Mapping,
    "Money": Money,
    "MoneyLimit": MoneyLimit,
    "Overdraft": Overdraft,
    "Page": Page,
    "Progress": Progress,
    "Receipt": Receipt,
    "Sequence": Sequence,
    "datetime": datetime,
    "timedelta": timedelta,
}

#: A verb's parameters, each with whether it goes by keyword alone, its type and its default; and
#: what it answers.
Signature = tuple[dict[str, tuple[bool, Any, Any]], Any]


def on_the_page() -> dict[str, Signature]:
    """The signature of each verb, as the reference writes it."""
    blocks = re.findall(r"^### `(\w+\.\w+)`\n\n```py\n(.*?)\n```", ROOMS.read_text(), re.M | re.S)
    assert len({name for name, _ in blocks}) == len(blocks)
    return {name: written(name, block) for name, block in blocks}


def written(name: str, block: str) -> Signature:
    """Read a signature; its names mean what they mean in the code."""
    made: dict[str, Any] = dict(NAMES)
    exec(block + ": ...", made)
    verb = made[name.partition(".")[2]]
    return read(verb, inspect.signature(verb).parameters.values())


def in_the_code() -> dict[str, Signature]:
    """The signature of each public verb of each room, its options written out."""
    return {
        f"{room.__name__.lower()}.{name}": read(verb, spelled_out(verb))
        for room in CLASSES
        for name, verb in inspect.getmembers(room, inspect.isfunction)
        if not name.startswith("_")
    }


def spelled_out(verb: Callable[..., Any]) -> list[inspect.Parameter]:
    """List the parameters of a verb but `self`; what `**options` may hold, one by one."""
    given = list(inspect.signature(verb).parameters.values())[1:]
    named = [each for each in given if each.kind is not inspect.Parameter.VAR_KEYWORD]
    for each in given:
        if get_origin(each.annotation) is Unpack:
            [options] = get_args(each.annotation)
            named += [option(options, name) for name in sorted(options.__optional_keys__)]
    return named


def option(options: Any, name: str) -> inspect.Parameter:
    """Make the parameter of an option; None clears a customer's field, so `...` is its default."""
    is_field = options.__name__ == "Change" and name in Fields.__optional_keys__
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=... if is_field else None,
        annotation=get_type_hints(options)[name],
    )


def read(verb: Callable[..., Any], parameters: Any) -> Signature:
    """Give what is compared of a signature."""
    found = {
        each.name: (each.kind is inspect.Parameter.KEYWORD_ONLY, each.annotation, each.default)
        for each in parameters
    }
    return found, inspect.signature(verb).return_annotation


def test_the_reference_has_every_verb_as_it_is() -> None:
    """No verb is missing and none is invented; parameters, types, defaults and answers agree."""
    assert on_the_page() == in_the_code()


def table_of(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", ROOMS.read_text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\|(.*?)\|", section, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def shown(answer: type) -> set[str]:
    """What can be read of an answer: its fields and its properties."""
    own = answer.__mro__[:1] if answer is HoldReceipt else answer.__mro__
    names = {name for kind in own for name in getattr(kind, "__annotations__", {})}
    for kind in own:
        names |= {name for name, value in vars(kind).items() if isinstance(value, property)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_the_reference_has_every_field_of_an_answer(answer: type) -> None:
    assert sorted(table_of(f"`{answer.__name__}`")) == sorted(shown(answer))


@pytest.mark.parametrize("inner", [Checked, Finding])
def test_the_reference_has_every_field_within_a_report(inner: type) -> None:
    row = next(line for line in ROOMS.read_text().splitlines() if inner.__name__ in line)
    assert shown(inner) <= set(re.findall(r"`(\w+)`", row))


def test_the_reference_has_every_kind_of_entry() -> None:
    assert table_of("Kinds of entries") == list(KINDS)


def test_the_reference_has_every_error_and_its_code() -> None:
    section = ROOMS.read_text().partition("\n## Errors\n")[2]
    rows = re.findall(r"^\| (?:\*\*)?`(\w+)`(?:\*\*)? \| `(\w+)` \|", section, re.MULTILINE)
    tree = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    found = [kind for kind in tree if issubclass(kind, errors.TollkeeperError)]
    assert rows == [(kind.__name__, kind.code) for kind in found]


def test_the_reference_has_the_defaults_of_every_source() -> None:
    section = ROOMS.read_text().partition("| source | priority | paid |")[2].partition("\n\n")[0]
    rows = re.findall(r"\| (`.*) \| (\d+) \| (yes|no) \|", section)
    told = {
        source: Defaults(int(priority), paid=paid == "yes")
        for sources, priority, paid in rows
        for source in re.findall(r"`(\w+)`", sources)
    }
    assert told == SOURCES
    assert "`promotion`, and any word of yours" in section
    assert defaults_of("a word of yours") == SOURCES["promotion"]


def test_the_reference_has_the_limits_of_the_code() -> None:
    told = " ".join(ROOMS.read_text().split())
    minutes, hours = DEFAULT_LIFETIME / timedelta(minutes=1), MAXIMUM_LIFETIME / timedelta(hours=1)
    kilobytes = MAXIMUM_METADATA_BYTES / 1024
    assert f"{minutes:g} minutes unless you say so, above zero and at most {hours:g} hours" in told
    assert f"`priority` is 0 to {MAXIMUM_PRIORITY:,}" in told
    assert f"`features` are up to {MAXIMUM_FEATURES} keys" in told
    assert f"have 1 to {MAXIMUM_CHARACTERS} characters and no control characters" in told
    assert f"a reason has up to {MAXIMUM_REASON:,}" in told
    assert f"an e-mail address up to {MAXIMUM_EMAIL}" in told
    assert f"at most {kilobytes:g} KB and {MAXIMUM_METADATA_DEPTH} levels" in told
    assert f"`limit` is 1 to {MAXIMUM_PAGE:,}" in told
    assert f"`most` (1 to {MAXIMUM_FINDINGS:,})" in told
    assert f"at most `limit` accounts (1 to {MAXIMUM_ACCOUNTS:,})" in told
    assert f"Credits keep {CREDITS_SCALE} decimal digits" in told
    assert f"currencies keep {CURRENCY_SCALE}," in told
    assert f"such as yen, {ZERO_DECIMAL_SCALE}." in told
    assert f"those that begin with `{RESERVED_PREFIX}` are reserved" in told


def test_the_reference_has_every_argument_of_the_front_door() -> None:
    assert table_of("The front door") == list(inspect.signature(Billing).parameters)


# The rules of money.


def test_every_rule_that_the_code_names_can_be_looked_up() -> None:
    """A number in a docstring or a comment, such as (A1), stands on the page with what it says."""
    number = r"[A-I]\d"
    named = re.compile(rf"(?:\(|RULES\.md )({number}(?:[-,] ?(?:RULES\.md )?{number})*)")
    cited = {
        rule
        for path in SOURCE.rglob("*.py")
        for group in named.findall(path.read_text())
        for rule in re.findall(number, group)
    }
    assert len(cited) > 10
    assert cited <= set(re.findall(rf"^\*\*({number})\. ", RULES.read_text(), re.MULTILINE))


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
