"""The cursor of a history: the version below which each unit's next page begins, as one text."""

import base64
import json
from typing import Any

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.amounts import MAXIMUM


def write_cursor(before: dict[str, int]) -> str:
    """Write where each account's next page begins."""
    return base64.urlsafe_b64encode(json.dumps(before).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> dict[str, int]:
    """Read what `write_cursor` wrote; refuse what it did not."""
    if cursor is None:
        return {}
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        before = json.loads(base64.urlsafe_b64decode(padded.encode()))
        return {str(unit): _version(version) for unit, version in before.items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InvalidRequest("The cursor is not one that a history gave.") from error


def _version(value: Any) -> int:
    if type(value) is not int or not 0 < value <= MAXIMUM:
        raise ValueError("no version of an account")
    return value
