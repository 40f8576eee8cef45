"""Markups: what an app adds to a vendor's cost, by vendor and model, dated. Pure.

A markup is linear, a percentage of the cost and a fixed amount for each million tokens, so that the
charge for two usages is the sum of their charges. It must never touch the vendor's cost itself.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from tollkeeper.errors import InvalidRates
from tollkeeper.metering.exact import EXACT, add, exact
from tollkeeper.values.moments import EPOCH, utc
from tollkeeper.values.texts import echo
from tollkeeper.values.vendors import vendor_name

_PERCENT: Final = re.compile(r"([+-]?[0-9]{1,6}(?:\.[0-9]{1,6})?) ?%")
_MINUS_HUNDRED: Final = Decimal(-100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """What is added to the vendor's cost of a model.

    Raises:
        InvalidRates: below −100 %, a negative fixed amount, or no exact number.
        InvalidRequest: `starts` has no time zone.

    >>> Markup(percent="20 %", per_million="0.50").applied(Decimal("1.00"), 2_000_000)
    Decimal('2.2')
    """

    #: Per cent of the vendor's cost: `20`, `"20 %"`, `Decimal("12.5")`; negative gives a discount.
    percent: int | str | Decimal = 0
    #: A fixed amount for each million tokens, in the currency of the rates.
    per_million: int | str | Decimal = 0
    #: The vendor it is for; `*` stands for any text.
    vendor: str = "*"
    #: The model it is for; `*` stands for any text: `gpt-*`.
    model: str = "*"
    #: From when it holds; None is for ever.
    starts: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "percent", percentage(self.percent))
        object.__setattr__(self, "per_million", exact(self.per_million, "a markup per million"))
        object.__setattr__(self, "vendor", vendor_name(self.vendor))
        if self.starts is not None:
            object.__setattr__(self, "starts", utc(self.starts, "starts"))
        if self.per_million < 0:  # type: ignore[operator]  # a Decimal since the line above
            raise InvalidRates("a markup per million tokens must be 0 or more")

    @property
    def share(self) -> Decimal:
        """Give the percentage as an exact number."""
        return exact(self.percent, "percent")

    @property
    def addition(self) -> Decimal:
        """Give the fixed amount for a million tokens as an exact number."""
        return exact(self.per_million, "per_million")

    def applied(self, cost: Decimal, tokens: int) -> Decimal:
        """Give what the customer is charged for tokens that cost so much, exactly."""
        share = EXACT.multiply(cost, self.share.scaleb(-2, EXACT))
        fixed = EXACT.multiply(self.addition, Decimal(tokens))
        return add([cost, share, fixed.scaleb(-6, EXACT)])

    def is_for(self, vendor: str, model: str) -> bool:
        """Tell whether it is for this model."""
        return fnmatchcase(vendor, self.vendor) and fnmatchcase(model, self.model)


def markup_for(markups: Iterable[Markup], vendor: str, model: str, at: datetime | None) -> Markup:
    """Find the markup of a model at a moment: the closest in name, then the latest to start.

    A model named in full is closer than a pattern, a pattern of the model closer than one of the
    vendor alone. Without any the customer pays what the vendor takes.

    >>> plain, dear = Markup(percent=10), Markup(percent=50, model="gpt-4*")
    >>> markup_for([plain, dear], "openai", "gpt-4o", None) is dear
    True
    """
    fitting = [
        markup
        for markup in markups
        if markup.is_for(vendor, model)
        and (markup.starts is None or (at is not None and markup.starts <= at))
    ]
    return max(fitting, key=_closeness, default=NO_MARKUP)


def percentage(value: int | str | Decimal) -> Decimal:
    """Read a percentage, with its sign or without.

    >>> percentage("12.5 %"), percentage(20)
    (Decimal('12.5'), Decimal('20'))
    """
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())):
        value = found[1]
    read = exact(value, "a markup")
    if read < _MINUS_HUNDRED:
        raise InvalidRates(f"a markup of {echo(str(value))} would pay the customer for using it")
    return read


def _closeness(markup: Markup) -> tuple[int, int, int, int, int, datetime]:
    return (
        "*" not in markup.model,
        len(markup.model.replace("*", "")),
        "*" not in markup.vendor,
        len(markup.vendor.replace("*", "")),
        markup.starts is not None,
        markup.starts or EPOCH,
    )


#: The customer pays what the vendor takes.
NO_MARKUP: Final = Markup()
