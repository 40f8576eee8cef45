"""The test mode and the live one: the same catalog with other ids and prices. Pure."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

ModeName: TypeAlias = Literal["test", "live"]

#: The sections of which something may differ, each with the field that does, beside `ids`.
_DIFFERING = {"plans": "prices", "packs": "price", "top_ups": "rate", "features": None}


def in_mode(catalog: "Catalog", mode: ModeName) -> dict[str, Any]:
    """Write the catalog as it is in one mode, without its two modes."""
    data: dict[str, Any] = json.loads(catalog.canonical())
    there = data.pop(mode, {})
    data.pop("live" if mode == "test" else "test", None)
    for section, field in _DIFFERING.items():
        for key, differing in there.get(section, {}).items():
            data[section][key] = _merged(data[section][key], differing, field)
    return data


def _merged(here: Mapping[str, Any], there: Mapping[str, Any], field: str | None) -> dict[str, Any]:
    """Lay what differs over what is common: ids one by one, prices as a whole."""
    merged = {**here}
    if ids := {**here.get("ids", {}), **there.get("ids", {})}:
        merged["ids"] = ids
    if field is not None and there.get(field) is not None:
        merged[field] = there[field]
    return merged
