"""Which reader reads a response, and who ran the model. Owns the order of shapes and the names.

An app's own readers go first. There is no list that a module keeps: `Readers` is a value, and
registering a reader gives another one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from tollkeeper.errors import InvalidUsage, UnknownVendor
from tollkeeper.metering.reading import anthropic, google, langchain, openai, pydantic_ai
from tollkeeper.metering.reading.fields import module, text, value
from tollkeeper.metering.usage import Conditions, ModelUsage, Reading
from tollkeeper.values.texts import echo
from tollkeeper.values.vendors import vendor_name

#: An app's own reader of a vendor's responses. None says that the response has no usage.
Reader: TypeAlias = Callable[[object], "ModelUsage | Reading | None"]

_Read: TypeAlias = Callable[[object, str, str, Conditions], Reading]
_NO_CONDITIONS: Final[Mapping[str, str]] = MappingProxyType({})

#: Stands for a model that is not known as long as nothing was used.
_UNNAMED: Final = "?"


class Shape(NamedTuple):
    """One shape of usage: who it is known by, and how it is read."""

    #: Whose shape it is, unless the response names another vendor.
    vendor: str | None
    matches: Callable[[object], bool]
    read: _Read


# The order decides: frameworks wrap what vendors answer, so they come first.
_SHAPES: Final = (
    Shape(None, pydantic_ai.is_pydantic_ai, pydantic_ai.read_pydantic_ai),
    Shape(None, langchain.is_langchain, langchain.read_langchain),
    Shape("google", google.is_google, google.read_google),
    Shape("anthropic", anthropic.is_anthropic, anthropic.read_anthropic),
    Shape("openai", openai.is_openai, openai.read_openai),
)

#: Vendors of which a response without any usage is one, rather than something unknown.
_KNOWN: Final = frozenset({"openai", "anthropic", "google", "azure", "litellm"})


class Readers:
    """Readers of what model calls used, for every shape we know and for an app's own.

    >>> answer = {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130}
    >>> Readers().read(answer, vendor="openai", model="gpt-4o").usage.counts
    {'input': 100, 'output': 30, 'requests': 1}
    """

    def __init__(self, own: Mapping[str, Reader] = MappingProxyType({})) -> None:
        self._own = {vendor_name(vendor): read for vendor, read in own.items()}

    def registered(self, vendor: str, read: Reader) -> "Readers":
        """Give the same readers and one more, for responses of this vendor.

        >>> def read_acme(response):
        ...     return ModelUsage(vendor="acme", model="small", output=response["tokens_out"])
        >>> readers = Readers().registered("acme", read_acme)
        >>> readers.read({"tokens_out": 7}, vendor="acme").usage.output
        7
        """
        return Readers({**self._own, vendor: read})

    def has_own(self, vendor: str) -> bool:
        """Tell whether a reader of the app's own is registered for this vendor."""
        return vendor_name(vendor) in self._own

    def read(
        self,
        response: object,
        *,
        vendor: str | None = None,
        model: str | None = None,
        conditions: Mapping[str, str] = _NO_CONDITIONS,
    ) -> Reading:
        """Read what a response says that it used.

        Args:
            response: what the vendor's client or a framework gave back: a response, a message, a
                chunk, an agent's result, a bare usage, or any of them as a dict.
            vendor: who ran the model, if the response does not tell or tells it wrongly (another
                vendor behind the client of OpenAI).
            model: the model, in place of the one that the response names.
            conditions: what the price depends on: {"processing": "batch"}.

        Raises:
            UnknownVendor: the shape is none that we know, or nothing tells who ran the model.
            InvalidUsage: nothing names the model that was used.
        """
        if vendor is not None and self.has_own(vendor):
            return _reading(self._own[vendor_name(vendor)](response), vendor, model)
        shape = _shape_of(response, vendor)
        if shape is None:
            return Reading(missing="the response carries no usage", vendor=vendor, model=model)
        pairs = tuple(sorted(conditions.items()))
        parts = _parts(response)
        found = [_read(part, shape, vendor, model, pairs) for part in parts]
        merged = _merged(found)
        elsewhere = None if len(parts) == 1 and parts[0] is response else _elsewhere(response)
        return replace(merged, missing=_joined([merged.missing, elsewhere]))


def vendor_of(response: object) -> str | None:
    """Tell who ran the model, as far as a response or a chunk shows it."""
    shape = next((shape for shape in _SHAPES if shape.matches(response)), None)
    told = _named(response)[0] or _by_class(response) or (shape.vendor if shape else None)
    return vendor_name(told) if told else None


def _read(
    part: object, shape: Shape, vendor: str | None, model: str | None, conditions: Conditions
) -> Reading:
    """Read one answer of one model."""
    told_vendor, told_model = _named(part)
    raw = langchain.raw_usage(part) if value(part, "usage_metadata") is None else None
    if shape.read is langchain.read_langchain and raw is not None:
        shape = _shape_of(raw, vendor) or shape
        part = raw
    told = vendor or told_vendor or _by_class(part) or shape.vendor
    if not told:
        told = "nothing tells who ran the model; pass vendor=, such as 'openai'"
        raise UnknownVendor(told, vendor=None, nearest=())
    known = vendor_name(told)
    named = model or _without_prefix(told_model, known)
    try:
        found = shape.read(part, known, named or _UNNAMED, conditions)
    except InvalidUsage as error:
        # The call is made and paid for; what its vendor said wrongly is no fault of the caller.
        return Reading(missing=error.message, vendor=known, model=named)
    if named is None and found.usages:
        raise InvalidUsage("the usage does not tell which model it is of; pass model=")
    return replace(found, model=named) if found.is_empty else found


def _shape_of(response: object, vendor: str | None) -> Shape | None:
    for shape in _SHAPES:
        if shape.matches(response):
            return shape
    if vendor is not None and vendor_name(vendor) in _KNOWN:
        return None
    kind = type(response).__name__
    told = f" by {echo(vendor)}" if vendor else ""
    raise UnknownVendor(
        f"no reader knows the shape of this response{told}, a {kind}; register one for its vendor: "
        "Readers().registered(vendor, read)",
        vendor=vendor,
        nearest=(),
    )


def _parts(response: object) -> list[object]:
    """Take apart what holds several answers: an agent's run, the result of a callback."""
    parts = [each for part in pydantic_ai.messages(response) for each in langchain.messages(part)]
    return parts or [response]


def _elsewhere(response: object) -> str | None:
    return pydantic_ai.told_elsewhere(response)


def _named(part: object) -> tuple[str | None, str | None]:
    """Tell the vendor and the model, as far as the response names them."""
    for names in (langchain.named, pydantic_ai.named):
        found = names(part)
        if any(found):
            return found
    inner = value(part, "response", "message")
    # LiteLLM tells the vendor there alone, and pydantic keeps such a field apart.
    hidden = getattr(part, "_hidden_params", None)
    whole = part if text(part, "model", "modelVersion", "model_version") else inner
    model = text(whole, "model", "modelVersion", "model_version")
    return text(hidden, "custom_llm_provider"), model


def _by_class(part: object) -> str | None:
    """Name the vendor whose own client made an object, or whose wire format it is in."""
    package = module(part)
    return package if package in _KNOWN else None


def _without_prefix(model: str | None, vendor: str) -> str | None:
    """Take the vendor off a model's name, as LiteLLM and pydantic-ai put it there."""
    if model is None:
        return None
    for mark in ("/", ":"):
        head, found, tail = model.partition(mark)
        if found and tail and vendor_name(head) == vendor:
            return tail
    return model


def _merged(found: Iterable[Reading]) -> Reading:
    readings = list(found)
    first = readings[0]
    return Reading(
        usages=tuple(usage for reading in readings for usage in reading.usages),
        missing=_joined([reading.missing for reading in readings]),
        vendor=first.vendor,
        model=first.model,
    )


def _joined(reasons: Iterable[str | None]) -> str | None:
    told = list(dict.fromkeys(reason for reason in reasons if reason))
    return "; ".join(told) or None


def _reading(answer: "ModelUsage | Reading | None", vendor: str, model: str | None) -> Reading:
    """Turn what an app's own reader gave into a reading."""
    if isinstance(answer, ModelUsage):
        return Reading(usages=(answer,))
    if answer is None:
        return Reading(missing="the response carries no usage", vendor=vendor, model=model)
    return answer
