"""What can be said of a use that is charged, by keyword or in a batch: names and types alone."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, Required, TypedDict

from tollkeeper.operations.calls import Options
from tollkeeper.values.amounts import Amount


class UseOptions(TypedDict, total=False):
    """What a charge, or a question about one, takes besides customer, feature and quantity."""

    #: The only sources that may pay, one or several, within what the plan allows.
    pay_from: str | Sequence[str] | None
    #: Who of the customer's people used it; limits may count each by himself.
    member: str | None
    #: The app's API key through which it was used; limits may count it.
    api_key: str | None
    #: Labels that limits may count, at most 20.
    tags: Sequence[str] | None
    #: What may decide the price: a model, a region …
    dimensions: Mapping[str, str] | None


class ChargeOptions(UseOptions, Options, total=False):
    """What a charge takes by keyword: what is said of the use, and what every change takes."""


class NewCharge(ChargeOptions, total=False):
    """One charge of a batch, as `charge` takes it."""

    customer: Required[str]
    feature: Required[str]
    #: How much, above zero; 1 unless given.
    quantity: NotRequired[Amount]


USE_OPTIONS = UseOptions.__optional_keys__
