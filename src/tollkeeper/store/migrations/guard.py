"""The append-only guard (law 8): a row of these tables is never changed or deleted.

Corrections are new entries that point at the old. Where a database has no triggers (Citus),
privileges take their place: see `docs/how-to/citus.md`.
"""

from collections.abc import Iterator

from tollkeeper.store.migrations.place import Place

#: Tables whose rows are facts.
APPEND_ONLY = ("operation", "grant_fact", "usage_event")

_REASON = "rows are never changed or deleted; a correction is a new entry"


def statements(place: Place) -> list[str]:
    """List the SQL that puts the guard on, whether it is there already or not."""
    if place.citus:
        return []
    return list(_on_postgres(place) if place.is_postgres else _on_sqlite(place))


def _on_postgres(place: Place) -> Iterator[str]:
    function = place.name("refuse_change")
    yield f"""
        CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'Tollkeeper refuses % on %: {_REASON}', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
        END
        $$"""
    for plain in APPEND_ONLY:
        yield from _trigger(place, plain, "append_only", "UPDATE OR DELETE", "ROW")
        yield from _trigger(place, plain, "append_only_truncate", "TRUNCATE", "STATEMENT")


def _trigger(place: Place, plain: str, name: str, change: str, each: str) -> Iterator[str]:
    table, function = place.name(plain), place.name("refuse_change")
    yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
    yield (
        f"CREATE TRIGGER {name} BEFORE {change} ON {table}"
        f" FOR EACH {each} EXECUTE FUNCTION {function}()"
    )


def _on_sqlite(place: Place) -> Iterator[str]:
    """Guard each table; a trigger goes with its table, so a table that is rebuilt needs it anew.

    `INSERT OR REPLACE` passes: SQLite fires no trigger for the row that it replaces. A check of
    every insert would cost each consume a look-up, and no statement of ours replaces rows.
    """
    for plain in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            trigger = place.name(f"{plain}_refuses_{change.lower()}")
            message = f"Tollkeeper refuses {change} on {plain}: {_REASON}"
            yield (
                f"CREATE TRIGGER IF NOT EXISTS {trigger} BEFORE {change} ON {place.name(plain)}"
                f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
