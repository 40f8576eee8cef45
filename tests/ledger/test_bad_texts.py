"""What is no text, for every verb that takes one: refused by name, and nothing written."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ledger.scene import NOTE, Scene, refused
from tests.ledger.side_by_side import START
from tollkeeper import Billing
from tollkeeper.errors import InvalidText

#: Texts that can be stored, and that a careless statement would change or choke on.
HOSTILE = (
    "NULL",
    '"',
    "\\",
    "{a,b}",
    "'; --",
    "%s",
    ":x",
    " x ",
    "\u00e9",
    "e\u0301",
    "\U0001f600",
    "\ufb01",
)
NO_TEXTS: list[Any] = ["", "a\x00b", "\ud800", "tab\t", "line\n", 5, b"bytes", [], True, "x" * 256]
DEEP: dict[str, Any] = {}
for _ in range(9):
    DEEP = {"deeper": DEEP}
NO_METADATA: list[Any] = [
    [],
    "text",
    {1: "one"},
    {"nan": float("nan")},
    {"large": 2**63},
    {"text": "a\x00b"},
    {"text": "\udfff"},
    {"moment": START},
    {"text": "x" * 20_000},
    DEEP,
]


#: Every verb, by what its customer is.
CUSTOMERS: dict[str, Callable[[Any, Any, Scene], Any]] = {
    "grant": lambda r, name, s: r.grant(name, "calls", 1),
    "consume": lambda r, name, s: r.consume(name, "calls", 1),
    "try_consume": lambda r, name, s: r.try_consume(name, "calls", 1),
    "hold": lambda r, name, s: r.hold(name, "calls", 1),
    "extend": lambda r, name, s: r.extend(name, s.hold, 1),
    "settle": lambda r, name, s: r.settle(name, s.hold),
    "release": lambda r, name, s: r.release(name, s.hold),
    "revoke": lambda r, name, s: r.revoke(name),
    "adjust": lambda r, name, s: r.adjust(name, "calls", 1, **NOTE),
    "set_balance": lambda r, name, s: r.set_balance(name, "calls", 1),
    "set_overdraft": lambda r, name, s: r.set_overdraft(name, "calls", 1),
    "transfer": lambda r, name, s: r.transfer(name, "calls", 1, to="another"),
    "transfer to": lambda r, name, s: r.transfer(s.customer, "calls", 1, to=name),
    "reverse": lambda r, name, s: r.reverse(name, "op_1"),
    "balance": lambda r, name, s: r.balance(name, "calls"),
    "balances": lambda r, name, s: r.balances(name),
    "has": lambda r, name, s: r.has(name, "calls", 1),
    "history": lambda r, name, s: r.history(name),
    "grants": lambda r, name, s: r.grants(name),
}


@pytest.mark.parametrize("verb", CUSTOMERS)
def test_every_verb_refuses_what_is_no_customer(scene: Scene, verb: str) -> None:
    """NUL, lone surrogates, control characters, the empty text, too much of it, other types."""
    with scene.nothing_is_written():
        for name in [*NO_TEXTS, None]:
            refused("invalid_text", CUSTOMERS[verb], scene.room, name, scene)


#: Every text that a verb takes besides its customer.
TEXTS: dict[str, Callable[[Any, Any, Scene], Any]] = {
    "source": lambda r, x, s: r.grant(s.customer, "calls", 1, source=x),
    "source_id": lambda r, x, s: r.grant(s.customer, "calls", 1, source_id=x),
    "features": lambda r, x, s: r.grant(s.customer, "calls", 1, features=[x]),
    "feature": lambda r, x, s: r.consume(s.customer, "calls", 1, feature=x),
    "feature of a hold": lambda r, x, s: r.hold(s.customer, "calls", 1, feature=x),
    "hold": lambda r, x, s: r.settle(s.customer, x),
    "grant": lambda r, x, s: r.revoke(s.customer, "calls", grant=x),
    "operation": lambda r, x, s: r.reverse(s.customer, x),
    "key": lambda r, x, s: r.consume(s.customer, "calls", 1, idempotency_key=x),
    "key of a release": lambda r, x, s: r.release(s.customer, s.hold, idempotency_key=x),
    "actor": lambda r, x, s: r.consume(s.customer, "calls", 1, actor=x),
    "unit": lambda r, x, s: r.consume(s.customer, x, 1),
    "unit of a balance": lambda r, x, s: r.balance(s.customer, x),
    "kind": lambda r, x, s: r.history(s.customer, kinds=[x]),
    "feature of a balance": lambda r, x, s: r.balance(s.customer, "calls", feature=x),
    "feature that has": lambda r, x, s: r.has(s.customer, "calls", 1, feature=x),
    "unit of a history": lambda r, x, s: r.history(s.customer, x),
}


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_one_that_can_be_stored(scene: Scene, text: str) -> None:
    """I3: of bounded size too; and refused before anything else is looked at."""
    with scene.nothing_is_written():
        for value in NO_TEXTS:
            refused("invalid_text", TEXTS[text], scene.room, value, scene)


@pytest.mark.parametrize("text", NO_TEXTS)
def test_a_wallets_feature_is_a_text_as_well(scene: Scene, text: Any) -> None:
    """I3: the balance of a wallet looks at it as that of credits does."""
    with pytest.raises(InvalidText):
        scene.billing.wallet.balance(scene.customer, feature=text)


def test_hostile_texts_are_kept_as_they_are(billing: Billing, customer: str) -> None:
    """Quotes, braces, the word NULL, other scripts: what can be stored comes back unchanged."""
    for text in HOSTILE:
        name = f"{customer}{text}"
        room = billing.credits
        granted = room.grant(
            name,
            "calls",
            10,
            source=text,
            source_id=text,
            features=[text],
            idempotency_key=text,
            reason=text,
            metadata={text: text},
        )
        assert room.grant(
            name, "calls", 10, source=text, features=[text], idempotency_key=text
        ).replayed
        room.consume(name, "calls", 4, feature=text)
        found = room.grants(name)[0]
        assert (found.source, found.source_id, found.features) == (text, text, (text,))
        assert room.history(name).entries[-1].note == {"reason": text, "metadata": {text: text}}
        assert granted.customer == name
        assert room.balance(name, "calls").restricted == 6


def test_metadata_is_what_json_can_carry(scene: Scene) -> None:
    """I3: not too large, not too deep, no NaN, no text that no database takes."""
    with scene.nothing_is_written():
        for metadata in NO_METADATA:
            with pytest.raises(InvalidText):
                scene.room.consume(scene.customer, "calls", 1, metadata=metadata)
