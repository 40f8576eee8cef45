"""The views show exactly what the tables hold, and the document of them is true."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from tollkeeper.store.database import describe
from tollkeeper.store.migrate import migrate
from tollkeeper.store.migrations.place import Place
from tollkeeper.store.views import VIEWS, statements
from tollkeeper.values.amounts import MAXIMUM, MAXIMUM_SCALE
from tollkeeper.values.currencies import currencies
from tollkeeper.values.units import currency_unit

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "views.md"

MAY = datetime(2026, 5, 31, 23, 59, 59, 999_999, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)

#: What a column's type in the document means to each database.
TYPES = {
    "postgresql": {
        "text": {"TEXT"},
        "JSON": {"TEXT"},
        "integer": {"BIGINT", "INTEGER", "SMALLINT"},
        "decimal": {"NUMERIC"},
        "time": {"TIMESTAMP"},
        "flag": {"BOOLEAN"},
    },
    "sqlite": {
        "text": {"str"},
        "JSON": {"str"},
        "integer": {"int"},
        "decimal": {"str"},
        "time": {"str"},
        "flag": {"int"},
    },
}

Row = dict[str, Any]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to a database that knows two units and one customer."""
    with engine.connect() as connection:
        put(connection, "unit", {"key": "images", "kind": "credits", "scale": 6, **MADE})
        put(connection, "unit", {"key": "money:usd", "kind": "currency", "scale": 9, **MADE})
        put(connection, "customer", {"customer_id": "u1", "updated_at": JUNE, **MADE})
        yield connection


MADE = {"created_at": JUNE}
ACCOUNT = {
    "customer_id": "u1",
    "unit": "images",
    "available": 0,
    "restricted": 0,
    "held": 0,
    "debt": 0,
    "version": 1,
    "grants": "[]",
    "updated_at": JUNE,
}
SUBSCRIPTION = {
    "customer_id": "u1",
    "id": "sub_1",
    "plan": "pro",
    "plan_group": "main",
    "is_add_on": False,
    "is_free": False,
    "price_interval": "month",
    "quantity": 1,
    "catalog_version": "44136fa355b3678a",
    "anchor": JUNE,
    "started_at": JUNE,
    "ends_at": JULY,
    "payment_id": "pay_1",
    "allowances": "[]",
    "created_at": JUNE,
    "updated_at": JUNE,
}
GRANT = {
    "customer_id": "u1",
    "id": "grt_1",
    "unit": "images",
    "operation_id": "op_1",
    "amount": 12_500_000,
    "source": "purchase",
    "source_id": "pur_1",
    "priority": 60,
    "paid": True,
    "effective_at": JUNE,
    "expires_at": JULY,
    "cost": 9_000_000_000,
    "cost_currency": "usd",
    "features": '["image"]',
    "created_at": JUNE,
}
HOLD = {
    "customer_id": "u1",
    "id": "hld_1",
    "unit": "images",
    "status": "open",
    "drawn": "[]",
    "feature": "image",
    "created_at": JUNE,
    "expires_at": JULY,
}
USE: Row = {
    "customer_id": "u1",
    "id": "evt_1",
    "feature": "images",
    "quantity": 5,
    "counted_at": JUNE,
    "created_at": JUNE,
    "dimensions": '{"model":"large"}',
}
ENTRY = {
    "customer_id": "u1",
    "id": "op_1",
    "part": 0,
    "kind": "grant",
    "idempotency_key": "welcome",
    "fingerprint": "f",
    "created_at": JUNE,
    "unit": "images",
    "version": 1,
    "available_change": 12_500_000,
    "available": 12_500_000,
    "lines": '[["grt_1",12500000]]',
}


def put(connection: Connection, table: str, row: Row) -> None:
    tables = describe(connection.dialect.name).tables
    connection.execute(tables[table].insert().values(row))


def named(connection: Connection, sql: str) -> str:
    """A statement with the names that this database has: a schema, or a prefix."""
    is_sqlite = connection.dialect.name == "sqlite"
    return sql.replace("tollkeeper.", "tollkeeper_") if is_sqlite else sql


def show(connection: Connection, view: str) -> list[Row]:
    """The rows of a view; moments of SQLite, which are text, as moments."""
    rows = connection.execute(text(named(connection, f"SELECT * FROM tollkeeper.{view}")))
    return [{key: moment(key, value) for key, value in row.items()} for row in rows.mappings()]


def moment(column: str, value: Any) -> Any:
    if column.endswith("_at") and isinstance(value, str):
        assert len(value) == 26
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


def amounts(row: Row) -> Row:
    """The amounts of a row, each as written, to the last zero."""
    return {
        key: str(value)
        for key, value in row.items()
        if f"{key}_scaled" in row or key.endswith("_scaled")
    }


def twice(**written: str) -> Row:
    """The two columns of each amount, given as a decimal: without the point it is the integer."""
    minor = {f"{key}_scaled": str(int(value.replace(".", ""))) for key, value in written.items()}
    return written | minor


def test_balances_are_exact(connection: Connection) -> None:
    changed = {"available": -2_500_000, "restricted": 1, "held": 10_000_000, "debt": 12_500_000}
    put(connection, "account", ACCOUNT | changed | {"version": 7})
    [row] = show(connection, "balances")
    assert amounts(row) == twice(
        available="-2.500000", restricted="0.000001", held="10.000000", debt="12.500000"
    )
    assert {key: row[key] for key in ("customer_id", "unit", "kind", "scale")} == {
        "customer_id": "u1",
        "unit": "images",
        "kind": "credits",
        "scale": 6,
    }
    assert (row["version"], row["updated_at"]) == (7, JUNE)


def test_an_account_that_was_never_written_has_no_time(connection: Connection) -> None:
    put(connection, "account", ACCOUNT | {"version": 0, "updated_at": None})
    assert show(connection, "balances")[0]["updated_at"] is None


@pytest.mark.parametrize("amount", [0, 1, -1, 10**12, MAXIMUM, -MAXIMUM])
def test_no_digit_of_an_amount_is_lost(connection: Connection, amount: int) -> None:
    """A float has 15 digits, and PostgreSQL's division gives 16; 64 bits need 19."""
    for scale in range(MAXIMUM_SCALE + 1):
        unit = {"key": f"scale_{scale}", "kind": "credits", "scale": scale, **MADE}
        put(connection, "unit", unit)
        put(connection, "account", ACCOUNT | {"unit": unit["key"], "available": amount})
    rows = show(connection, "balances")
    assert len(rows) == MAXIMUM_SCALE + 1
    assert {row["available_scaled"] for row in rows} == {amount}
    for row in rows:
        assert format(Decimal(row["available"]), "f") == format(
            Decimal(amount).scaleb(-row["scale"]), "f"
        )


def test_an_entry_shows_every_change_and_what_came_of_it(connection: Connection) -> None:
    changes = {"available_change": -3, "restricted_change": -4, "held_change": 5, "debt_change": 6}
    after = {"available": 7, "restricted": 8, "held": 9, "debt": 10}
    put(connection, "operation", ENTRY | changes | after | {"event_at": MAY, "mark": "late"})
    [row] = show(connection, "entries")
    assert {k: v for k, v in row.items() if k.endswith("_scaled")} == {
        f"{key}_scaled": value for key, value in (changes | after).items()
    }
    assert (row["customer_id"], row["unit"], row["operation_id"]) == ("u1", "images", "op_1")
    assert (row["part"], row["kind"], row["version"]) == (0, "grant", 1)
    assert (row["mark"], row["created_at"], row["event_at"]) == ("late", JUNE, MAY)
    assert row["lines"] == '[["grt_1",12500000]]'


def test_an_entry_shows_zero_where_the_table_has_nothing(connection: Connection) -> None:
    put(connection, "operation", ENTRY)
    [row] = show(connection, "entries")
    zero = "0.000000"
    others = ("restricted", "held", "debt")
    assert amounts(row) == twice(
        available="12.500000",
        available_change="12.500000",
        **{name: zero for kind in others for name in (kind, f"{kind}_change")},
    )
    assert row["event_at"] == row["created_at"] == JUNE


def test_an_operation_without_an_entry_is_no_entry(connection: Connection) -> None:
    nothing = {"version": None, "available_change": None, "lines": None}
    put(connection, "operation", ENTRY | nothing)
    assert show(connection, "entries") == []
    assert len(show(connection, "operations")) == 1


def test_operations_show_heads_and_what_was_asked_for(connection: Connection) -> None:
    """One row a request: further parts are entries, and the result may name another verb."""
    put(connection, "operation", ENTRY)
    put(connection, "operation", ENTRY | {"part": 1, "version": 2, "idempotency_key": None})
    charge = {"id": "op_2", "kind": "consume", "version": 3, "idempotency_key": "tollkeeper:1"}
    put(connection, "operation", ENTRY | charge | {"event_at": MAY, "result": '{"verb":"charge"}'})
    rows = sorted(show(connection, "operations"), key=lambda row: str(row["id"]))
    assert rows == [
        {
            "customer_id": "u1",
            "id": "op_1",
            "kind": "grant",
            "idempotency_key": "welcome",
            "created_at": JUNE,
            "event_at": JUNE,
        },
        {
            "customer_id": "u1",
            "id": "op_2",
            "kind": "charge",
            "idempotency_key": "tollkeeper:1",
            "created_at": JUNE,
            "event_at": MAY,
        },
    ]


def test_a_grant_shows_what_its_account_says_is_left(connection: Connection) -> None:
    open_grant = ["grt_1", 2_500_000, 12_500_000, 60, 1, 0, 1, 9_000_000_000, ["image"], 0]
    other = ["grt_0", 1, 1, 60, 1, 0, 0, 0, 0, 0]
    put(connection, "account", ACCOUNT | {"grants": json.dumps([other, open_grant])})
    put(connection, "grant_fact", GRANT)
    [row] = show(connection, "grants")
    assert amounts(row) == twice(amount="12.500000", remaining="2.500000", cost="9.000000000")
    told = {key: row[key] for key in GRANT.keys() - {"amount", "cost"}}
    assert told == {key: value for key, value in GRANT.items() if key in told}
    assert row["origin"] is None


def test_a_grant_that_is_used_up_has_nothing_left(connection: Connection) -> None:
    """Its account no longer lists it, or there is no account of that name."""
    put(connection, "grant_fact", GRANT | {"features": None, "paid": False, "expires_at": None})
    assert amounts(show(connection, "grants")[0])["remaining"] == "0.000000"
    put(connection, "account", ACCOUNT)
    [row] = show(connection, "grants")
    assert amounts(row)["remaining"] == "0.000000"
    assert (row["features"], row["paid"], row["expires_at"]) == (None, False, None)


def test_a_grant_of_another_customer_lends_nothing(connection: Connection) -> None:
    put(connection, "customer", {"customer_id": "u2", "updated_at": JUNE, **MADE})
    listed = json.dumps([["grt_1", 7, 7, 60, 1, 0, 0, 0, 0, 0]])
    put(connection, "account", ACCOUNT | {"customer_id": "u2", "grants": listed})
    put(connection, "grant_fact", GRANT)
    put(connection, "grant_fact", GRANT | {"customer_id": "u2", "amount": 7})
    left = {row["customer_id"]: row["remaining_scaled"] for row in show(connection, "grants")}
    assert left == {"u1": 0, "u2": 7}


def test_the_cost_of_a_grant_has_its_currencys_scale(connection: Connection) -> None:
    codes = [money.code for money in currencies()]
    for code in codes:
        cost = {"cost_currency": code, "cost": 10 ** currency_unit(code).scale}
        put(connection, "grant_fact", GRANT | {"id": f"grt_{code}"} | cost)
    costs = {row["cost_currency"]: Decimal(row["cost"]) for row in show(connection, "grants")}
    assert costs == dict.fromkeys(codes, 1)


def test_a_grant_that_cost_nothing_has_no_cost(connection: Connection) -> None:
    put(connection, "grant_fact", GRANT | {"cost_currency": None, "cost": 0})
    [row] = show(connection, "grants")
    assert (row["cost"], row["cost_scaled"], row["cost_currency"]) == (None, None, None)


def test_a_hold_shows_what_it_drew_from_every_grant(connection: Connection) -> None:
    """The overdraft's share, which has no grant, counts as well."""
    grant = ["grt_1", 0, 12_500_000, 60, 1, 0, 1, 0, 0, 0]
    put(connection, "hold", HOLD | {"drawn": json.dumps([[grant, 2_000_000], [0, 500_000]])})
    [row] = show(connection, "holds")
    shown = {key: str(row[key]) for key in ("amount", "amount_scaled")}
    assert shown == twice(amount="2.500000")
    assert (row["settled"], row["settled_scaled"]) == (None, None)
    told = {key: row[key] for key in HOLD.keys() - {"drawn"}}
    assert told == {key: value for key, value in HOLD.items() if key in told}
    assert (row["closed_by"], row["closed_at"]) == (None, None)


def test_a_closed_hold_shows_how_it_ended(connection: Connection) -> None:
    ended = {"status": "settled", "settled": 0, "closed_by": "op_2", "closed_at": JULY}
    put(connection, "hold", HOLD | ended | {"expires_at": None})
    [row] = show(connection, "holds")
    assert (row["status"], row["closed_by"], row["closed_at"]) == ("settled", "op_2", JULY)
    assert amounts(row) == twice(amount="0.000000", settled="0.000000")
    assert row["expires_at"] is None


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO tollkeeper.{} (customer_id) VALUES ('u2')",
        "UPDATE tollkeeper.{} SET customer_id = 'u2'",
        "DELETE FROM tollkeeper.{}",
    ],
)
def test_a_view_writes_nothing(connection: Connection, view: str, sql: str) -> None:
    with pytest.raises(
        DBAPIError, match=r"cannot (insert into|update|delete from) view|cannot modify"
    ):
        connection.execute(text(named(connection, sql.format(view))))


def test_rights_and_views_of_the_host_outlive_a_migration(postgres_url: str) -> None:
    """PostgreSQL's views are replaced, never dropped."""
    engine = create_engine(postgres_url)
    migrate(engine)
    place = Place(dialect="postgresql", schema="tollkeeper", prefix="")
    with engine.begin() as connection:
        connection.execute(text("CREATE VIEW ours AS SELECT unit FROM tollkeeper.balances"))
        connection.execute(text("GRANT SELECT ON tollkeeper.balances TO PUBLIC"))
        for statement in statements(place):
            connection.execute(text(statement))
        assert connection.execute(text("SELECT * FROM ours")).all() == []
        asked = "SELECT has_table_privilege('pg_monitor', 'tollkeeper.balances', 'SELECT')"
        assert connection.scalar(text(asked))
    engine.dispose()


# The document.


def documented() -> dict[str, dict[str, str]]:
    """Each view of the document, with the type of each column, in the document's order."""
    views: dict[str, dict[str, str]] = {}
    for section in re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]:
        if title := re.match(r"`(\w+)`", section):
            views[title[1]] = {
                name: kind
                for cells in re.findall(r"^\| (`.*?) \| (.*?) \|", section, flags=re.MULTILINE)
                for name, kind in zip(
                    re.findall(r"`(\w+)`", cells[0]), cells[1].split(", "), strict=True
                )
            }
    return views


def test_the_document_knows_every_view_and_column(engine: Engine) -> None:
    found = inspect(engine)
    tables = describe(engine.dialect.name).tables
    shown = {
        name.removeprefix(tables.prefix): [
            c["name"] for c in found.get_columns(name, tables.schema)
        ]
        for name in found.get_view_names(tables.schema)
    }
    assert shown == {view: list(columns) for view, columns in documented().items()}
    assert list(VIEWS) == list(documented())


@pytest.mark.parametrize("view", VIEWS)
def test_the_document_knows_every_type(connection: Connection, view: str) -> None:
    """PostgreSQL's catalog tells it; SQLite tells it of the values alone."""
    types = TYPES[connection.dialect.name]
    wanted = {name: types[kind] for name, kind in documented()[view].items()}
    if connection.dialect.name == "postgresql":
        columns = inspect(connection).get_columns(view, "tollkeeper")
        found = {column["name"]: type(column["type"]).__name__ for column in columns}
        assert not {name: kind for name, kind in found.items() if kind not in wanted[name]}
        assert all(c["type"].timezone for c in columns if hasattr(c["type"], "timezone"))
    else:
        put(connection, "account", ACCOUNT)
        put(connection, "operation", ENTRY | {"mark": "late"})
        put(connection, "grant_fact", GRANT | {"origin": "u2/grt_2"})
        put(connection, "hold", HOLD | {"settled": 1, "closed_by": "op_2", "closed_at": JULY})
        told = {"member": "ann", "currency": "usd", "backfill": "b", "mark": "late"}
        put(connection, "usage_event", USE | told | {"amends": "evt_0"})
        put(connection, "usage_event", USE | {"id": "evt_2", "amends": "evt_1"})
        put(connection, "subscription", SUBSCRIPTION)
        rows = connection.execute(text(f"SELECT * FROM tollkeeper_{view}")).mappings()
        values = dict(next(iter(rows)))
        assert not {k: v for k, v in values.items() if type(v).__name__ not in wanted[k]}


def test_the_documents_examples_run(connection: Connection) -> None:
    """Each query gives the row that was made for it."""
    put(connection, "account", ACCOUNT | {"grants": '[["grt_1",3,3,60,1,0,1,0,0,0]]'})
    put(connection, "grant_fact", GRANT)
    consume = {"kind": "consume", "available_change": -5, "event_at": JULY}
    put(connection, "operation", ENTRY | consume | {"result": '{"verb":"charge"}'})
    put(connection, "usage_event", USE)
    examples = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    queries = [sql for sql in examples if sql.startswith("SELECT")]
    answers = [connection.execute(text(named(connection, sql))).all() for sql in queries]
    assert [[tuple(row)[:3] for row in rows] for rows in answers] == [
        [("images", 1, 0)],
        [("charge", "images", 5)],
        [("u1", "grt_1", type(answers[2][0][2])("0.000003"))],
        [("images", '{"model":"large"}', 5)],
    ]


def test_the_document_gives_an_analyst_every_view(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    migrate(engine)
    examples = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE analyst"))
        for sql in examples:
            if sql.startswith("GRANT"):
                connection.execute(text(sql))
        connection.execute(text("SET LOCAL ROLE analyst"))
        assert [show(connection, view) for view in VIEWS] == [[]] * len(VIEWS)
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(text("SELECT * FROM tollkeeper.account"))
    engine.dispose()


def test_usage_shows_what_counts_and_who_paid(connection: Connection) -> None:
    """An event that was amended counts no more; what came with a backfill counts once it closed."""
    put(connection, "usage_event", USE | {"credits": 2, "currency": "usd", "owed": 1_500_000_000})
    put(connection, "usage_event", USE | {"id": "evt_2", "amends": "evt_1", "quantity": 4})
    put(connection, "usage_event", USE | {"id": "evt_3", "backfill": "b"})
    rows = {row["id"]: row for row in show(connection, "usage")}
    assert {name: row["counts"] for name, row in rows.items()} == {
        "evt_1": 0,
        "evt_2": 1,
        "evt_3": 0,
    }
    assert rows["evt_1"]["billed_scaled"] == 3
    assert Decimal(rows["evt_1"]["owed"]) == Decimal("1.5")
    assert rows["evt_2"]["owed"] is None
    assert rows["evt_1"]["amended_by"] == "evt_2"
