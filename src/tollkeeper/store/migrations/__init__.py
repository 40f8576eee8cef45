"""The steps from one version of the schema to the next, and what is put on top of the tables.

A revision in `versions/` is frozen once released: it spells out what it does and never imports
`store.tables`, which always shows the newest schema. It defines `revision` (four digits, one more
than the last), `down_revision` and `upgrade(op, place)`, and uses the `op` that it is given: the
global one of Alembic may belong to a migration of the host, inside of which ours can run.
"""
