"""What a caller said about one metered call, checked before anything is held. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, TypedDict, Unpack

from tollkeeper.errors import InvalidRequest
from tollkeeper.metering.calls.counting import Count, check_count
from tollkeeper.metering.reading.readers import Readers
from tollkeeper.metering.usage import check_count as check_tokens
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    check_key,
    check_lifetime,
    customer_id,
    fingerprint_of,
)
from tollkeeper.operations.pricing import checked_dimensions, checked_tags
from tollkeeper.values.amounts import Amount
from tollkeeper.values.money import Money
from tollkeeper.values.texts import check_text
from tollkeeper.values.vendors import vendor_name

#: What becomes of more than was held when the vendor has delivered already.
EXCESS: Final = ("charge", "cap")
#: What is charged for a call whose process died before anything was saved.
ABANDONED: Final = ("estimate", "release")
#: The longest that any catalog lets a hold live; the one in force may let it live shorter (B4).
LONGEST_HOLD: Final = timedelta(days=366)
#: The longest that a caller may wait for a call under the same key.
LONGEST_WAIT: Final = timedelta(hours=1)


class FunctionOptions(TypedDict, total=False):
    """What every metered call takes by keyword, and what is the same for all of a function."""

    #: Who runs the model: "openai", "anthropic" …
    vendor: str | None
    #: The model that is asked for.
    model: str | None
    #: What to hold: a quantity of the feature, money where it is charged in it, or None for the
    #: estimate.
    hold: Amount | Money | None
    #: By how much the hold grows at least, where a stream needs more; a quarter of it unless given.
    slice: Amount | Money | None
    #: How long the call may take; 15 minutes unless given. A stream prolongs it by itself.
    lifetime: timedelta | None
    #: Who may pay, within what the plan allows.
    pay_from: str | Sequence[str] | None
    #: Your name of the key by which limits may count, never the key itself.
    api_key: str | None
    tags: Sequence[str]
    #: What else is known of the use; vendor and model are added.
    dimensions: Mapping[str, str] | None
    #: What becomes of more than was held at the end: "charge" or "cap"; as the catalog's policy
    #: `settle_beyond` says unless given, where "refuse" comes too late and is "charge".
    excess: str | None
    #: What is counted where no price book prices the feature; "tokens" unless given.
    count: Count
    #: About how long the prompt is, for the estimate.
    prompt_tokens: int
    #: The `max_tokens` of the call, for the estimate.
    maximum_output: int | None
    #: What the price depends on: {"processing": "batch"}.
    conditions: Mapping[str, str]
    #: Readers of responses, the app's own among them.
    readers: Readers | None
    #: Keep the answer, and give it again to a retry under the key.
    replay: bool
    #: What was asked, as JSON: under one key another request is a conflict.
    request: Any
    #: How long to wait for a call that runs under the same key; None raises StillRunning at once.
    wait: timedelta | None
    #: What is charged if the process dies before anything is known: "estimate" or "release".
    abandoned: str


class CallOptions(FunctionOptions, total=False):
    """What one metered call takes by keyword."""

    #: Your name for this one call: it is made once.
    idempotency_key: str | None
    #: Who of the customer's people calls.
    member: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTerms:
    """One metered call, as its caller described it."""

    customer: str
    feature: str
    vendor: str | None = None
    model: str | None = None
    hold: Amount | Money | None = None
    slice: Amount | Money | None = None
    lifetime: timedelta = DEFAULT_LIFETIME
    idempotency_key: str | None = None
    pay_from: str | Sequence[str] | None = None
    member: str | None = None
    api_key: str | None = None
    tags: tuple[str, ...] = ()
    dimensions: Mapping[str, str] = field(default_factory=dict)
    excess: Literal["charge", "cap"] | None = None
    count: Count = "tokens"
    prompt_tokens: int = 0
    maximum_output: int | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    readers: Readers = field(default_factory=Readers)
    replay: bool = False
    wait: timedelta | None = None
    abandoned: Literal["estimate", "release"] = "estimate"
    #: Names what was asked; None where no key was given.
    fingerprint: str | None = None


def checked(customer: object, feature: object, **options: Unpack[CallOptions]) -> CallTerms:
    """Check what a caller said.

    Raises:
        InvalidRequest: an option is unknown or makes no sense; the message says which.
        InvalidText: a text cannot be stored.
    """
    if unknown := options.keys() - CallOptions.__optional_keys__:
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    request = given.pop("request", None)
    _check_choices(given)
    if "lifetime" in given:
        check_lifetime(given["lifetime"], LONGEST_HOLD)
    if "vendor" in given:
        given["vendor"] = vendor_name(given["vendor"])
    given["tags"] = checked_tags(given.get("tags", ()))
    given["dimensions"] = checked_dimensions(given.get("dimensions", {}))
    terms = CallTerms(
        customer=customer_id(customer), feature=check_text(feature, "feature"), **given
    )
    check_count(terms.count)
    check_tokens(terms.prompt_tokens, "prompt_tokens")
    if terms.model is not None:
        check_text(terms.model, "model")
    return _named(terms, given, request)


def _check_choices(given: Mapping[str, Any]) -> None:
    for name, words in (("excess", EXCESS), ("abandoned", ABANDONED)):
        if given.get(name, words[0]) not in words:
            raise InvalidRequest(
                f"{name} is one of {', '.join(words)}: the vendor has delivered by then."
            )
    if given.get("replay") and "idempotency_key" not in given:
        raise InvalidRequest("replay=True needs an idempotency_key, under which a retry is found.")
    wait = given.get("wait")
    if wait is not None and not (isinstance(wait, timedelta) and wait <= LONGEST_WAIT):
        raise InvalidRequest(f"wait is a timedelta of at most {LONGEST_WAIT}.")


def _named(terms: CallTerms, given: Mapping[str, Any], request: object) -> CallTerms:
    """Name what was asked by its fingerprint, where a key may be asked for again."""
    if terms.idempotency_key is None:
        return terms
    check_key(terms.idempotency_key)
    said = ("vendor", "model", "hold", "pay_from", "member", "api_key", "tags", "dimensions")
    asked = [terms.feature, *(repr(given.get(name)) for name in said), written(request)]
    fields = {name: getattr(terms, name) for name in CallTerms.__slots__}
    return CallTerms(**{**fields, "fingerprint": fingerprint_of(tuple(asked))})


def written(request: object) -> str:
    """Write a request in one way, whatever it holds: what JSON cannot carry goes by its name.

    >>> written({"b": int, "a": [1]})
    '{"a":[1],"b":"int"}'
    """
    return json.dumps(request, sort_keys=True, separators=(",", ":"), default=_by_name)


def _by_name(thing: object) -> object:
    if isinstance(thing, type):
        return thing.__qualname__
    dump = getattr(thing, "model_dump", None)
    return dump(mode="json") if callable(dump) else type(thing).__qualname__
