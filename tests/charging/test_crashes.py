"""`kill -9` in the middle of charging: usage events, counters and entries tell one story."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.charging import workers
from tests.charging.scene import Scene
from tollkeeper import Money

NewCustomer = Callable[[], str]

#: Limits of which the counter has everything that was ever used here, and of which feature.
COUNTERS = {
    "post:quantity:customer:day": "post",
    "film:quantity:customer:month": "film",
    "scan:quantity:customer:lifetime": "scan",
    "call:quantity:customer:quarter": "call",
    "gift:quantity:customer:week": "gift",
    "priced:tier:money:usd": "tier",
}


@pytest.mark.parametrize("lines", [23, 90])
def test_killed_in_the_middle_of_charging(
    scene: Scene, new_customer: NewCustomer, lines: int
) -> None:
    """Answered: once. Not answered: once or not at all; repeated with its key: once."""
    customers = [new_customer() for _ in range(2)]
    for number, customer in enumerate(customers):
        scene.put_on(customer, "pro")
        scene.billing.credits.grant(customer, "credits", 10 + 500 * number)
        scene.billing.wallet.deposit(customer, Money("3.00", "usd"))
    worker = workers.start(scene.url)
    worker.tell("forever", customers=customers)
    said = [worker.hear() for _ in range(lines)]
    said += worker.kill()
    asked = {line["asked"]: line for line in said if "asked" in line}
    answered = {line["answered"]: line["operation"] for line in said if "answered" in line}
    for customer in customers:
        proved(scene, customer)
    there = {event["id"] for customer in customers for event in scene.rows("usage_event", customer)}
    accepted = {name for name in answered.values() if name}
    assert accepted <= there
    assert len(there) <= len(accepted) + len(asked) - len(answered)
    for key, line in asked.items():
        if answered.get(key):
            again = scene.billing.charge(line["customer"], line["feature"], 1, idempotency_key=key)
            assert again.replayed
            assert again.operation_id == answered[key]
    for customer in customers:
        proved(scene, customer)


def proved(scene: Scene, customer: str) -> None:
    """The audit, the hours, the counters, and the money of each usage event and its entries."""
    scene.audited(customer)
    events = scene.rows("usage_event", customer)
    used: Counter[str] = Counter()
    for event in events:
        used[event["feature"]] += event["quantity"]
    counters = scene.counters(customer)
    assert {name: used[feature] for name, feature in COUNTERS.items() if used[feature]} == {
        name: amount for name, amount in counters.items() if name in COUNTERS and amount
    }
    operations = scene.rows("operation", customer)
    spent = Counter[str]()
    for row in operations:
        if row["unit"] == "money:usd" and row["kind"] == "consume":
            spent[row["id"]] -= row["available_change"] or 0
    assert spent == Counter({e["id"]: e["spent"] for e in events if e["spent"]})
    made = {row["id"] for row in operations if row["kind"] not in ("grant", "create_customer")}
    assert made == {event["id"] for event in events}
