"""The currencies of ISO 4217. Owns their codes, minor digits and signs; must never know a rate.

The list is that of 2026-01-01. Codes without minor digits (gold, drawing rights, tests) are not
money that can be charged, so they are left out.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from tollkeeper.errors import UnknownCurrency
from tollkeeper.values.texts import echo


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """One currency of ISO 4217."""

    #: ISO code in lower case: `usd`.
    code: str
    #: Decimal digits of the minor unit: 2 for cents, 0 for yen, 3 for Kuwaiti fils.
    exponent: int
    #: Sign written before an amount, or None where the code is written after it.
    symbol: str | None = None


_CODES: Final = {
    0: "bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf",
    2: """
        aed afn all amd aoa ars aud awg azn bam bbd bdt bmd bnd bob bov brl bsd btn bwp byn bzd
        cad cdf che chf chw cny cop cou crc cup cve czk dkk dop dzd egp ern etb eur fjd fkp gbp gel
        ghs gip gmd gtq gyd hkd hnl htg huf idr ils inr irr jmd kes kgs khr kpw kyd kzt lak lbp lkr
        lrd lsl mad mdl mga mkd mmk mnt mop mru mur mvr mwk mxn mxv myr mzn nad ngn nio nok npr nzd
        pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc
        syp szl thb tjs tmt top try ttd twd tzs uah usd usn uyu uzs ved ves wst xad xcd xcg yer zar
        zmw zwg
    """,
    3: "bhd iqd jod kwd lyd omr tnd",
    4: "clf uyw",
}

# Only signs that mean one currency to an English reader: "$" is not Canadian, "¥" not Chinese.
_SYMBOLS: Final = {
    "usd": "$",
    "eur": "€",
    "gbp": "£",
    "jpy": "¥",
    "krw": "₩",
    "inr": "₹",
    "ils": "₪",
    "vnd": "₫",
    "php": "₱",
}

_CURRENCIES: Final = {
    code: Currency(code=code, exponent=exponent, symbol=_SYMBOLS.get(code))
    for exponent, codes in _CODES.items()
    for code in codes.split()
}


def currency(code: str) -> Currency:
    """Give the currency of an ISO code, in upper or lower case.

    Raises:
        UnknownCurrency: there is no such currency; the message names the nearest one.

    >>> currency("USD").code, currency("jpy").exponent
    ('usd', 0)
    >>> currency("uds")
    Traceback (most recent call last):
    tollkeeper.errors.UnknownCurrency: 'uds' is not a currency of ISO 4217; did you mean 'usd'?
    """
    if not isinstance(code, str):
        raise UnknownCurrency(
            f"a currency is a code such as 'usd', not of type {type(code).__name__}"
        )
    if found := _CURRENCIES.get(code):
        return found
    # The Kelvin sign would become "k": no code is written with letters beyond ASCII.
    found = _CURRENCIES.get(code.lower()) if code.isascii() else None
    if found is None:
        raise UnknownCurrency(f"{echo(code)} is not a currency of ISO 4217; {_suggestion(code)}")
    return found


def is_currency(code: str) -> bool:
    """Tell whether this is the code of a currency, in upper or lower case.

    >>> is_currency("USD"), is_currency("tokens")
    (True, False)
    """
    return code.isascii() and code.lower() in _CURRENCIES


def currencies() -> tuple[Currency, ...]:
    """List every known currency, sorted by code.

    >>> len(currencies()), currencies()[0].code
    (165, 'aed')
    """
    return tuple(_CURRENCIES[code] for code in sorted(_CURRENCIES))


def _suggestion(code: str) -> str:
    word = code[:8].lower()
    transposed = [known for known in _CURRENCIES if sorted(known) == sorted(word)]
    # Several are equally near to "us"; those with a sign are the ones that people mean.
    usual = get_close_matches(word, _SYMBOLS, n=1, cutoff=0.75)
    near = transposed or usual or get_close_matches(word, _CURRENCIES, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "write a code such as 'usd'"
