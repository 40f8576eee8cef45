"""What was named is not there."""

from tollkeeper.errors.base import NotFound


class CustomerNotFound(NotFound):
    """There is no such customer."""

    code = "customer_not_found"


class GrantNotFound(NotFound):
    """This customer has no such grant."""

    code = "grant_not_found"


class UsageNotFound(NotFound):
    """The customer has no usage event of this id."""

    code = "usage_not_found"


class BackfillNotFound(NotFound):
    """There is no backfill of this name."""

    code = "backfill_not_found"


class HoldNotFound(NotFound):
    """This customer has no such hold."""

    code = "hold_not_found"


class CallNotFound(NotFound):
    """There is no such metered call."""

    code = "call_not_found"


class SubscriptionNotFound(NotFound):
    """This customer has no such subscription."""

    code = "subscription_not_found"


class LimitNotFound(NotFound):
    """This customer has no such limit of his own. Carries `limit` and the `known` names."""

    code = "limit_not_found"


class CatalogNotFound(NotFound):
    """No catalog of this version is kept. Carries `version`."""

    code = "catalog_not_found"


class OperationNotFound(NotFound):
    """This customer has no such operation."""

    code = "operation_not_found"


class NoticeNotFound(NotFound):
    """There is no such notice, or it is kept no longer. Carries `notice`."""

    code = "notice_not_found"
