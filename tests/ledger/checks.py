"""A second opinion on the books: laws 1, 2, 3, 5 and 7 of some customers, read from the views.

Owns no rule of the product: everything here follows from the documented views alone, as an analyst
would check them. Each function lists what is wrong, in words.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, text

COLUMNS = ("available", "restricted", "held", "debt")

#: Where value comes from or goes, by the kind of the entry.
FLOWS = {
    "grant": "granted",
    "consume": "consumed",
    "settle": "consumed",
    "revoke": "revoked",
    "expire": "expired",
    "transfer_in": "moved in",
    "transfer_out": "moved out",
}
#: Kinds that only move value between the columns of one account.
NEUTRAL = frozenset({"hold", "extend", "release", "lapse", "activate", "repay", "set_overdraft"})
#: Where a part of a grant is, if not the same; to undo its arrival is to revoke it.
PLACES = {"grant": "revoked", "transfer_in": "revoked", "settle": "consume"}
INWARD = frozenset({"granted", "moved in", "adjusted up"})

Account = tuple[str, str]
Row = dict[str, Any]


@dataclass(frozen=True)
class Books:
    """What the views show of some customers."""

    balances: list[Row]
    entries: dict[Account, list[Row]]
    grants: list[Row]
    holds: list[Row]
    operations: dict[Account, Row]


def broken_laws(engine: Engine, customers: Sequence[str]) -> list[str]:
    """Check every law that the views can prove; an empty list is what one hopes for."""
    with engine.connect() as connection:
        books = read(connection, customers)
    found: list[str] = []
    for law in (law_1, law_2, law_3, law_5, law_7):
        found += [f"{law.__name__}: {problem}" for problem in law(books)]
    return found


def read(connection: Connection, customers: Sequence[str]) -> Books:
    """Read the views for some customers."""
    entries: dict[Account, list[Row]] = defaultdict(list)
    for row in _rows(connection, "entries", customers, "version"):
        entries[(row["customer_id"], row["unit"])].append(row)
    operations = _rows(connection, "operations", customers, "id")
    return Books(
        _rows(connection, "balances", customers, "unit"),
        entries,
        _rows(connection, "grants", customers, "id"),
        _rows(connection, "holds", customers, "id"),
        {(row["customer_id"], row["id"]): row for row in operations},
    )


def law_1(books: Books) -> Iterator[str]:
    """Balances are sums of entries; versions run 1..n; "after" is "before" plus change."""
    for balance in books.balances:
        key = (balance["customer_id"], balance["unit"])
        entries = books.entries[key]
        for problem in _chain(balance, entries):
            yield f"{key}: {problem}"
        versions = [entry["version"] for entry in entries]
        if versions != list(range(1, balance["version"] + 1)):
            yield f"{key}: versions {versions} do not run up to {balance['version']}"
        moments = [entry["created_at"] for entry in entries]
        if moments != sorted(moments):
            yield f"{key}: time of booking runs backwards"


def _chain(balance: Row, entries: Sequence[Row]) -> Iterator[str]:
    for column in COLUMNS:
        after = 0
        for entry in entries:
            after += entry[f"{column}_change_scaled"]
            if entry[f"{column}_scaled"] != after:
                yield f"{column} after version {entry['version']} is not before plus change"
        if balance[f"{column}_scaled"] != after:
            yield f"{column} is {balance[f'{column}_scaled']}, but its entries say {after}"


def law_2(books: Books) -> Iterator[str]:
    """As booked: available = Σ general remains − debt; restricted = the rest; held = open holds."""
    general: Counter[Account] = Counter()
    restricted: Counter[Account] = Counter()
    begun = set(_begun(books))
    for grant in books.grants:
        key = (grant["customer_id"], grant["unit"])
        is_general = not grant["features"] and (grant["customer_id"], grant["id"]) in begun
        (general if is_general else restricted)[key] += grant["remaining_scaled"]
    held: Counter[Account] = Counter()
    for hold in books.holds:
        if hold["status"] == "open":
            held[(hold["customer_id"], hold["unit"])] += hold["amount_scaled"]
    for balance in books.balances:
        key = (balance["customer_id"], balance["unit"])
        if balance["available_scaled"] != general[key] - balance["debt_scaled"]:
            yield f"{key}: available is not the remains of general grants less the debt"
        if balance["restricted_scaled"] != restricted[key]:
            yield f"{key}: restricted is not the remains of the other grants"
        if balance["held_scaled"] != held[key]:
            yield f"{key}: held is not the sum of open holds"


def law_3(books: Books) -> Iterator[str]:
    """Each grant's amount = remaining + held + what is gone, by where it went, never below zero."""
    arrived, places = _whereabouts(books)
    for grant in books.grants:
        key = (grant["customer_id"], grant["id"])
        found, amount = places[key], grant["amount_scaled"]
        if arrived[key] != amount:
            yield f"grant {key} arrived with {arrived[key]}, not with its amount"
        if found["remaining"] != grant["remaining_scaled"]:
            yield f"grant {key}: remaining is not what its entries say"
        if sum(found.values()) != amount or min(found.values()) < 0:
            yield f"grant {key}: {dict(found)} does not add up to {amount}"


def _whereabouts(books: Books) -> tuple[Counter[Account], dict[Account, Counter[str]]]:
    """Tell with what each grant arrived, and where it is now."""
    places: dict[Account, Counter[str]] = defaultdict(Counter)
    arrived: Counter[Account] = Counter()
    for entry, kind, name, remaining, held in _lines(books):
        key = (entry["customer_id"], name)
        places[key]["remaining"] += remaining
        places[key]["held"] += held
        gone = -(remaining + held)
        if key not in arrived:
            arrived[key] = -gone
        elif gone:
            places[key][PLACES.get(kind, kind)] += gone
    return arrived, places


def law_5(books: Books) -> Iterator[str]:
    """One (customer, idempotency key) has at most one operation."""
    keys = Counter(
        (row["customer_id"], row["idempotency_key"])
        for row in books.operations.values()
        if row["idempotency_key"]
    )
    yield from (f"{key} has {count} operations" for key, count in keys.items() if count > 1)


def law_7(books: Books) -> Iterator[str]:
    """Whole book, for every unit: what came in = what is there + what went out."""
    there: Counter[str] = Counter()
    for balance in books.balances:
        there[balance["unit"]] += sum(balance[f"{column}_scaled"] for column in COLUMNS[:3])
    flows: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, unit), entries in books.entries.items():
        for entry in entries:
            net = sum(entry[f"{column}_change_scaled"] for column in COLUMNS[:3])
            flows[unit][_flow(_undone(books, entry), entry, net)] += net
    for unit, by_flow in flows.items():
        yield from (f"{unit}: {problem}" for problem in _sums(by_flow, there[unit]))


def _sums(flows: Counter[str], there: int) -> Iterator[str]:
    if sum(flows.values()) != there:
        yield f"{dict(flows)} does not add up to {there}"
    for flow, amount in flows.items():
        if amount * (1 if flow in INWARD else -1) < 0 or (flow == "inside" and amount):
            yield f"{flow} has the wrong sign: {amount}"
    if flows["moved in"] + flows["moved out"]:
        yield f"{flows['moved in']} moved in, {flows['moved out']} moved out"


def _flow(kind: str, entry: Row, net: int) -> str:
    """Name where value came from or went; what an undone entry did counts the other way."""
    if kind in NEUTRAL:
        return "inside"
    if kind in ("adjust", "set_balance"):
        upward = (net > 0) == (kind == entry["kind"])
        return "adjusted up" if upward else "adjusted down"
    return FLOWS[kind]


def _undone(books: Books, entry: Row) -> str:
    """Name the kind of an entry; of a reversal, the kind of what it undoes, at the same place."""
    if entry["kind"] != "reverse":
        return str(entry["kind"])
    name = entry["operation_id"].partition("_")[2]
    first = [
        row
        for row in books.entries[(entry["customer_id"], entry["unit"])]
        if row["operation_id"] == f"op_{name}" and row["kind"] != "expire"
    ]
    undoing = [
        row
        for row in books.entries[(entry["customer_id"], entry["unit"])]
        if row["operation_id"] == entry["operation_id"] and row["kind"] == "reverse"
    ]
    return str(first[len(first) - 1 - undoing.index(entry)]["kind"])


def _lines(books: Books) -> Iterator[tuple[Row, str, str, int, int]]:
    """Every change of a grant, in the order of booking, with the kind that it counts as."""
    for entries in books.entries.values():
        for entry in entries:
            kind = _undone(books, entry)
            for name, remaining, *held in json.loads(entry["lines"] or "[]"):
                if name:
                    yield entry, kind, name, remaining, sum(held)


def _begun(books: Books) -> Iterator[Account]:
    """Name the grants that may be spent: effective when they arrived or came back, or activated."""
    effective = {(row["customer_id"], row["id"]): row["effective_at"] for row in books.grants}
    for entry, _, name, remaining, _ in _lines(books):
        key = (entry["customer_id"], name)
        if entry["kind"] == "activate" or (remaining > 0 and effective[key] <= entry["created_at"]):
            yield key


def _rows(connection: Connection, view: str, customers: Iterable[str], order: str) -> list[Row]:
    name = f"tollkeeper.{view}" if connection.dialect.name == "postgresql" else f"tollkeeper_{view}"
    query = text(f"SELECT * FROM {name} WHERE customer_id IN :customers ORDER BY {order}")
    expanded = query.bindparams(bindparam("customers", expanding=True))
    rows = connection.execute(expanded, {"customers": list(customers)})
    return [dict(row._mapping) for row in rows]
