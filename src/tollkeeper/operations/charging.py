"""The verbs that charge for a feature: charge, try_charge, charge_many, check, explain."""

from collections.abc import Sequence
from typing import Unpack

from tollkeeper.operations import batches, foretelling, pricing
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.uses import ChargeOptions, NewCharge, UseOptions
from tollkeeper.values.amounts import Amount
from tollkeeper.values.attempts import ChargeAttempt
from tollkeeper.values.charges import ChargeReceipt
from tollkeeper.values.entitlements import Entitlement


class Charging:
    """One call decides who pays for a use of a feature, and books it.

    Quantities are `int`, `Decimal` or decimal strings. What a feature costs, who pays first and
    which limits hold is said by the catalog; without one, a feature is paid from the unit of its
    own name, one for one.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def charge(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        **options: Unpack[ChargeOptions],
    ) -> ChargeReceipt:
        """Charge for a use: walk the waterfall of the customer's plan, under his limits (C1).

        By default the feature's own unit pays first, then the pool, then the wallet, then the later
        bill; `pay_from` names the sources that may pay, within what the plan allows. `member`,
        `api_key` and `tags` are counted by limits of their own; `dimensions` (a model, a region)
        may decide the price. The receipt says how much each source paid. All of it happens in one
        transaction, under one `idempotency_key`.

        Raises LimitReached, InsufficientBalance (with `available`, `required` and all `sources`) or
        NothingPays; UnknownFeature or NotPriced name the fix (C7). Nothing is written then.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "images", 10)
        ...     receipt = billing.charge("user_1", "images", 3)
        ...     [(share.source, share.quantity) for share in receipt.shares]
        [('images', Decimal('3'))]
        """
        request = pricing.charge(self._desk, customer, feature, quantity, options)
        return self._desk.door.change(request)

    def try_charge(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        **options: Unpack[ChargeOptions],
    ) -> ChargeAttempt:
        """Charge like `charge`, but answer a refusal with a result, not an error."""
        request = pricing.charge(self._desk, customer, feature, quantity, options)
        return self._desk.door.change(request, pricing.attempt)

    def charge_many(self, charges: Sequence[NewCharge]) -> tuple[ChargeAttempt, ...]:
        """Charge for up to 1,000 uses of any customers at once; each is decided by itself.

        Each charge is a dict with `customer`, `feature` and whatever else `charge` takes; each
        should have its own `idempotency_key`, so that the batch can be repeated. They are decided
        in their order as if they were called one by one, and share the transactions they are
        written in. The answers come in the same order: a receipt, or why not. One that is refused
        leaves the others alone; a key that stands twice answers from its first charge.

        What is wrong with a charge as it is written (an unknown feature, an amount that is none, an
        unknown field) refuses the whole batch, named by its place from 0, and nothing is charged.
        Where the database can do none of them, its error is raised.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "images", 10)
        ...     use = {"customer": "user_1", "feature": "images"}
        ...     batch = [{**use, "quantity": 7}, {**use, "quantity": 5}, {**use, "quantity": 3}]
        ...     [attempt.success for attempt in billing.charge_many(batch)]
        [True, False, True]
        """
        made = batches.requests(self._desk, charges)
        return self._desk.door.change_all(made, batches.attempts)

    def check(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        **options: Unpack[UseOptions],
    ) -> Entitlement:
        """Tell whether a charge would be accepted now, and spend nothing (C6).

        The answer is true or false in an `if`, and says how much is left, who would pay, why not,
        and when a limit starts anew. It is advice: only a charge decides.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "images", 10)
        ...     answer = billing.check("user_1", "images", 11)
        ...     answer.is_allowed, answer.left, answer.reason
        (False, Decimal('10'), 'insufficient_balance')
        """
        request = pricing.question(self._desk, customer, feature, quantity, options)
        return self._desk.door.read(foretelling.entitlement(self._desk, request))

    def explain(
        self,
        customer: str,
        feature: str,
        quantity: Amount = 1,
        **options: Unpack[UseOptions],
    ) -> str:
        """Say in words who would pay for a charge, why not, how each source and limit stands (C6).

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     _ = billing.credits.grant("user_1", "images", 10)
        ...     print(billing.explain("user_1", "images", 3))
        3 images: allowed; 10 left.
          3 paid by images: 3 images
          images: 10 images available, enough for 10
        """
        request = pricing.question(self._desk, customer, feature, quantity, options)
        return self._desk.door.read(foretelling.explanation(self._desk, request))
