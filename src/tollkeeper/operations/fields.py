"""What can be said of a customer: the fields, and how each is checked. Writes nothing."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.texts import check_metadata, check_text, echo
from tollkeeper.values.zones import zone as zone_of

#: Most characters of an e-mail address: 64 before the @, 255 after it.
MAXIMUM_EMAIL = 320


class Fields(TypedDict, total=False):
    """What can be said of a customer."""

    #: IANA time zone, such as "Europe/Berlin".
    zone: str | None
    #: ISO 4217 code of the wallet's one currency.
    currency: str | None
    email: str | None
    name: str | None
    #: Id of the customer who is this one's organisation.
    organisation: str | None
    #: The app's own data, JSON of at most 16 KB.
    metadata: Mapping[str, Any] | None


class Why(TypedDict, total=False):
    """What a change of a customer takes besides, by keyword."""

    #: The caller's name for this one request, at most 255 characters.
    idempotency_key: str | None
    #: Why, in a human's words; erasable.
    reason: str | None
    #: Who; erasable.
    actor: str | None


class Change(Fields, Why, total=False):
    """What an update takes."""


def checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check each field that is given; None clears one."""
    return {name: None if value is None else CHECKS[name](value) for name, value in fields.items()}


def _zone(value: object) -> str:
    name = check_text(value, "zone")
    zone_of(name)
    return name


def _email(value: object) -> str:
    text = check_text(value, "email", MAXIMUM_EMAIL)
    before, at, after = text.rpartition("@")
    if not (before and at and after):
        raise InvalidRequest(f"{echo(text)} is no e-mail address.")
    return text


CHECKS: dict[str, Callable[[Any], Any]] = {
    "zone": _zone,
    "currency": lambda value: currency_of(check_text(value, "currency")).code,
    "email": _email,
    "name": lambda value: check_text(value, "name"),
    "organisation": lambda value: check_text(value, "organisation"),
    "metadata": check_metadata,
}
