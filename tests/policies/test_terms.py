"""Which policies decide: those of the catalog in force, for everybody; else the defaults.

The page of the catalog names the policies that nothing follows yet, and every other one is asked by
some code.
"""

import re
from pathlib import Path

import pytest

from tests.policies.conftest import Opener, catalog_of
from tollkeeper import Billing, Catalog, Money
from tollkeeper.catalog.in_force import InForce
from tollkeeper.catalog.policies import Policies, policy_terms
from tollkeeper.catalog.terms import PolicyTerms
from tollkeeper.catalog.unwritten import Unwritten
from tollkeeper.errors import CustomerNotFound, TransferNotAllowed

PAGE = Path("docs/reference/catalog.md")
#: Policies that other parts ask of the catalog itself.
ASKED_ELSEWHERE = {"warn_at", "late_usage", "notices"}


def test_the_defaults_are_written_twice_and_agree() -> None:
    """What the catalog says where nothing is written is what holds without a catalog."""
    assert policy_terms(Policies()) == PolicyTerms() == Unwritten().policy_terms
    assert InForce(None).policy_terms == InForce(Catalog()).policy_terms == PolicyTerms()


def test_the_page_names_the_policies_without_an_effect() -> None:
    """A policy has an effect, or the page says that it has none."""
    section = PAGE.read_text().split("## Policies")[1].split("## Test and live")[0]
    told = re.search(r"\*\*(.+?) have no effect yet", section)
    assert told is not None
    silent = set(re.findall(r"`(\w+)`", told[1]))
    assert silent == set(Policies.model_fields) - set(PolicyTerms._fields) - ASKED_ELSEWHERE
    for name in PolicyTerms._fields:
        assert f"- `{name}" in section


def test_policies_are_those_in_force_whenever_a_plan_was_sold(opened: Opener) -> None:
    """A subscription keeps its prices, and not how hard cases are decided (D9)."""
    billing = opened(wallet_transfers=True)
    billing.subscriptions.assign_free("a")
    billing.wallet.deposit("a", Money("10", "usd"))
    billing.wallet.transfer("a", Money("1", "usd"), to="b")
    newer = catalog_of({"unknown_customers": "refuse"})
    billing.catalog.apply(newer, actor="owner", reason="policies")
    with pytest.raises(TransferNotAllowed):
        billing.wallet.transfer("a", Money("1", "usd"), to="b")
    with pytest.raises(CustomerNotFound):
        billing.charge("stranger", "chat")
    billing.charge("a", "chat")


def test_another_process_learns_of_them(opened: Opener, database_url: str) -> None:
    """A process that was given another catalog asks the books which one is in force."""
    billing = opened()
    billing.catalog.apply(catalog_of({"unknown_customers": "refuse"}), actor="a", reason="r")
    with Billing(database_url, catalog=catalog_of({})) as other:
        with pytest.raises(CustomerNotFound):
            other.credits.consume("stranger", "credits", 1, overdraft="unlimited")
        with pytest.raises(CustomerNotFound):
            other.usage.record("stranger", "chat")


@pytest.mark.parametrize(
    ("ask", "begins"),
    [
        (lambda c: c.terms("chta"), "There is no feature 'chta'; did you mean 'chat'?"),
        (lambda c: c.terms("chat", ("fre",)), "There is no plan 'fre'; did you mean 'free'?"),
        (lambda c: c.pack_grants("big"), "There is no pack 'big'"),
        (lambda c: c.promotion_grants("CODE"), "There is no promotion 'CODE'"),
        (lambda c: c.offer("credits"), "There is no top-up of 'credits'"),
        (lambda c: c.low_balance("credit"), "There is no unit 'credit'; did you mean 'credits'?"),
    ],
)
def test_what_the_catalog_does_not_know_is_said_in_a_sentence(ask: object, begins: str) -> None:
    """As all errors are: it begins with a capital letter, and names the nearest."""
    assert callable(ask)
    with pytest.raises(Exception, match=re.escape(begins)):
        ask(catalog_of({}))
