"""Writes the reference of the command line: every command with its arguments and options.

`python -m tollkeeper.cli.reference` prints it as Markdown; a test compares it with the document.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from typer.main import get_command

from tollkeeper.cli.calls import BY_HAND
from tollkeeper.cli.program import app
from tollkeeper.cli.shared import ACTOR_VARIABLE, DATABASE_VARIABLE
from tollkeeper.cli.sources import SOURCES

#: Options that many commands have; they are described once, at the top.
_OF_EVERY_COMMAND: Final = ("database", "schema", "as_json")
_OF_EVERY_CHANGE: Final = ("idempotency_key", "reason", "actor", "metadata")

_KNOWN: Final = ", ".join(f"`{source}`" for source in SOURCES)

INTRODUCTION: Final = f"""\
# The command line

`tollkeeper [--database URL] [--schema NAME] [--json] NOUN VERB …`: each command is one call of a
room. This page is written by `python -m tollkeeper.cli.reference`; `tollkeeper NOUN VERB --help`
(or `-h`) shows the same, and `tollkeeper --version` which version this is.

- **The database** is named by `--database`, before the noun or behind the verb, otherwise by the
  environment variable `{DATABASE_VARIABLE}`. `bench` and `replay` do not read the variable, for
  what they write stays in the books: without `--database` they use a SQLite file that is deleted
  afterwards. `demo` uses such a file always. Only `migrate` and `bench` make a SQLite file that is
  not there.
- **Amounts** are decimal numbers, such as `12.5`. **Times** are ISO 8601, such as
  `2026-06-01T12:00:00Z`; without a zone they are UTC, and all that is printed is UTC. **Spans**
  are a whole number of seconds, minutes, hours or days: `90s`, `15m`, `2h`, `1d`.
- **Tables** fit the terminal: on a narrow one the columns that can be missed are left out. With
  `--json` a command prints one line of canonical JSON: sorted keys, no spaces, amounts as decimal
  strings, times in ISO 8601. A replay prints the same line as the first answer, byte for byte;
  that it is one is told on stderr.
- **Who is changed.** `grant` and `deposit` make the customer on first use, and so does whatever
  else spends; a correction does not: a change by hand of a customer who is not there, on either
  side of a transfer or a merge, is `customer_not_found`. `customers create` introduces one first.
- **Changes by hand** (`revoke`, `adjust`, `set-balance`, `set-overdraft`, `transfer`, `reverse`,
  `merge`, `erase`) must say why and who: without `--reason` and `--actor` they are refused as
  `invalid_request`, and nothing is written. The environment variable `{ACTOR_VARIABLE}` names
  the actor of every change where no option does; nothing else is taken for one. All other
  changes take both and demand neither, since programs make them.
- **Sources** are {_KNOWN},
  which have defaults of priority and of whether it was paid for. Of a word of your own say it
  yourself, with `--paid` or `--unpaid`; without, it is refused, for it may be a slip in ours.
- **Money** goes by the code of its currency, such as `usd`, wherever a unit is told.
- **Errors** are one line on stderr, `error: code: message`, and one more for each mistake of a
  catalog. With `--json` stdout has them too:
  `{{"error":{{"code":"insufficient_balance","details":{{"available":"2",…}},"message":"…"}}}}`.
  Where the database failed, a second line, `cause: …`, has its driver's own words, without any
  password of the URL; in JSON they are `details.cause`.

| exit code | means |
| --- | --- |
| 0 | done |
| 1 | found: `audit` a broken law, `has` too little, `check` a refusal, `ai losses` a loss, \
`catalog diff` a difference |
| 2 | the command or the request is wrong as it was written |
| 3 | refused by the rules, or what was named is not there |
| 4 | the database could not be reached, or could not do it |
| 70 | a bug of ours |
| 130 | stopped by Ctrl-C; what was answered before is in the books |
"""


def reference() -> str:
    """Write the whole page."""
    root: Any = get_command(app)
    parts = [INTRODUCTION]
    parts += ["## Options of every command\n", _shared(root, "balance", _OF_EVERY_COMMAND)]
    parts += ["## Options of every change\n", _shared(root, "grant", _OF_EVERY_CHANGE)]
    for name, command in root.commands.items():
        parts += _section(f"tollkeeper {name}", command)
    return "\n".join(parts)


def _shared(root: Any, verb: str, names: tuple[str, ...]) -> str:
    """Describe the options that a verb shares with others."""
    found = [each for each in root.commands["credits"].commands[verb].params if each.name in names]
    return _table("option", found)


def _section(title: str, command: Any) -> Iterator[str]:
    """Describe a command, or a noun and its verbs."""
    if hasattr(command, "commands"):
        yield f"## `{title}`\n\n{command.help}\n"
        for name, verb in command.commands.items():
            yield from _verb("###", f"{title} {name}", verb)
    else:
        yield from _verb("##", title, command)


def _verb(level: str, title: str, command: Any) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    shared = (*_OF_EVERY_COMMAND, *_OF_EVERY_CHANGE)
    options = [each for each in command.params if each not in arguments and each.name not in shared]
    changes = any(each.name in _OF_EVERY_CHANGE for each in command.params)
    usage = " ".join([title, *(_named(each) for each in arguments)])
    more = " [OPTIONS OF EVERY CHANGE]" if changes else ""
    more = f" --reason TEXT --actor WHO{more}" if BY_HAND in command.help else more
    yield f"{level} `{title}`\n\n    {usage}{' [OPTIONS]' if options else ''}{more}\n"
    yield f"{command.help}\n"
    if arguments:
        yield _table("argument", arguments)
    if options:
        yield _table("option", options)


def _table(kind: str, parameters: list[Any]) -> str:
    rows = [f"| `{_named(each)}` | {_described(each)} |" for each in parameters]
    return "\n".join([f"| {kind} | |", "| --- | --- |", *rows, ""])


def _named(parameter: Any) -> str:
    metavar = parameter.metavar or parameter.name.upper()
    if parameter.param_type_name == "argument":
        return metavar if parameter.required or metavar.startswith("[") else f"[{metavar}]"
    value = "" if getattr(parameter, "is_flag", False) else f" {_values(parameter)}"
    return "/".join([*parameter.opts[:1], *parameter.secondary_opts]) + value


def _values(parameter: Any) -> str:
    """Write what an option takes: one of some words, or a kind of value."""
    if isinstance(parameter.default, Enum):
        return " or ".join(type(parameter.default).__members__)
    return str(parameter.metavar or "TEXT")


def _described(parameter: Any) -> str:
    default = parameter.default
    needed = parameter.required and parameter.param_type_name == "option"
    words = [parameter.help or ""]
    words += ["It must be given."] if needed else []
    if default not in (None, False) and not callable(default):
        words += [f"Default: `{getattr(default, 'value', default)}`."]
    return " ".join(words).replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
