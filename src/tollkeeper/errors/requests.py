"""The call itself is wrong: repeat it corrected."""

from tollkeeper.errors.base import InvalidRequest


class InvalidAmount(InvalidRequest):
    """The amount is not a valid amount of its unit."""

    code = "invalid_amount"


class InvalidText(InvalidRequest):
    """The text cannot be stored."""

    code = "invalid_text"


class InvalidInterval(InvalidRequest):
    """The interval is not a number and a span of the calendar, such as "3 months"."""

    code = "invalid_interval"


class CatalogError(InvalidRequest):
    """The catalog has mistakes. Carries `mistakes`, each with its place and its problem."""

    code = "invalid_catalog"


class UnknownCurrency(InvalidRequest):
    """The currency is not in ISO 4217."""

    code = "unknown_currency"


class UnknownFeature(InvalidRequest):
    """The catalog has no such feature. Carries `feature`."""

    code = "unknown_feature"


class UnknownDimension(InvalidRequest):
    """The feature has no such dimension. Carries `dimension` and `feature`, None where of any."""

    code = "unknown_dimension"


class UnknownPlan(InvalidRequest):
    """The catalog has no such plan. Carries `plan`."""

    code = "unknown_plan"


class AmbiguousPlan(InvalidRequest):
    """Several plans, prices or subscriptions would do; name one. Carries the names as `known`."""

    code = "ambiguous_plan"


class UnknownUnit(InvalidRequest):
    """The catalog has no such unit. Carries `unit`."""

    code = "unknown_unit"


class UnknownOffer(InvalidRequest):
    """The catalog sells no such pack or top-up. Carries `offer`."""

    code = "unknown_offer"


class NotMetered(InvalidRequest):
    """Nothing is counted of this feature. Carries `feature`."""

    code = "not_metered"


class UsageInFuture(InvalidRequest):
    """A usage event lies more than five minutes in the future. Carries `event_at` and `now`."""

    code = "usage_in_future"


class NotPriced(InvalidRequest):
    """The catalog does not say what this costs. Carries `feature`."""

    code = "not_priced"


class UnknownZone(InvalidRequest):
    """The time zone is not in the tz database. Carries `zone` and the `nearest` names."""

    code = "unknown_zone"


class UnknownVendor(InvalidRequest):
    """No reader and no price book knows this AI vendor. Carries `vendor` and `nearest`."""

    code = "unknown_vendor"


class UnknownModel(InvalidRequest):
    """No price book knows the price of this model. Carries `vendor`, `model` and `nearest` ones."""

    code = "unknown_model"


class InvalidUsage(InvalidRequest):
    """What a model call used cannot be so."""

    code = "invalid_usage"


class UsageMismatch(InvalidRequest):
    """Usages of different models or conditions do not add up."""

    code = "usage_mismatch"


class InvalidRates(InvalidRequest):
    """The rates or markups of a price book cannot be so."""

    code = "invalid_rates"


class UnitMismatch(InvalidRequest):
    """A unit's kind and scale are fixed for life."""

    code = "unit_mismatch"


class IdempotencyConflict(InvalidRequest):
    """This idempotency key was used before, for another request."""

    code = "idempotency_conflict"
