"""The JSON Schema by which editors complete and check a `billing.toml`."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tollkeeper.catalog import Catalog

SCHEMA = Catalog.json_schema()


def tables() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every kind of table in the schema, whatever short forms it has."""
    yield "Catalog", SCHEMA
    for name, schema in SCHEMA["$defs"].items():
        forms = [schema, *schema.get("anyOf", [])]
        yield from ((name, form) for form in forms if "properties" in form)


def test_it_is_json() -> None:
    """With the dialect that it is written in."""
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("name", sorted(name for name, _ in tables()))
def test_every_key_is_described(name: str) -> None:
    """An editor shows what each key means, and marks those that do not exist."""
    table = dict(tables())[name]
    assert table["additionalProperties"] is False
    assert not [key for key, value in table["properties"].items() if not value.get("description")]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("PlanPrice", {"string"}),
        ("Allowance", {"string", "number"}),
        ("Gift", {"string", "number", "array"}),
        ("Seats", {"string"}),
        ("Trial", {"string"}),
    ],
)
def test_short_forms_are_known(name: str, short: set[str]) -> None:
    """`20 usd / month` is as good as a table."""
    forms = SCHEMA["$defs"][name]["anyOf"]
    assert {form["type"] for form in forms} == short | {"object"}


def test_one_value_stands_for_a_list_of_one() -> None:
    """`price = "9 usd"` is as good as `price = ["9 usd"]`."""
    forms = SCHEMA["$defs"]["Pack"]["properties"]["price"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "array"]


def test_keys_are_those_of_toml() -> None:
    """A word of Python's has no underscore there."""
    assert "from" in SCHEMA["$defs"]["RateCard"]["properties"]
    assert "from_" not in json.dumps(SCHEMA)
