"""Where value comes from, as it is typed: one of our words, or a word of the app's own.

A slip in one of ours would make a promotion of a purchase, and so is never taken for another word.
"""

from difflib import get_close_matches
from typing import Final

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.texts import echo

#: The sources that have defaults of their own.
SOURCES: Final = ("promotion", "allowance", "purchase", "deposit", "adjustment")


def check_source(source: str | None, *, paid: bool | None) -> None:
    """Refuse a word that is none of ours, unless the call itself says whether it was paid for.

    >>> check_source("purchase", paid=None)
    >>> check_source("referral", paid=False)
    >>> check_source("purchse", paid=None)
    Traceback (most recent call last):
    tollkeeper.errors.InvalidRequest: 'purchse' is none of our sources; did you mean 'purchase'? \
A word of your own goes with --paid or --unpaid.
    """
    if source is None or source in SOURCES or paid is not None:
        return
    near = get_close_matches(source[:100], SOURCES, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f": {', '.join(SOURCES)}."
    raise InvalidRequest(
        f"{echo(source)} is none of our sources{hint} A word of your own goes with --paid or "
        "--unpaid.",
        sources=list(SOURCES),
    )
