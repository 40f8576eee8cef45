"""The verbs of credits, on both databases: each prints what the room answers."""

import json
import re

import pytest

from tests.cli.conftest import BY_HAND, Command, Ended
from tollkeeper import Billing

KEYED = ("--idempotency-key", "k1")


def test_a_grant_is_consumed(tollkeeper: Command) -> None:
    """Grant, consume, look: the balances follow."""
    granted = tollkeeper("credits", "grant", "user_1", "api_calls", "100", "--json")
    consumed = tollkeeper("credits", "consume", "user_1", "api_calls", "2.5", "--json")
    balance = tollkeeper("credits", "balance", "user_1", "api_calls", "--json")
    assert (granted.code, consumed.code, balance.code) == (0, 0, 0)
    assert {**consumed.data["balance"], "overdraft": None} == balance.data
    assert balance.data["available"] == "97.5"
    assert consumed.data["entries"][0]["lines"][0]["grant_id"] == granted.data["result"]["grant"]


def test_json_is_the_library_s_own_answer(tollkeeper: Command, database_url: str) -> None:
    """What the command prints is the receipt, byte for byte."""
    printed = tollkeeper("credits", "grant", "user_1", "api_calls", "100", *KEYED, "--json").out
    with Billing(database_url) as billing:
        receipt = billing.credits.grant("user_1", "api_calls", 100, idempotency_key="k1")
    assert printed == receipt.to_json() + "\n"


def test_a_key_means_the_same_in_python(tollkeeper: Command, database_url: str) -> None:
    """What the command did not say it does not ask for: Python, saying as little, gets a replay."""
    tollkeeper("credits", "grant", "user_1", "api_calls", "100")
    held = tollkeeper("credits", "hold", "user_1", "api_calls", "40", "--json").data["result"]
    tollkeeper("credits", "settle", "user_1", held["hold"], "12", *KEYED)
    spent = tollkeeper("credits", "consume", "user_1", "api_calls", "5", "--json").data
    words = ("credits", "reverse", "user_1", spent["operation_id"], "--idempotency-key", "k2")
    tollkeeper(*words, *BY_HAND)
    with Billing(database_url) as billing:
        rooms = billing.credits
        assert rooms.settle("user_1", held["hold"], 12, idempotency_key="k1").replayed
        assert rooms.reverse("user_1", spent["operation_id"], idempotency_key="k2").replayed


def test_a_capped_settle_shows_what_was_charged(on_sqlite: Command) -> None:
    """B2: the full usage, and what of it was paid."""
    on_sqlite("credits", "grant", "user_1", "api_calls", "100")
    held = on_sqlite("credits", "hold", "user_1", "api_calls", "40", "--json").data["result"]
    words = ("credits", "settle", "user_1", held["hold"], "55", "--excess", "cap")
    answer = shown(on_sqlite(*words))
    assert (answer["amount"], answer["charged"]) == ("55 api_calls", "40")


def test_a_replay_prints_the_same_line(tollkeeper: Command) -> None:
    """The same key again: the same JSON, nothing changed, and a note beside it."""
    words = ("credits", "grant", "user_1", "api_calls", "100", *KEYED, "--json")
    first, again = tollkeeper(*words), tollkeeper(*words)
    assert first.out == again.out
    assert not first.err
    assert "used before" in again.err
    assert tollkeeper("credits", "balance", "user_1", "api_calls", "--json").data == {
        "available": "100",
        "debt": "0",
        "held": "0",
        "overdraft": None,
        "restricted": "0",
        "unit": "api_calls",
    }


def test_a_hold_is_extended_settled_and_released(tollkeeper: Command) -> None:
    """The verbs of holds take the hold's id."""
    tollkeeper("credits", "grant", "user_1", "api_calls", "100")
    words = ("credits", "hold", "user_1", "api_calls", "40", "--lifetime", "2h", "--json")
    hold = tollkeeper(*words).data["result"]["hold"]
    extended = tollkeeper("credits", "extend", "user_1", hold, "10", "--json").data
    assert extended["balance"]["held"] == "50"
    settled = tollkeeper("credits", "settle", "user_1", hold, "12", "--json").data
    assert (settled["balance"]["available"], settled["balance"]["held"]) == ("88", "0")
    other = tollkeeper("credits", "hold", "user_1", "api_calls", "40", "--json").data
    released = tollkeeper("credits", "release", "user_1", other["result"]["hold"], "--json").data
    assert released["balance"]["available"] == "88"


def test_corrections(tollkeeper: Command) -> None:
    """Adjust (below zero too), set, revoke, transfer, reverse, overdraft."""
    by_hand = (*BY_HAND, "--json")
    tollkeeper("customers", "create", "user_2")
    tollkeeper("credits", "grant", "user_1", "api_calls", "100")
    assert tollkeeper("credits", "adjust", "user_1", "api_calls", "-5", *by_hand).code == 0
    move = ("credits", "transfer", "user_1", "api_calls", "5", "--to", "user_2", *BY_HAND)
    moved = tollkeeper(*move)
    assert moved.code == 0
    spent = tollkeeper("credits", "consume", "user_1", "api_calls", "20", "--json").data
    operation = spent["operation_id"]
    back = tollkeeper("credits", "reverse", "user_1", operation, *by_hand).data
    assert back["balance"]["available"] == "90"
    limit = ("credits", "set-overdraft", "user_1", "api_calls")
    assert tollkeeper(*limit, "unlimited", *by_hand).code == 0
    assert "unlimited" in tollkeeper("credits", "balance", "user_1", "api_calls").out
    deep = tollkeeper("credits", "consume", "user_1", "api_calls", "190", "--json").data
    assert deep["balance"]["debt"] == "100"
    assert tollkeeper(*limit, "default", *by_hand).code == 0
    assert tollkeeper("credits", "consume", "user_1", "api_calls", "1").code == 3
    paid = tollkeeper("credits", "set-balance", "user_1", "api_calls", "-7.5", *by_hand).data
    assert paid["balance"]["available"] == "-7.5"
    assert tollkeeper("credits", "revoke", "user_2", *by_hand).data["amount"] == "5"
    assert tollkeeper("audit").code == 0


def test_looking(tollkeeper: Command) -> None:
    """Balances, has, grants and a paged history, as JSON."""
    late = ("--expires-at", "2099-01-01", "--feature", "chat", "--priority", "7")
    tollkeeper("credits", "grant", "user_1", "api_calls", "100")
    tollkeeper("credits", "grant", "user_1", "images", "3", *late)
    found = tollkeeper("credits", "balances", "user_1", "--json").data["balances"]
    assert [balance["unit"] for balance in found] == ["api_calls", "images"]
    assert tollkeeper("credits", "has", "user_1", "api_calls", "100", "--json").data == {
        "has": True
    }
    (grant,) = tollkeeper("credits", "grants", "user_1", "images", "--json").data["grants"]
    assert (grant["expires_at"], grant["features"]) == ("2099-01-01T00:00:00+00:00", ["chat"])
    tollkeeper("credits", "consume", "user_1", "api_calls", "1")
    page = ("credits", "history", "user_1", "api_calls", "--limit", "1", "--json")
    first = tollkeeper(*page).data
    second = tollkeeper(*page, "--cursor", first["next_cursor"]).data
    kinds = [first["entries"][0]["kind"], second["entries"][0]["kind"]]
    assert (kinds, second["next_cursor"]) == (["consume", "grant"], None)
    only = ("credits", "history", "user_1", "--kind", "grant", "--json")
    assert {entry["kind"] for entry in tollkeeper(*only).data["entries"]} == {"grant"}


def test_not_enough_is_exit_code_1(tollkeeper: Command) -> None:
    """`has` can stand in a shell's `if`."""
    answer = tollkeeper("credits", "has", "user_1", "api_calls", "1")
    assert (answer.code, answer.out) == (1, "no\n")


def test_metadata_stands_beside_the_entry(on_sqlite: Command) -> None:
    """Reason, actor and metadata come back with the history."""
    why = ("--reason", "welcome", "--actor", "ann", "--metadata", '{"campaign": 7}')
    on_sqlite("credits", "grant", "user_1", "api_calls", "100", *why)
    (entry,) = on_sqlite("credits", "history", "user_1", "--json").data["entries"]
    note = entry["note"]
    assert (note["reason"], note["actor"], note["metadata"]) == ("welcome", "ann", {"campaign": 7})


def test_json_is_canonical(on_sqlite: Command) -> None:
    """One line, sorted keys, no spaces, so that it can be compared."""
    line = on_sqlite("credits", "grant", "user_1", "api_calls", "100", "--json").out
    assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":")) + "\n"


def test_what_was_done_before_without_a_key_says_so(on_sqlite: Command) -> None:
    """A hold is settled once; who repeats it gave no key, and is told of none."""
    on_sqlite("credits", "grant", "user_1", "api_calls", "100")
    hold = on_sqlite("credits", "hold", "user_1", "api_calls", "40", "--json").data["result"][
        "hold"
    ]
    first, again = (on_sqlite("credits", "settle", "user_1", hold, "12") for _ in range(2))
    assert first.out == again.out
    assert (first.err, "done before" in again.err, "key" in again.err) == ("", True, False)


def shown(answer: Ended) -> dict[str, str]:
    """Read the facts of a receipt: a name and what it is, one a line."""
    lines = [re.split(r"  +", line.strip(), maxsplit=1) for line in answer.out.splitlines()]
    return {pair[0]: pair[1] for pair in lines if len(pair) == 2}


def test_a_correction_shows_its_sign(on_sqlite: Command) -> None:
    """Up or down: the verb does not tell."""
    unit = ("user_1", "api_calls")
    granted = on_sqlite("credits", "grant", *unit, "200")
    assert (shown(granted)["amount"], "change" in shown(granted)) == ("200 api_calls", False)

    def set_to(amount: str) -> dict[str, str]:
        return shown(on_sqlite("credits", "set-balance", *unit, amount, *BY_HAND))

    lowered = set_to("-7")
    assert (lowered["change"], "amount" in lowered) == ("-207 api_calls", False)
    assert set_to("-7")["change"] == "0 api_calls"
    assert set_to("10")["change"] == "+17 api_calls"
    down = on_sqlite("credits", "adjust", *unit, "-5", *BY_HAND, "--json").data
    assert down["amount"] == "5"
    back = on_sqlite("credits", "reverse", "user_1", down["operation_id"], *BY_HAND)
    assert shown(back)["change"] == "+5 api_calls"


@pytest.mark.parametrize(
    ("limit", "text"),
    [("50", "50 api_calls"), ("0", "0 api_calls"), ("unlimited",) * 2, ("default",) * 2],
)
def test_an_overdraft_is_shown_as_its_limit(on_sqlite: Command, limit: str, text: str) -> None:
    """It moves nothing, so that there is no amount to show."""
    on_sqlite("customers", "create", "user_1")
    facts = shown(on_sqlite("credits", "set-overdraft", "user_1", "api_calls", limit, *BY_HAND))
    assert (facts["overdraft"], "amount" in facts) == (text, False)


@pytest.mark.parametrize(
    ("settled", "change"), [("42", "-42"), ("150", "-150"), ("0", "+0"), ("170", "-170")]
)
def test_a_history_shows_what_a_settle_spent(
    on_sqlite: Command, monkeypatch: pytest.MonkeyPatch, settled: str, change: str
) -> None:
    """What came back of the hold is no income."""
    monkeypatch.delenv("COLUMNS")
    on_sqlite("credits", "grant", "user_1", "api_calls", "300")
    hold = on_sqlite("credits", "hold", "user_1", "api_calls", "150", "--json").data
    answer = on_sqlite("credits", "settle", "user_1", hold["result"]["hold"], settled)
    assert shown(answer)["amount"] == f"{settled} api_calls"
    lines = on_sqlite("credits", "history", "user_1").out.splitlines()
    found = [int(line.split()[4]) for line in lines if " settle " in line or " consume " in line]
    assert sum(found) == int(change)
