"""Reads who changed which limits of a customer. Changes nothing."""

import json

from sqlalchemy import Connection

from tollkeeper.decisions.own_limits import ClearLimit, SetLimit
from tollkeeper.store import journal
from tollkeeper.store.database import Database
from tollkeeper.store.types import read_moment
from tollkeeper.values.limits import LimitChange, limit_from


def limit_changes(
    connection: Connection, database: Database, customer: str, most: int
) -> tuple[LimitChange, ...]:
    """Give the changes of a customer's own limits, the latest first."""
    kinds = (SetLimit.verb, ClearLimit.verb)
    rows = journal.of_kinds(connection, database, customer, kinds, most)
    found: list[LimitChange] = []
    for operation, kind, created_at, result, actor, reason in rows:
        moment = read_moment(created_at)
        assert moment is not None
        state = limit_from(json.loads(result)["limit"])
        found.append(
            LimitChange(
                operation_id=operation,
                kind=kind,
                limit=state,
                created_at=moment,
                actor=actor,
                reason=reason,
            )
        )
    return tuple(found)
