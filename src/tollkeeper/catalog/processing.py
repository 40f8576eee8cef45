"""What a payment company can charge at all: whole minor units, and a minimum in each currency.

Owns the table of minimums, dated and with its source; must never decide what something costs.

The minimums are Stripe's, from "Minimum and maximum charge amounts" of its page on supported
currencies (https://docs.stripe.com/currencies), as it stood in September 2026. They hold for the
currency that the account is paid out in; a charge that is converted has to reach the other
currency's minimum as well, which only the provider can tell. A currency that the page does not name
has the smallest amount there is.
"""

from typing import Final

from tollkeeper.errors import InvalidAmount
from tollkeeper.values.currencies import currency as currency_of
from tollkeeper.values.money import Money

#: The least that can be charged, in whole currency.
_MINIMUMS: Final = {
    "0.30": "gbp",
    "0.50": "ars aud brl cad chf cop eur idr ils inr nzd php rub sgd usd zar",
    "2.00": "aed myr pln ron",
    "2.50": "dkk",
    "3.00": "nok sek",
    "4.00": "hkd",
    "10.00": "mxn thb",
    "15.00": "czk",
    "50": "jpy krw",
    "175.00": "huf",
}

_BY_CURRENCY: Final = {
    code: Money(amount, code) for amount, codes in _MINIMUMS.items() for code in codes.split()
}


def minimum_charge(currency: str) -> Money:
    """Give the least that can be charged in a currency.

    >>> minimum_charge("usd"), minimum_charge("jpy"), minimum_charge("kwd")
    (Money('0.50', 'usd'), Money('50', 'jpy'), Money('0.001', 'kwd'))
    """
    code = currency_of(currency).code
    return _BY_CURRENCY.get(code) or Money.from_minor(1, code)


def why_not_charged(money: Money, *, zero: bool = False) -> str | None:
    """Say why an amount cannot be charged; None where it can.

    Args:
        money: the amount.
        zero: whether nothing at all is fine, too.

    >>> why_not_charged(Money("0.49", "usd"))
    '0.49 usd is less than can be charged: 0.50 usd is the least'
    >>> why_not_charged(Money("9.995", "usd"))
    '9.995 usd is not a whole number of minor units, so it cannot be charged'
    """
    if zero and not money.scaled:
        return None
    try:
        money.minor  # noqa: B018  # asked for its refusal alone
    except InvalidAmount:
        return f"{money} is not a whole number of minor units, so it cannot be charged"
    least = minimum_charge(money.currency)
    if money < least:
        return f"{money} is less than can be charged: {least} is the least"
    return None
