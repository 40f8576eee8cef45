"""The verbs of the wallet and of customers, and what stands above both."""

from pathlib import Path

from tests.cli.conftest import BY_HAND, Command


def test_money_is_deposited_held_and_spent(tollkeeper: Command) -> None:
    """A fraction of a cent is kept."""
    tollkeeper("wallet", "deposit", "user_1", "12.50", "usd", "--cost-basis", "12.50 usd")
    tollkeeper("wallet", "spend", "user_1", "0.0025", "usd")
    hold = tollkeeper("wallet", "hold", "user_1", "2", "usd", "--json").data["result"]["hold"]
    tollkeeper("wallet", "extend", "user_1", hold, "1", "usd")
    settled = tollkeeper("wallet", "settle", "user_1", hold, "0.4975", "usd", "--json").data
    assert (settled["unit"], settled["balance"]["available"]) == ("usd", "12")
    table = tollkeeper("wallet", "balance", "user_1")
    assert "12.00" in table.out
    assert tollkeeper("wallet", "has", "user_1", "12.01", "usd").code == 1


def test_money_is_corrected(tollkeeper: Command) -> None:
    """Adjust below zero, overdraft in money, release, reverse."""
    tollkeeper("wallet", "deposit", "user_1", "10", "usd")
    assert tollkeeper("wallet", "adjust", "user_1", "-1.25", "usd", *BY_HAND).code == 0
    hold = tollkeeper("wallet", "hold", "user_1", "2", "usd", "--json").data["result"]["hold"]
    assert tollkeeper("wallet", "release", "user_1", hold).code == 0
    assert tollkeeper("wallet", "set-overdraft", "user_1", "5", "usd", *BY_HAND).code == 0
    spent = tollkeeper("wallet", "spend", "user_1", "13.75", "usd", "--json").data
    assert spent["balance"]["debt"] == "5"
    undo = ("wallet", "reverse", "user_1", spent["operation_id"], *BY_HAND, "--json")
    back = tollkeeper(*undo).data
    assert back["balance"]["available"] == "8.75"
    assert len(tollkeeper("wallet", "grants", "user_1", "--json").data["grants"]) == 1
    entries = tollkeeper("wallet", "history", "user_1", "--json").data["entries"]
    kinds = {"grant", "adjust", "hold", "release", "consume"}
    assert {entry["kind"] for entry in entries} >= kinds


def test_no_wallet_is_null(tollkeeper: Command) -> None:
    """A wallet that never was is not a wallet with nothing in it."""
    answer = tollkeeper("wallet", "balance", "user_1", "--json")
    assert (answer.code, answer.out) == (0, "null\n")
    assert "No money" in tollkeeper("wallet", "balance", "user_1").out


def test_an_amount_of_money_names_its_currency(on_sqlite: Command) -> None:
    """Money never goes by a currency that somebody guessed."""
    answer = on_sqlite("wallet", "settle", "user_1", "hld_1", "5")
    assert answer.code == 2
    assert "currency" in answer.err


def test_another_currency_is_refused(on_sqlite: Command) -> None:
    """The wallet's currency is the first deposit's."""
    on_sqlite("wallet", "deposit", "user_1", "10", "usd")
    answer = on_sqlite("wallet", "deposit", "user_1", "10", "eur")
    assert answer.code == 3
    assert answer.err.startswith("error: currency_mismatch: ")


def test_a_customer_comes_changes_and_is_erased(tollkeeper: Command) -> None:
    """Create, update with --clear, get, erase."""
    personal = ("--name", "Ann", "--email", "ann@example.com", "--metadata", '{"tier": "gold"}')
    tollkeeper("customers", "create", "user_1", "--zone", "Europe/Berlin", *personal)
    changed = tollkeeper("customers", "update", "user_1", "--clear", "email", "--json").data
    assert (changed["name"], changed["email"]) == ("Ann", None)
    assert tollkeeper("customers", "get", "user_1", "--json").data == changed
    erased = tollkeeper("customers", "erase", "user_1", *BY_HAND, "--json").data
    assert (erased["name"], erased["metadata"], erased["zone"]) == (None, {}, "Europe/Berlin")
    unknown = tollkeeper("customers", "get", "user_2")
    assert (unknown.code, unknown.err.split(":")[1]) == (3, " customer_not_found")


def test_a_field_to_clear_is_a_field(on_sqlite: Command) -> None:
    """A field that is not there, or both given and cleared, is refused."""
    on_sqlite("customers", "create", "user_1", "--name", "Ann")
    assert on_sqlite("customers", "update", "user_1", "--clear", "nmae").code == 2
    both = ("--name", "Bea", "--clear", "name")
    assert on_sqlite("customers", "update", "user_1", *both).code == 2


def test_a_merged_customer_is_refused(tollkeeper: Command) -> None:
    """What was theirs is the other's; their id is spent."""
    tollkeeper("credits", "grant", "user_1", "api_calls", "10")
    tollkeeper("customers", "create", "user_2")
    assert tollkeeper("customers", "merge", "user_1", "--into", "user_2", *BY_HAND).code == 0
    assert tollkeeper("credits", "consume", "user_1", "api_calls", "1").code == 3
    assert tollkeeper("credits", "has", "user_2", "api_calls", "10").code == 0


def test_history_shows_credits_and_money(tollkeeper: Command) -> None:
    """The command above the nouns shows both rooms."""
    assert tollkeeper("history", "user_1").out == "No entries.\n"
    tollkeeper("credits", "grant", "user_1", "api_calls", "10")
    tollkeeper("wallet", "deposit", "user_1", "10", "usd")
    shown = tollkeeper("history", "user_1").out
    assert shown.index("Credits") < shown.index("Wallet")
    data = tollkeeper("history", "user_1", "--json").data
    assert [len(data[room]["entries"]) for room in ("credits", "wallet")] == [1, 1]


def test_money_moves_where_the_catalog_lets_it(tollkeeper: Command, tmp_path: Path) -> None:
    """A7: without the policy it is refused; a reason and an actor are needed in any case."""
    tollkeeper("wallet", "deposit", "user_1", "10", "usd")
    tollkeeper("customers", "create", "user_2")
    move = ("wallet", "transfer", "user_1", "4", "usd", "--to", "user_2")
    refused = tollkeeper(*move, *BY_HAND)
    assert refused.code == 3
    assert "wallet_transfers" in refused.err
    catalog = tmp_path / "billing.toml"
    catalog.write_text("policies.wallet_transfers = true\n")
    allowed = ("--catalog", str(catalog), *move)
    assert tollkeeper(*allowed).code == 2
    assert tollkeeper(*allowed, *BY_HAND, "--json").data["balance"]["available"] == "6"
    taken = tollkeeper("wallet", "balance", "user_2", "--json").data
    assert taken["available"] == "4"
