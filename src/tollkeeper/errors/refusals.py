"""The rules said no: expected, and nothing was written. Each carries its numbers."""

from tollkeeper.errors.base import Refusal


class InsufficientBalance(Refusal):
    """The balance is too low. Carries `available`, `required` and `unit`."""

    code = "insufficient_balance"


class BalanceOverflow(Refusal):
    """The balance would pass what 64 bits can hold at the unit's scale; nothing was written."""

    code = "balance_overflow"


class LimitReached(Refusal):
    """A limit leaves less than was asked. Carries `limit`, `subject`, `at_most` and `left`."""

    code = "limit_reached"


class NothingPays(Refusal):
    """No source of payment that the plan allows can pay for this feature. Carries `feature`."""

    code = "nothing_pays"


class UnpricedUsage(Refusal):
    """Something was used that no rate prices. Carries `unpriced` and `cost`, that of the rest."""

    code = "unpriced_usage"


class NotEntitled(Refusal):
    """The customer's plans do not include this feature. Carries `feature` and `plans`."""

    code = "not_entitled"


class AlreadySubscribed(Refusal):
    """The customer has a plan of this group already. Carries `plan`, `group` and `subscription`."""

    code = "already_subscribed"


class PaymentClaimed(Refusal):
    """This payment has bought something for another customer. Carries `payment_id`."""

    code = "payment_claimed"


class StillSubscribed(Refusal):
    """The customer has a subscription; cancel it first. Carries `plans`."""

    code = "still_subscribed"


class CatalogRefused(Refusal):
    """The books cannot live with this catalog. Carries `differences`, those that are refused."""

    code = "catalog_refused"


class AlreadyRedeemed(Refusal):
    """The customer has used this promotion as often as he may. Carries `promotion` and `times`."""

    code = "already_redeemed"


class PromotionClosed(Refusal):
    """This promotion is not for now, not for the customer's plan, or used up. See `promotion`."""

    code = "promotion_closed"


class UsageNotAmendable(Refusal):
    """This usage event cannot be amended. Carries `event`; the message says what to do instead."""

    code = "usage_not_amendable"


class BackfillClosed(Refusal):
    """This backfill takes no more events for the customer. Carries `backfill` and `status`."""

    code = "backfill_closed"


class CurrencyMismatch(Refusal):
    """Money never changes currency in silence; use the wallet's own currency."""

    code = "currency_mismatch"


class HoldClosed(Refusal):
    """The hold was already settled, released or has lapsed."""

    code = "hold_closed"


class BeyondHold(Refusal):
    """More was used than was held, and the call refuses the excess. Carries `held`, `required`."""

    code = "beyond_hold"


class TooManyHolds(Refusal):
    """As many charges are set aside as one customer may have. Carries `open` and `at_most`."""

    code = "too_many_holds"


class CallExhausted(Refusal):
    """A metered call may not go on: no more could be held. Carries `left`, `used` and `held`."""

    code = "call_exhausted"


class StillRunning(Refusal):
    """A call under this key is still running; ask again later. Carries `call`."""

    code = "still_running"


class CallIsOver(Refusal):
    """A call under this key is over, and its answer was not kept. Carries `call`."""

    code = "call_is_over"


class TransferNotAllowed(Refusal):
    """Money does not move between wallets unless the catalog says `wallet_transfers = true`."""

    code = "transfer_not_allowed"


class NotReversible(Refusal):
    """This operation cannot be reversed."""

    code = "not_reversible"


class CustomerExists(Refusal):
    """There is such a customer already, with other fields; use update. Carries `differing`."""

    code = "customer_exists"


class CustomerMerged(Refusal):
    """This customer was merged into another one. Carries `into`."""

    code = "customer_merged"


class HoldsOpen(Refusal):
    """Something is still held; settle or release it first. Carries `held` and `unit`, or `open`."""

    code = "holds_open"
