"""What a stream used, chunk by chunk: known once the vendor tells, and estimated until then.

A stream may be cut at any place: the vendor has charged for what it made, while its count comes
last. So the last usage that was seen counts, and the text that came after it is estimated. An
estimate always says that it is one.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from tollkeeper.metering.reading import langchain
from tollkeeper.metering.reading.fields import items, plain, text, value
from tollkeeper.metering.reading.readers import Readers, vendor_of
from tollkeeper.metering.texts import quarters, streamed_text, tokens_of
from tollkeeper.metering.usage import ModelUsage, Reading, check_count

_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_EVENTS: Final = frozenset({"message_start", "message_delta", "message_stop"})
_REASONS: Final = ("finish_reason", "finishReason", "stop_reason")
_USAGES: Final = ("usage", "usage_metadata", "usageMetadata")
_NO_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType({})


class StreamUsage:
    """Collects what one streamed call used.

    Args:
        vendor: who runs the model, if the chunks do not tell.
        model: the model, in place of the one that the chunks name.
        prompt_tokens: an estimate of the prompt, for a stream that is cut before its count comes.
        conditions: what the price depends on: {"processing": "batch"}.
        readers: other readers than the usual ones.

    >>> stream = StreamUsage(vendor="openai", model="gpt-4o", prompt_tokens=10)
    >>> stream.add({"choices": [{"delta": {"content": "twelve chars"}}]})
    >>> stream.reading().usage.output, stream.reading().usage.is_estimated
    (3, True)
    """

    def __init__(
        self,
        *,
        vendor: str | None = None,
        model: str | None = None,
        prompt_tokens: int = 0,
        conditions: Mapping[str, str] = _NO_CONDITIONS,
        readers: Readers | None = None,
    ) -> None:
        self._vendor = vendor
        self._model = model
        self._told_vendor: str | None = None
        self._told_model: str | None = None
        self._prompt_tokens = check_count(prompt_tokens, "prompt_tokens")
        self._conditions = conditions
        self._readers = readers or Readers()
        # What the events of Anthropic told so far; later ones replace fields.
        self._message: dict[str, object] = {}
        self._last: Reading | None = None
        # The text so far, and since the last usage, in quarters of a token.
        self._quarters = 0
        self._quarters_since = 0
        self._missing = "the stream told no usage"
        self._is_finished = False

    @property
    def is_complete(self) -> bool:
        """Whether the vendor told what the whole stream used, up to its end."""
        return self._is_finished and self._last is not None

    @property
    def is_finished(self) -> bool:
        """Whether the vendor said that the answer is over, be its usage known or not."""
        return self._is_finished

    @property
    def tokens_so_far(self) -> int:
        """All tokens seen so far, in and out: counted as far as told, the rest estimated."""
        return sum(usage.total_tokens for usage in self.reading().usages)

    def add(self, chunk: object) -> None:
        """Take the next chunk, event, or piece of text of the stream.

        Raises:
            UnknownVendor: the chunk carries usage, and nothing tells who ran the model.
            InvalidUsage: it carries usage, and nothing names the model.
        """
        # Tokens do not end where chunks do, so it is the text that is added up.
        streamed = quarters(streamed_text(chunk))
        self._quarters += streamed
        self._quarters_since += streamed
        if isinstance(chunk, str):
            return
        self._told_vendor = self._told_vendor or vendor_of(chunk)
        self._told_model = self._told_model or _model_of(chunk)
        kind = text(chunk, "type") or ""
        if self._vendor is not None and self._readers.has_own(self._vendor):
            self._is_finished = self._keep(chunk) or self._is_finished
        elif kind in _EVENTS:
            self._take_event(chunk, kind)
        elif _tells_usage(chunk):
            self._take_usage(chunk)
        self._is_finished = self._is_finished or _is_end(chunk, kind)

    def reading(self) -> Reading:
        """Give what the stream used, as far as is known by now; call it at any time.

        Until the vendor has told all, the usage is marked as estimated. Before anything came, the
        reading is empty and says so.
        """
        if self._last is not None:
            if self.is_complete and not self._quarters_since:
                return self._last
            return _topped_up(self._last, tokens_of(self._quarters_since))
        vendor, model = self._vendor or self._told_vendor, self._model or self._told_model
        if not self._quarters or vendor is None or model is None:
            why = self._missing if self._quarters else "nothing was streamed"
            return Reading(missing=why, vendor=vendor, model=model)
        usage = ModelUsage(
            vendor=vendor,
            model=model,
            input=self._prompt_tokens,
            output=tokens_of(self._quarters),
            conditions=tuple(self._conditions.items()),
            is_estimated=True,
        )
        return Reading(usages=(usage,), missing=f"{self._missing}; its text was estimated")

    def _take_event(self, event: object, kind: str) -> None:
        """Take an event of Anthropic: counts go from the start, and later ones replace."""
        usage = value(value(event, "message") or event, "usage")
        if usage is None or kind == "message_stop":
            return
        told = {name: found for name, found in plain(usage).items() if found is not None}
        self._message = {**self._message, **told}
        message = {"type": "message", "model": self._told_model, "usage": self._message}
        self._keep(message)
        # The start has counted the prompt and at most a token of the answer.
        self._is_finished = self._is_finished or kind == "message_delta"

    def _take_usage(self, chunk: object) -> None:
        before = self._last
        self._keep(chunk)
        is_new = self._last is not None and self._last is not before
        if before is not None and self._last is not None and is_new and _adds(chunk):
            self._last = replace(self._last, usages=_summed(before.usages, self._last.usages))

    def _keep(self, chunk: object) -> bool:
        """Keep the usage that a chunk tells; tell whether it told any."""
        model = self._model or self._told_model
        found = self._readers.read(
            chunk,
            vendor=self._vendor or self._told_vendor,
            model=model,
            conditions=self._conditions,
        )
        if found.is_empty:
            self._missing = found.missing or self._missing
            return False
        self._last = found
        self._quarters_since = 0
        return True


def _topped_up(reading: Reading, tokens: int) -> Reading:
    """Add estimated tokens to the usage that was told last."""
    first, *others = reading.usages
    usage = replace(first, output=first.output + tokens, is_estimated=True)
    return replace(reading, usages=(usage, *others))


def _summed(
    before: tuple[ModelUsage, ...], added: tuple[ModelUsage, ...]
) -> tuple[ModelUsage, ...]:
    """Add what a chunk adds; it is the same request still."""
    first, *_ = before
    for usage in added:
        first = replace(first + replace(usage, conditions=first.conditions), requests=1)
    return (first,)


def _model_of(chunk: object) -> str | None:
    for part in (chunk, value(chunk, "message"), value(chunk, "response")):
        if found := text(part, "model", "modelVersion", "model_version"):
            return found
    return langchain.named(chunk)[1]


def _tells_usage(chunk: object) -> bool:
    parts = (chunk, value(chunk, "response"))
    return "input_tokens" in plain(chunk) or any(value(each, *_USAGES) for each in parts)


def _adds(chunk: object) -> bool:
    """Tell whether a chunk tells what it adds, as LangChain's do, rather than a total."""
    return langchain.is_langchain(chunk)


def _is_end(chunk: object, kind: str) -> bool:
    """Tell whether a chunk says that the answer is over."""
    if kind in _ENDS or text(chunk, "chunk_position") == "last":
        return True
    parts = [
        *items(chunk, "choices"),
        *items(chunk, "candidates"),
        value(chunk, "response_metadata"),
    ]
    return any(value(part, *_REASONS) is not None for part in parts)
