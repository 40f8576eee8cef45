"""Changes by hand: who and why, of customers who are there (I2)."""

import pytest

from tests.cli.conftest import BY_HAND, Command

UNIT = ("user_1", "api_calls")
#: Every command with which a person changes what is in the books; OPERATION is filled in.
CORRECTIONS = [
    ("credits", "revoke", *UNIT),
    ("credits", "adjust", *UNIT, "-5"),
    ("credits", "set-balance", *UNIT, "7"),
    ("credits", "set-overdraft", *UNIT, "7"),
    ("credits", "transfer", *UNIT, "5", "--to", "user_2"),
    ("credits", "reverse", "user_1", "OPERATION"),
    ("wallet", "adjust", "user_1", "-5", "usd"),
    ("wallet", "set-overdraft", "user_1", "7", "usd"),
    ("wallet", "reverse", "user_1", "OPERATION"),
    ("customers", "merge", "user_1", "--into", "user_2"),
    ("customers", "erase", "user_1"),
]
REASON, ACTOR = BY_HAND[:2], BY_HAND[2:]


def called(words: tuple[str, ...]) -> str:
    """How a test of one command is called."""
    return " ".join(words[:2])


@pytest.fixture
def operation(tollkeeper: Command) -> str:
    """What may be reversed, of a customer with credits and money; another one is there too."""
    tollkeeper("credits", "grant", *UNIT, "100")
    tollkeeper("wallet", "deposit", "user_1", "10", "usd")
    tollkeeper("customers", "create", "user_2")
    spent = tollkeeper("credits", "consume", *UNIT, "3", "--json").data
    return str(spent["operation_id"])


def books(tollkeeper: Command) -> list[str]:
    """Everything that can be seen of both customers."""
    looks = (("history",), ("customers", "get"), ("credits", "grants"), ("credits", "balances"))
    return [
        tollkeeper(*look, name, "--json").out for look in looks for name in ("user_1", "user_2")
    ]


@pytest.mark.parametrize("words", CORRECTIONS, ids=called)
def test_a_correction_names_its_reason_and_its_actor(
    tollkeeper: Command, operation: str, words: tuple[str, ...]
) -> None:
    """I2: without both it is an invalid request, and nothing is written; with both it is done."""
    words = tuple(operation if word == "OPERATION" else word for word in words)
    before = books(tollkeeper)
    missing = {
        (): 2,
        REASON: 1,
        ACTOR: 1,
        ("--reason", "", *ACTOR): 1,
        (*REASON, "--actor", " "): 1,
    }
    for given, count in missing.items():
        answer = tollkeeper(*words, *given)
        assert (answer.code, answer.out) == (2, "")
        start = f"error: invalid_request: `tollkeeper {called(words)}` is a change by hand"
        assert answer.err.startswith(start)
        assert answer.err.count("--reason TEXT") + answer.err.count("--actor WHO") == count
    assert books(tollkeeper) == before
    assert tollkeeper(*words, *BY_HAND).code == 0


def test_every_correction_tells_so_in_its_help(command: Command) -> None:
    """I2: where people look before they type; the other changes demand neither."""
    for noun in ("credits", "wallet", "customers"):
        verbs = {words[1] for words in CORRECTIONS if words[0] == noun}
        changes = {"credits": "grant", "wallet": "deposit", "customers": "update"}[noun]
        for verb in (*verbs, changes):
            told = " ".join(command(noun, verb, "--help").out.replace("\u2502", " ").split())
            assert ("A change by hand: --reason and --actor must be given." in told) is (
                verb in verbs
            )
            assert "$TOLLKEEPER_ACTOR" in told


def test_programs_need_neither(tollkeeper: Command) -> None:
    """I2 is about people: what scripts call by the thousand stays as short as it is."""
    assert tollkeeper("credits", "grant", *UNIT, "100").code == 0
    assert tollkeeper("credits", "consume", *UNIT, "1").code == 0
    for ending in ("settle", "release"):
        hold = tollkeeper("credits", "hold", *UNIT, "5", "--json").data["result"]["hold"]
        assert tollkeeper("credits", ending, "user_1", hold).code == 0
    assert tollkeeper("wallet", "deposit", "user_1", "10", "usd").code == 0
    assert tollkeeper("wallet", "spend", "user_1", "1", "usd").code == 0


def test_the_environment_may_name_the_actor(
    on_sqlite: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I2: of every change, unless an option does; an empty variable names nobody."""
    monkeypatch.setenv("TOLLKEEPER_ACTOR", "ann")
    on_sqlite("credits", "grant", *UNIT, "100")
    revoke = ("credits", "revoke", *UNIT, "5")
    assert on_sqlite(*revoke, *REASON).code == 0
    assert on_sqlite(*revoke, *REASON, "--actor", "bea").code == 0
    entries = on_sqlite("credits", "history", "user_1", "--json").data["entries"]
    assert [entry["note"]["actor"] for entry in entries] == ["bea", "ann", "ann"]
    assert on_sqlite(*revoke).code == 2
    assert on_sqlite(*revoke, *REASON, "--actor", "").code == 2
    monkeypatch.setenv("TOLLKEEPER_ACTOR", "")
    assert on_sqlite(*revoke, *REASON).code == 2


def test_nobody_is_guessed_to_be_the_actor(
    on_sqlite: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I2: who is logged in here may be anybody."""
    for variable in ("USER", "LOGNAME", "SUDO_USER", "USERNAME"):
        monkeypatch.setenv(variable, "ann")
    on_sqlite("credits", "grant", *UNIT, "100")
    assert on_sqlite("credits", "revoke", *UNIT, *REASON).code == 2
    assert "ann" not in on_sqlite("credits", "history", "user_1", "--json").out


def test_a_correction_of_nobody_makes_nobody(tollkeeper: Command) -> None:
    """A slip in an id must not leave a customer with empty books behind."""
    tollkeeper("customers", "create", "user_2")
    for words in CORRECTIONS:
        slip = tuple({"user_1": "usre_1", "OPERATION": "op_1"}.get(word, word) for word in words)
        answer = tollkeeper(*slip, *BY_HAND)
        assert (answer.code, answer.out) == (3, "")
        assert answer.err == "error: customer_not_found: There is no customer 'usre_1'.\n"
    assert tollkeeper("customers", "get", "usre_1").code == 3


def test_nothing_moves_to_nobody(tollkeeper: Command) -> None:
    """After a slip in the id of who gets them, the credits would be out of everybody's reach."""
    tollkeeper("credits", "grant", *UNIT, "100")
    for words in CORRECTIONS:
        if "user_2" in words:
            answer = tollkeeper(*words, *BY_HAND)
            assert (answer.code, answer.err.split(":")[1]) == (3, " customer_not_found")
    assert tollkeeper("customers", "get", "user_2").code == 3
    assert tollkeeper("credits", "has", *UNIT, "100").code == 0


def test_first_use_makes_a_customer(tollkeeper: Command) -> None:
    """A grant and a deposit do."""
    assert tollkeeper("credits", "grant", *UNIT, "1").code == 0
    assert tollkeeper("wallet", "deposit", "user_2", "1", "usd").code == 0
    for name in ("user_1", "user_2"):
        assert tollkeeper("customers", "get", name).code == 0
