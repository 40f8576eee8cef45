"""The noun `usage`: record, import, amend, sum up, fill in."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture
def csv(tmp_path: Path) -> str:
    """A file of three events; the column that is no field is a dimension."""
    file = tmp_path / "events.csv"
    file.write_text(
        "customer,feature,quantity,event_at,model,idempotency_key\n"
        "ann,calls,3,2026-06-01T10:00:00Z,large,a\n"
        "ann,calls,4.5,,small,b\n"
        "ben,calls,1,,,c\n"
    )
    return str(file)


def test_what_is_recorded_is_summed_up(on_sqlite: Command) -> None:
    """One event, its summary, and the event in a list."""
    event = on_sqlite(
        "usage", "record", "ann", "calls", "2.5", "--dimension", "model=large", "--json"
    ).data
    assert (event["quantity"], event["dimensions"]) == ("2.5", {"model": "large"})
    found = on_sqlite("usage", "summary", "ann", "calls", "--group-by", "model", "--json").data
    assert found["groups"][0]["key"] == {"model": "large"}
    assert on_sqlite("usage", "history", "ann", "--json").data["events"][0]["id"] == event["id"]
    assert "2.5" in on_sqlite("usage", "summary", "ann", "calls").out


def test_a_file_is_imported_once(on_sqlite: Command, csv: str) -> None:
    """Repeating an import that has keys changes nothing."""
    assert on_sqlite("usage", "import", csv, "--json").data == {"recorded": 3, "replayed": 0}
    assert on_sqlite("usage", "import", csv, "--json").data == {"recorded": 0, "replayed": 3}
    assert "3 were there already" in on_sqlite("usage", "import", csv).out
    report = on_sqlite(
        "usage", "report", "--by", "customer", "--since", "2020-01-01", "--json"
    ).data
    assert [(row["key"]["customer"], row["events"]) for row in report["rows"]] == [
        ("ann", 2),
        ("ben", 1),
    ]


def test_a_line_that_is_wrong_is_named(on_sqlite: Command, tmp_path: Path) -> None:
    """And nothing of its thousand is recorded."""
    file = tmp_path / "events.jsonl"
    file.write_text('{"customer":"ann","feature":"calls"}\n\n{"customer":"ann","quantity":1}\n')
    ended = on_sqlite("usage", "import", str(file))
    assert ended.code == 2
    assert "ine 3" in ended.err or "Event 1" in ended.err
    assert on_sqlite("usage", "history", "ann", "--json").data["events"] == []
    for name, text in (("a.txt", ""), ("b.jsonl", "no"), ("c.csv", "customer\nann\n")):
        (tmp_path / name).write_text(text)
        assert on_sqlite("usage", "import", str(tmp_path / name)).code == 2
    assert on_sqlite("usage", "import", str(tmp_path / "none.csv")).code == 2


def test_an_amendment_and_a_backfill(on_sqlite: Command, csv: str) -> None:
    """What is amended counts anew; what is filled in counts once it is closed, until undone."""
    event = on_sqlite("usage", "record", "ann", "calls", "10", "--json").data
    amended = on_sqlite("usage", "amend", "ann", event["id"], "--quantity", "1", "--json").data
    assert amended["amends"] == event["id"]
    on_sqlite("usage", "backfill", "add", "june", csv)

    def events() -> int:
        span = ("--since", "2026-01-01", "--until", "2126-01-01", "--json")
        found: int = on_sqlite("usage", "summary", "ann", "calls", *span).data["events"]
        return found

    assert events() == 1
    assert "closed" in on_sqlite("usage", "backfill", "close", "june").out
    assert events() == 3
    assert on_sqlite("usage", "backfill", "undo", "june").code == 0
    assert events() == 1
    assert on_sqlite("usage", "backfill", "show", "june", "--json").data["name"] == "june"
    assert on_sqlite("usage", "backfill", "show", "july").code == 3
