"""Why the database failed, in its driver's own words. Must show no SQL, no row and no password.

Owns the masking of passwords (I3), for every text that tells of a failure.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl, unquote

from tollkeeper.errors import StoreError

#: How much of a driver's words is told.
LONGEST: Final = 1000
#: Stands where a password stood.
MASK: Final = "***"

#: What the toolkit writes below a driver's words.
_BELOW: Final = re.compile(r"\[SQL:|\(Background on this error")
#: What ends a part of a URL. A password with such a sign in it is read as several parts.
_SIGNS: Final = re.compile(r"[@/:?#]")


@contextmanager
def explained(*urls: str | None) -> Iterator[None]:
    """Put the driver's words beside a failure of the database, without the passwords of the URLs.

    They are the error's detail `cause`.
    """
    try:
        yield
    except StoreError as error:
        if error.__cause__ is not None:
            error.details["cause"] = masked(_words(error.__cause__), urls)[:LONGEST]
        raise
    except Exception as error:
        if not _is_database(error):
            raise
        cause = masked(_words(error), urls)[:LONGEST]
        raise StoreError("The database could not do it.", cause=cause) from error


def masked(text: str, urls: Iterable[str | None]) -> str:
    """Write a text without the passwords of the URLs, in whatever form a driver shows them.

    >>> masked("no host 'ss@db'", ["postgresql://ann:p@ss@db/app"])
    "no host '***@db'"
    """
    named = [url for url in urls if url]
    for head in filter(None, map(_head, named)):
        # What repeats only the first part of a text may have cut the password in two.
        text = re.sub(re.escape(head) + r"[^\s@]+", f"{head}{MASK}", text)
    secrets = {secret for url in named for secret in _passwords(url)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = _whole(secret).sub(MASK, text)
    return text


def _words(error: BaseException) -> str:
    """Give a driver's words in one line: of a server's complaint only its first sentence.

    What a server writes below it repeats the statement, and the row that it was about.
    """
    raw = getattr(error, "orig", None) or error
    first = getattr(getattr(raw, "diag", None), "message_primary", None)
    text = _BELOW.split(first or str(raw))[0]
    return " ".join(text.split()) or type(raw).__name__


def _is_database(error: BaseException) -> bool:
    """Tell a database toolkit's own error, without importing the toolkit to ask."""
    return any(kind.__module__.startswith("sqlalchemy.") for kind in type(error).__mro__)


def _head(url: str) -> str:
    """Give what stands before a URL's password; nothing where there is none."""
    scheme, _, rest = url.partition("://")
    user, colon, _ = rest.rpartition("@")[0].partition(":")
    return f"{scheme}://{user}:" if colon else ""


def _passwords(url: str) -> Iterator[str]:
    """Give a URL's passwords, and the parts that a sloppily written one falls into."""
    rest = url.partition("://")[2]
    written = rest.rpartition("@")[0].partition(":")[2]
    query = parse_qsl(url.partition("?")[2])
    named = [value for name, value in query if "password" in name]
    for text in (written, *_SIGNS.split(written), *named):
        if text:
            yield from (text, unquote(text))


def _whole(secret: str) -> re.Pattern[str]:
    """Find a secret where it stands for itself, and not as a few letters of a longer word."""
    before = r"(?<!\w)" if secret[0].isalnum() else ""
    behind = r"(?!\w)" if secret[-1].isalnum() else ""
    return re.compile(before + re.escape(secret) + behind)
