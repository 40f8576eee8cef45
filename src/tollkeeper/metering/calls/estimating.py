"""What a call will cost before it is made, and what a model costs now. Holds nothing."""

from typing import Unpack

from tollkeeper.metering.calls.call import Perform
from tollkeeper.metering.calls.meters import Meters
from tollkeeper.metering.calls.sizing import CallEstimate, told
from tollkeeper.metering.calls.terms import CallOptions, checked
from tollkeeper.metering.rates import PinnedRates
from tollkeeper.operations.door import PlainDoor


class Estimating:
    """Tells what AI calls cost, of one front door; tasks await its answers.

    Args:
        meters: what calls work with.
        perform: runs steps as the front door does: here, or awaited.
    """

    def __init__(self, meters: Meters, perform: Perform) -> None:
        self._meters = meters
        self._perform = perform

    def estimate_call(self, feature: str, **options: Unpack[CallOptions]) -> CallEstimate:
        """Estimate a call before it is made: p50 and p95 of recent ones like it, else its limits.

        Nothing is held. Name `vendor` and `model`; `prompt_tokens` and `maximum_output` help where
        there are few calls to go by.

        Raises:
            UnknownModel, UnknownVendor: the price book does not know the model.
            InvalidRequest: the feature is priced by the model, and none is named.

        >>> from tollkeeper import Billing
        >>> with Billing("sqlite://") as billing:
        ...     _ = billing.migrate()
        ...     estimate = billing.estimate_call("chat", prompt_tokens=100, maximum_output=500)
        ...     estimate.p95, estimate.basis
        (Decimal('600'), 'limits')
        """
        terms = checked("-", feature, **options)

        def step(door: PlainDoor) -> CallEstimate:
            pricing = self._meters.pricing(door, terms)
            return told(terms, pricing, self._meters.size(door, terms, pricing))

        answer: CallEstimate = self._perform(step)
        return answer

    def model_rates(self, vendor: str, model: str, *, feature: str | None = None) -> PinnedRates:
        """Give what a model costs now, by kind of use: of a feature's price book, or the usual one.

        Raises:
            UnknownModel, UnknownVendor: no price book knows it.
            UnknownFeature: the catalog has no such feature.
            MissingExtra: nothing that knows prices is installed or handed over.
        """

        def step(door: PlainDoor) -> PinnedRates:
            return self._meters.rates(door, feature, vendor, model)

        answer: PinnedRates = self._perform(step)
        return answer
