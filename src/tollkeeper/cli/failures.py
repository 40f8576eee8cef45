"""What a failure says and which exit code it has. Owns the codes; must never show a traceback."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import typer

from tollkeeper.cli.causes import masked
from tollkeeper.errors import (
    CatalogError,
    InvalidRequest,
    NotFound,
    Refusal,
    StoreError,
    TollkeeperError,
)
from tollkeeper.values.texts import canonical_json

#: Everything was done.
DONE: Final = 0
#: A check found something: a broken law, or a `has` that is answered with no.
FOUND: Final = 1
#: The command or the request is wrong as it was written.
USAGE: Final = 2
#: The rules said no, or what was named is not there.
REFUSED: Final = 3
#: The database could not be reached, or could not do it.
STORE: Final = 4
#: A bug of ours.
BUG: Final = 70
#: Ended by Ctrl-C.
INTERRUPTED: Final = 130

#: Typer hands out this one class of errors in how a command was written; its parent is all of them.
_USAGE_ERRORS: Final = typer.BadParameter.__mro__[1]


#: How an amount below zero begins.
_NUMBER: Final = re.compile(r"-[0-9.]")
_BELOW_ZERO: Final = "An amount is above zero here; `adjust` and `set-balance` take one below it."


#: Most characters of a message; what was typed may be longer than anybody wants to read.
LONGEST: Final = 1000


def report(error: BaseException, *, as_json: bool, urls: Sequence[str | None] = ()) -> int:
    """Say what failed in one line on stderr, with `--json` on stdout too; give the exit code.

    Of a database's failure a second line tells the cause, in the driver's words; of a catalog each
    mistake has a line of its own. No text has a password of the URLs.
    """
    code, message, details = _described(error)
    shown = _shown(error, urls)
    heading, *mistakes = message.splitlines() if isinstance(error, CatalogError) else [message]
    text = shown(" ".join(heading.split()))
    sys.stderr.write(f"error: {code}: {text}\n")
    sys.stderr.writelines(f"  {shown(' '.join(line.split()))}\n" for line in mistakes)
    if isinstance(error, StoreError) and "cause" in details:
        sys.stderr.write(f"cause: {shown(details['cause'])}\n")
    if as_json:
        told = {
            "code": code,
            "message": f"{text.rstrip(':')}." if mistakes else text,
            "details": _plain(details, shown),
        }
        sys.stdout.write(canonical_json({"error": told}) + "\n")
    return _exit_code(error)


def is_interrupt(error: BaseException) -> bool:
    """Tell whether the user ended the command, with Ctrl-C or at a question."""
    return isinstance(error, KeyboardInterrupt | typer.Abort)


def _described(error: BaseException) -> tuple[str, str, Mapping[str, Any]]:
    if isinstance(error, TollkeeperError):
        return error.code, error.message, error.details
    if isinstance(error, _USAGE_ERRORS):
        return "usage", _usage(error), {}
    if is_interrupt(error):
        return "interrupted", "Stopped; what was answered before is in the books.", {}
    return "bug", f"{type(error).__name__}: {error}. Please report it.", {}


def _exit_code(error: BaseException) -> int:
    if isinstance(error, (InvalidRequest, _USAGE_ERRORS)):
        return USAGE
    if isinstance(error, Refusal | NotFound):
        return REFUSED
    if isinstance(error, StoreError):
        return STORE
    return INTERRUPTED if is_interrupt(error) else BUG


def _usage(error: Any) -> str:
    """Give the parser's words, and where to read on."""
    context = getattr(error, "ctx", None)
    option = str(getattr(error, "option_name", ""))
    if _NUMBER.match(option):
        return f"{option} was read as an option. {_BELOW_ZERO}"
    where = f" Try '{context.command_path} --help'." if context is not None else ""
    # The parser has no words where it has just shown the help, for want of a verb.
    text = (error.format_message() or "A command is missing").rstrip(".?")
    mark = "?" if "Did you mean" in text else "."
    return f"{text}{mark}{where}"


def _shown(error: BaseException, urls: Sequence[str | None]) -> Callable[[str], str]:
    """Give what makes a text fit to be shown: printable, bounded, without a URL's password.

    A refusal's texts are ids and numbers, which a script reads: there only a URL is masked, for a
    short password may be one of them by chance.
    """
    is_of_ids = isinstance(error, Refusal | NotFound | InvalidRequest)

    def shown(text: str) -> str:
        safe = text if is_of_ids and ":/" not in text else masked(text, urls)
        return _printable(safe if len(safe) <= LONGEST else f"{safe[:LONGEST]}…")

    return shown


def _plain(value: Any, shown: Callable[[str], str]) -> Any:
    """Give a detail as JSON takes it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(part, shown) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part, shown) for part in value]
    if hasattr(value, "to_dict"):
        return _plain(value.to_dict(), shown)
    return value.isoformat() if hasattr(value, "isoformat") else shown(str(value))


def _printable(text: str) -> str:
    """Write what was no text in the shell's encoding as an escape; JSON could not carry it."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
