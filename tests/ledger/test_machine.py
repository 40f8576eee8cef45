"""A state machine of random operations by random customers, against a model written from the rules.

Two Billings and a host's transactions take turns over one database; after every step each law is
checked by the second opinion of `checks.py`, and balances and grants are compared with the model.
"""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.ledger.actions import Actions
from tests.ledger.side_by_side import side_by_side
from tests.ledger.strategies import actions, few, opening
from tollkeeper import Billing

#: How many examples there are, and how many steps each has after its opening.
EXAMPLES = 10
STEPS = 60


class Machine(RuleBasedStateMachine):
    """One random action after the other."""

    url = ""
    side: Actions

    @initialize()
    def begin(self) -> None:
        self.side = Actions(side_by_side(self.url))
        for action in opening():
            self.step(action)

    @rule(action=actions)
    def step(self, action: tuple[str, dict[str, Any]]) -> None:
        verb, arguments = action
        getattr(self.side, verb)(**arguments)

    @invariant()
    def both_sides_agree(self) -> None:
        if not hasattr(self, "side"):
            return
        touched = sorted(self.side.touched)
        for customer in touched:
            self.side.both.compare_now(customer)
        self.side.touched.clear()
        self.side.both.audit(touched)

    def teardown(self) -> None:
        if hasattr(self, "side"):
            self.side.both.close()


@pytest.mark.timeout(900)
def test_books_agree_with_a_model_of_the_rules(books_url: str, billing: Billing) -> None:
    """Whatever happens, in any order, the books say what the rules say and every law holds."""
    machine = type("BoundMachine", (Machine,), {"url": books_url})
    run_state_machine_as_test(machine, settings=settings(few(EXAMPLES), stateful_step_count=STEPS))
    assert billing.books.audit().findings == ()
