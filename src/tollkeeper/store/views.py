"""The views that analysts read: the one part of the schema that is a contract. They write nothing.

Each amount stands twice: as an exact decimal (NUMERIC on PostgreSQL, text on SQLite, which has no
decimals) and, with `_scaled`, as the ledger's integer. Personal text is never shown. Views are made
again only when a revision is applied, so a change here needs one; PostgreSQL takes new columns at
the end alone. Every column is documented in `docs/reference/views.md`.
"""

from collections.abc import Iterator

from tollkeeper.store.migrations.place import Place
from tollkeeper.values.currencies import currencies
from tollkeeper.values.units import CURRENCY_SCALE, ZERO_DECIMAL_SCALE

#: Every view, in the order in which they are made.
VIEWS = ("balances", "entries", "grants", "holds", "operations", "usage", "subscriptions")

_BALANCES = ("available", "restricted", "held", "debt")


def statements(place: Place) -> list[str]:
    """List the SQL that makes the views, or makes them again."""
    return [sql for view in VIEWS for sql in _make(place, view)]


def removals(place: Place) -> list[str]:
    """List the SQL to run before tables change.

    SQLite cannot rebuild a table under a view. PostgreSQL keeps its views, and with them who may
    read them and what the host has built on them.
    """
    return [] if place.is_postgres else [f"DROP VIEW IF EXISTS {place.name(v)}" for v in VIEWS]


def _make(place: Place, view: str) -> Iterator[str]:
    body = _BODIES[view](place)
    if place.is_postgres:
        yield f"CREATE OR REPLACE VIEW {place.name(view)} AS {body}"
    else:
        yield f"DROP VIEW IF EXISTS {place.name(view)}"
        yield f"CREATE VIEW {place.name(view)} AS {body}"


def _balances(place: Place) -> str:
    amounts = [_amount(place, name, f"a.{name}") for name in _BALANCES]
    return f"""
        SELECT a.customer_id, a.unit, u.kind, u.scale,
          {_lines(amounts)},
          a.version, a.updated_at
        FROM {place.name("account")} AS a
        JOIN {place.name("unit")} AS u ON u.key = a.unit"""  # noqa: S608  # names are ours


def _entries(place: Place) -> str:
    names = [f"{name}_change" for name in _BALANCES] + list(_BALANCES)
    amounts = [_amount(place, name, f"coalesce(o.{name}, 0)") for name in names]
    return f"""
        SELECT o.customer_id, o.unit, o.id AS operation_id, o.part, o.kind, o.version,
          {_lines(amounts)},
          o.mark, o.created_at, coalesce(o.event_at, o.created_at) AS event_at, o.lines
        FROM {place.name("operation")} AS o
        JOIN {place.name("unit")} AS u ON u.key = o.unit
        WHERE o.version IS NOT NULL"""  # noqa: S608  # names are ours


def _grants(place: Place) -> str:
    cost = "CASE WHEN g.cost_currency IS NOT NULL THEN g.cost END"
    return f"""
        SELECT g.customer_id, g.id, g.unit, g.operation_id,
          {_amount(place, "amount", "g.amount")},
          {_amount(place, "remaining", "coalesce(o.remaining, 0)")},
          g.source, g.source_id, g.priority, g.paid, g.effective_at, g.expires_at,
          {_amount(place, "cost", cost, _currency_scale("g.cost_currency"))},
          g.cost_currency, g.features, g.origin, g.created_at
        FROM {place.name("grant_fact")} AS g
        JOIN {place.name("unit")} AS u ON u.key = g.unit
        LEFT JOIN ({_open_grants(place)}) AS o ON o.customer_id = g.customer_id AND o.id = g.id"""  # noqa: S608  # names are ours


def _holds(place: Place) -> str:
    return f"""
        SELECT h.customer_id, h.id, h.unit, h.status, h.feature,
          {_amount(place, "amount", "h.amount")},
          {_amount(place, "settled", "h.settled")},
          h.created_at, h.expires_at, h.closed_by, h.closed_at
        FROM (SELECT held.*, {_drawn(place)} AS amount FROM {place.name("hold")} AS held) AS h
        JOIN {place.name("unit")} AS u ON u.key = h.unit"""  # noqa: S608  # names are ours


def _operations(place: Place) -> str:
    """Show heads alone. The join, where a WHERE would do, keeps PostgreSQL's view read-only."""
    return f"""
        SELECT o.customer_id, o.id, {_verb(place)} AS kind, o.idempotency_key,
          o.created_at, coalesce(o.event_at, o.created_at) AS event_at
        FROM {place.name("operation")} AS o
        JOIN (SELECT 0 AS part) AS head ON head.part = o.part"""  # noqa: S608  # names are ours


def _usage(place: Place) -> str:
    """Show every usage event, and whether it counts. The join keeps PostgreSQL's view read-only."""
    paid = {name: f"coalesce(e.{name}, 0)" for name in ("included", "credits", "wallet")}
    paid["uncollected"] = "coalesce(e.unpaid, 0)"
    billed = " - ".join(["e.quantity", *paid.values()])
    parts = [f"{what} AS {name}_scaled" for name, what in {**paid, "billed": billed}.items()]
    scale = _currency_scale("e.currency")
    money = [
        _amount(
            place, name, f"CASE WHEN e.currency IS NOT NULL THEN coalesce(e.{name}, 0) END", scale
        )
        for name in ("spent", "owed")
    ]
    return f"""
        SELECT e.customer_id, e.id, e.feature, e.quantity AS quantity_scaled,
          coalesce(e.event_at, e.counted_at) AS event_at, e.counted_at, e.created_at,
          e.member, e.dimensions,
          {_lines(parts)},
          e.currency,
          {_lines(money)},
          e.amends, later.id AS amended_by, e.backfill, e.mark,
          CASE WHEN later.id IS NULL AND (e.backfill IS NULL OR b.status = 'closed')
            THEN 1 ELSE 0 END AS counts
        FROM {place.name("usage_event")} AS e
        LEFT JOIN {place.name("usage_event")} AS later
          ON later.customer_id = e.customer_id AND later.amends = e.id
        LEFT JOIN {place.name("backfill")} AS b
          ON b.customer_id = e.customer_id AND b.id = e.backfill"""  # noqa: S608  # names are ours


def _subscriptions(place: Place) -> str:
    """Show who is or was on which plan. The join keeps PostgreSQL's view read-only."""
    return f"""
        SELECT s.customer_id, s.id, s.plan, s.plan_group, s.is_add_on, s.is_free,
          s.price_interval, s.quantity, s.catalog_version, s.anchor, s.started_at, s.ends_at,
          s.payment_id, s.created_at, s.updated_at
        FROM {place.name("subscription")} AS s
        JOIN {place.name("customer")} AS c ON c.customer_id = s.customer_id"""  # noqa: S608  # names are ours


_BODIES = {
    "balances": _balances,
    "entries": _entries,
    "grants": _grants,
    "holds": _holds,
    "operations": _operations,
    "usage": _usage,
    "subscriptions": _subscriptions,
}


def _open_grants(place: Place) -> str:
    """Give what remains of each open grant: accounts keep them as `[[id, remaining, …], …]`."""
    if place.is_postgres:
        return f"""
          SELECT a.customer_id, item ->> 0 AS id, CAST(item ->> 1 AS bigint) AS remaining
          FROM {place.name("account")} AS a
          CROSS JOIN LATERAL json_array_elements(CAST(a.grants AS json)) AS item"""  # noqa: S608  # names are ours
    return f"""
          SELECT a.customer_id, json_extract(item.value, '$[0]') AS id,
            json_extract(item.value, '$[1]') AS remaining
          FROM {place.name("account")} AS a, json_each(a.grants) AS item"""  # noqa: S608  # names are ours


def _drawn(place: Place) -> str:
    """Sum what a hold drew from each grant: it keeps `[[grant or 0, amount], …]`."""
    if place.is_postgres:
        return (
            "(SELECT CAST(coalesce(sum(CAST(item ->> 1 AS bigint)), 0) AS bigint)"
            " FROM json_array_elements(CAST(held.drawn AS json)) AS item)"
        )
    return (
        "(SELECT coalesce(sum(json_extract(item.value, '$[1]')), 0)"
        " FROM json_each(held.drawn) AS item)"
    )


def _verb(place: Place) -> str:
    """Give what was asked for: the result names it where it is not the first entry's kind."""
    if place.is_postgres:
        return "coalesce(CAST(o.result AS json) ->> 'verb', o.kind)"
    return "coalesce(json_extract(o.result, '$.verb'), o.kind)"


def _amount(place: Place, name: str, integer: str, scale: str = "u.scale") -> str:
    """Write an amount as two columns: the decimal and the ledger's integer."""
    decimal = _numeric if place.is_postgres else _text
    return f"{decimal(integer, scale)} AS {name}, {integer} AS {name}_scaled"


def _numeric(integer: str, scale: str) -> str:
    """Multiply by a negative power of ten: a division would round to 16 digits."""
    return f"{integer} * CAST('1e-' || {scale} AS numeric)"


def _text(integer: str, scale: str) -> str:
    """Put the point into the digits: a division would give a float."""
    digits = f"printf('%0*d', {scale} + 1, abs({integer}))"
    sign = f"CASE WHEN {integer} < 0 THEN '-' WHEN {integer} >= 0 THEN '' END"
    whole = f"substr({digits}, 1, length({digits}) - {scale})"
    fraction = f"substr({digits}, length({digits}) - {scale} + 1)"
    return f"{sign} || rtrim({whole} || '.' || {fraction}, '.')"


def _currency_scale(code: str) -> str:
    """Give a currency's scale; it may have no unit in this database."""
    codes = ", ".join(f"'{money.code}'" for money in currencies() if not money.exponent)
    return f"CASE WHEN {code} IN ({codes}) THEN {ZERO_DECIMAL_SCALE} ELSE {CURRENCY_SCALE} END"


def _lines(columns: list[str]) -> str:
    return ",\n          ".join(columns)
