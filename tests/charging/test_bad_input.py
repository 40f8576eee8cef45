"""Whatever a caller says wrong has its own clear error, and nothing is written (A5, C7)."""

from decimal import Decimal
from typing import Any

import pytest

from tests.charging.scene import Scene, refused

HUGE = "x" * 10_000_000

QUANTITIES: dict[str, Any] = {
    "nothing": 0,
    "below zero": -1,
    "a float": 1.0,
    "true": True,
    "none": None,
    "not a number": Decimal("NaN"),
    "infinite": Decimal("Infinity"),
    "a word": "three",
    "nothing written": "",
    "a list": [1],
    "too many digits": "1.5",
    "far too many digits": Decimal("0.1") ** 90,
    "beyond 64 bits": 2**63,
    "beyond everything": "1e999",
    "very long": "9" * 10_000_000,
}

OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "member is empty": ({"member": ""}, "invalid_text"),
    "member is a number": ({"member": 7}, "invalid_text"),
    "member is huge": ({"member": HUGE}, "invalid_text"),
    "member has a zero byte": ({"member": "a\0b"}, "invalid_text"),
    "member is half a character": ({"member": "\ud800"}, "invalid_text"),
    "key is huge": ({"api_key": HUGE}, "invalid_text"),
    "tags are one text": ({"tags": "night"}, "invalid_request"),
    "tags are a number": ({"tags": 5}, "invalid_request"),
    "a tag is a number": ({"tags": ["night", 5]}, "invalid_text"),
    "a tag is huge": ({"tags": [HUGE]}, "invalid_text"),
    "many tags": ({"tags": [f"t{n}" for n in range(21)]}, "invalid_request"),
    "dimensions are a list": ({"dimensions": ["a"]}, "invalid_request"),
    "a dimension is a number": ({"dimensions": {"size": 5}}, "invalid_text"),
    "a dimension has a number for a name": ({"dimensions": {5: "size"}}, "invalid_text"),
    "a dimension is huge": ({"dimensions": {"a": HUGE}}, "invalid_text"),
    "many dimensions": ({"dimensions": {f"d{n}": "x" for n in range(21)}}, "invalid_request"),
    "nobody pays": ({"pay_from": []}, "invalid_request"),
    "nobody pays, in a text": ({"pay_from": ""}, "invalid_text"),
    "an unknown source": ({"pay_from": "gold"}, "invalid_request"),
    "an unknown source among others": ({"pay_from": ["credits", "gold"]}, "invalid_request"),
    "a source of another plan": ({"pay_from": "usage"}, "invalid_request"),
    "a source that is a number": ({"pay_from": [5]}, "invalid_text"),
    "a source that is huge": ({"pay_from": HUGE}, "invalid_text"),
    "a reserved key": ({"idempotency_key": "tollkeeper:1"}, "invalid_request"),
    "an empty key": ({"idempotency_key": ""}, "invalid_text"),
}

FEATURES: dict[str, tuple[Any, str]] = {
    "unknown": ("pst", "unknown_feature"),
    "empty": ("", "invalid_text"),
    "a number": (5, "invalid_text"),
    "huge": (HUGE, "invalid_text"),
    "a unit": ("gems", "unknown_feature"),
}


@pytest.fixture
def payer(scene: Scene, customer: str) -> str:
    """Somebody who could pay."""
    scene.billing.credits.grant(customer, "credits", 50)
    return customer


@pytest.mark.parametrize("what", QUANTITIES)
def test_quantities(scene: Scene, payer: str, what: str) -> None:
    """Each verb says so, before anything is asked of the database."""
    with scene.nothing_is_written(payer):
        for verb in (scene.billing.charge, scene.billing.try_charge, scene.billing.check):
            refused("invalid_amount", verb, payer, "post", QUANTITIES[what])


@pytest.mark.parametrize("what", OPTIONS)
def test_options(scene: Scene, payer: str, what: str) -> None:
    """Each wrong option."""
    options, code = OPTIONS[what]
    with scene.nothing_is_written(payer):
        refused(code, scene.billing.charge, payer, "post", 1, **options)
        refused(code, scene.billing.try_charge, payer, "post", 1, **options)
        if "idempotency_key" not in options:
            refused(code, scene.billing.check, payer, "post", 1, **options)
            refused(code, scene.billing.explain, payer, "post", 1, **options)


@pytest.mark.parametrize("what", FEATURES)
def test_features(scene: Scene, payer: str, what: str) -> None:
    """Each wrong name of a feature; the nearest known one is suggested."""
    feature, code = FEATURES[what]
    with scene.nothing_is_written(payer):
        error = refused(code, scene.billing.charge, payer, feature, 1)
    if what == "unknown":
        assert "post" in error.message


def test_customers(scene: Scene) -> None:
    """Each wrong customer."""
    for customer in ("", 5, None, HUGE, "a\0b"):
        name: Any = customer
        refused("invalid_text", scene.billing.charge, name, "post", 1)
        refused("invalid_text", scene.billing.check, name, "post", 1)


def test_unknown_options_are_no_options(scene: Scene, payer: str) -> None:
    """A misspelt keyword is an error of Python's, not something to be passed over."""
    options: dict[str, Any] = {"idempotency": "k"}
    with scene.nothing_is_written(payer), pytest.raises(TypeError, match="idempotency"):
        scene.billing.charge(payer, "post", 1, **options)


def test_what_is_odd_but_right(scene: Scene, payer: str) -> None:
    """Numbers as texts, quantities to the last digit, all the room that names have."""
    charge = scene.billing.charge
    assert charge(payer, "call", "1e0").quantity == 1
    assert charge(payer, "movie", Decimal("0.1")).quantity == Decimal("0.1")
    name = "ä" * 127
    assert charge(payer, "post", 1, member=name, api_key=name, tags=[name]).member == name
    assert scene.counters(payer, f"member:{name}") == {"post:quantity:member:hour": 1}
