"""What is known of a call while it runs: chunks, responses, usages and numbers, added up. Pure.

It decides nothing about money; it says what was used by now, and how the call ended (B5).
"""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tollkeeper.errors import InvalidRequest, InvalidUsage, UnknownVendor
from tollkeeper.ledger.metered_calls import Known
from tollkeeper.metering import pinning
from tollkeeper.metering.calls.counting import Counted, Pricing, scaled_number
from tollkeeper.metering.calls.terms import CallTerms
from tollkeeper.metering.reading.fields import plain, text, value
from tollkeeper.metering.streams import StreamUsage
from tollkeeper.metering.usage import ModelUsage, Reading
from tollkeeper.values.model_calls import CallOutcome
from tollkeeper.values.money import Money

logger = logging.getLogger("tollkeeper")


class Progress:
    """Collects what one call used."""

    def __init__(self, terms: CallTerms, pricing: Pricing) -> None:
        self._terms = terms
        #: How the usage is counted.
        self.pricing = pricing
        self._usages: list[ModelUsage] = []
        self._numbers = 0
        self._has_numbers = False
        self._streams: list[StreamUsage] = []
        #: The id of the answer that the last stream is of.
        self._answer: str | None = None
        self._missing: str | None = None
        #: Whether chunks of a vendor came, which tell their end, and not texts alone.
        self._has_chunks = False
        #: Whether anything was delivered at all.
        self.has_begun = False

    def add(self, item: object) -> None:
        """Take a chunk, a piece of text, a usage, or a number of the feature's quantity.

        Raises:
            InvalidRequest: a float, or a truth value.
            InvalidAmount: a number that is no quantity of the feature.
        """
        if item is None:
            return
        if isinstance(item, bool | float):
            raise InvalidRequest("add takes a chunk, a usage, an int, a Decimal or Money.")
        if isinstance(item, int | Decimal | Money):
            self._numbers += scaled_number(item, self.pricing)
            self._has_numbers = self.has_begun = True
        elif isinstance(item, ModelUsage):
            self._usages.append(item)
            self.has_begun = True
        else:
            self._stream(item)

    def _stream(self, item: object) -> None:
        """Take a chunk; what its vendor says strangely is no reason to lose the call."""
        if not isinstance(item, str):
            self._has_chunks = True
        stream = self._stream_of(item)
        try:
            stream.add(_as_chunk(item))
        except (UnknownVendor, InvalidUsage) as error:
            self._miss(error.message)
        # A stream that only opened has delivered nothing yet.
        if not self.has_begun:
            self.has_begun = self._missing is not None or not stream.reading().is_empty

    def _miss(self, why: str) -> None:
        if self._missing is None:
            logger.warning("What a call of %r used is estimated: %s", self._terms.feature, why)
        self._missing = why

    def result(self, response: object) -> None:
        """Take a whole response; one that tells no usage is noted, and estimated at the end."""
        self.has_begun = True
        if isinstance(response, ModelUsage):
            self._usages.append(response)
            return
        terms = self._terms
        try:
            reading = terms.readers.read(
                response,
                vendor=terms.vendor,
                model=self._model_of(response),
                conditions=terms.conditions,
            )
        except (UnknownVendor, InvalidUsage) as error:
            self._miss(error.message)
            return
        self._usages += reading.usages
        if reading.is_empty:
            self._miss(reading.missing or "the response carries no usage")

    def counted(self) -> Counted:
        """Count what was used by now."""
        return self.pricing.counted(self.usages(), self._numbers)

    def usages(self) -> list[ModelUsage]:
        """Give the usages so far, those of streams as far as they are told or estimated."""
        return [*self._usages, *(u for r in self._readings() for u in r.usages)]

    def outcome(self, error: BaseException | None) -> CallOutcome:
        """Say how the call ended: what broke before anything came was not delivered (B5)."""
        if not self.has_begun and error is not None:
            return "failed_before_delivery"
        if error is not None and not isinstance(error, GeneratorExit):
            return "aborted"
        # Who stops reading has not aborted what was over already.
        is_cut = any(not s.is_finished and not s.reading().is_empty for s in self._streams)
        return "aborted" if is_cut and self._has_chunks else "delivered"

    def known(self, fallback: int | None = None) -> Known:
        """Give what is to be written down; `fallback` stands where nothing tells the quantity."""
        usages, counted = self.usages(), self.counted()
        marks, quantity = counted.marks, counted.quantity
        is_untold = not usages and not self._has_numbers
        if fallback is not None and (quantity is None or is_untold or self._missing):
            quantity = max(fallback, quantity or 0)
            marks = tuple(dict.fromkeys([*marks, "estimated"]))
        if is_untold and fallback is None:
            quantity = None
        first = usages[0] if usages else None
        pinned = self.pricing.pinned
        return Known(
            usages=tuple([usage.to_dict() for usage in usages]),
            input_tokens=sum(usage.input_tokens for usage in usages),
            output_tokens=sum(usage.output_tokens for usage in usages),
            quantity=quantity,
            cost=counted.cost,
            vendor=first.vendor if first else None,
            model=first.model if first else None,
            rates=None if pinned is None else pinning.to_dict(pinned),
            marks=marks,
        )

    def _readings(self) -> list[Reading]:
        return [stream.reading() for stream in self._streams]

    def _stream_of(self, chunk: object) -> StreamUsage:
        """Give the stream that a chunk is of: another answer begins another one."""
        answer = _answer_of(chunk)
        is_other = answer is not None and self._answer is not None and answer != self._answer
        if not self._streams or is_other:
            terms = self._terms
            # A text alone tells neither; its tokens are counted all the same.
            unnamed = "unknown" if isinstance(chunk, str) else None
            stream = StreamUsage(
                vendor=terms.vendor or unnamed,
                model=self._model_of(chunk) or unnamed,
                prompt_tokens=terms.prompt_tokens,
                conditions=terms.conditions,
                readers=terms.readers,
            )
            self._streams.append(stream)
        self._answer = answer or self._answer
        return self._streams[-1]

    def _model_of(self, response: object) -> str | None:
        """Name the model where the response does not; what answered goes before what was asked."""
        return None if _tells_model(response) else self._terms.model


def _tells_model(thing: object) -> bool:
    parts = (thing, value(thing, "message"), value(thing, "response"))
    return any(text(part, "model", "modelVersion", "model_version") for part in parts)


def _answer_of(chunk: object) -> str | None:
    """Name the answer that a chunk is a part of, where it tells."""
    kind = text(chunk, "type") or ""
    if kind == "message_start":
        return text(value(chunk, "message"), "id")
    if kind == "response.created":
        return text(value(chunk, "response"), "id")
    return text(chunk, "id") if not kind else None


def _as_chunk(item: object) -> object:
    """Put a bare usage, as OpenAI's clients hand it out, where a chunk has it."""
    fields: Mapping[str, Any] = {} if isinstance(item, str) else plain(item)
    return {"usage": item} if "prompt_tokens" in fields and "choices" not in fields else item
