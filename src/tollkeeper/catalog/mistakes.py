"""What is wrong with a catalog: each mistake with its place, and the nearest name that is valid.

Owns the wording of a report; must never stop at the first mistake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from tollkeeper.errors import CatalogError

#: Keys and places that lead to a value of the catalog: `("plans", "pro", "prices", 0)`.
Path: TypeAlias = tuple[str | int, ...]

#: Line and column, from 1, of each value.
Positions: TypeAlias = dict[Path, tuple[int, int]]

#: Most mistakes that a message lists; all are in the error's `mistakes`.
MAXIMUM_LISTED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong with a catalog."""

    #: Where in the catalog, as one writes it: `plans.pro.allowances.credits`.
    path: str
    #: What is wrong, and what to do.
    problem: str
    #: The file, where it was read from one.
    file: str | None = None
    #: The line, from 1, where it was read from a text.
    line: int | None = None
    #: The column, from 1.
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.problem) if part)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it, for editors and CI: where it is, and what is wrong."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "problem": self.problem,
            "file": self.file,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text that a catalog was read from."""

    #: Its file, as messages name it.
    file: str | None = None
    #: Where each value stands in it.
    positions: Positions | None = None
    #: Whether it was accepted and kept before: rules that came later do not undo what was sold.
    is_kept: bool = False

    def mistake(self, path: Path, problem: str) -> Mistake:
        """Name a mistake with the line of its value, or of what encloses it."""
        line, column = self._place(path)
        return Mistake(
            path=written(path), problem=problem, file=self.file, line=line, column=column
        )

    def _place(self, path: Path) -> tuple[int | None, int | None]:
        for length in range(len(path), 0, -1):
            if found := (self.positions or {}).get(path[:length]):
                return found
        return None, None


def written(path: Path) -> str:
    """Write a path as one would in TOML.

    >>> written(("plans", "pro", "prices", 0)), written(("rates", "gpt 4.1"))
    ('plans.pro.prices[0]', 'rates."gpt 4.1"')
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part.replace("_", "").replace("-", "").isalnum() and part.isascii()
            text += ("." if text else "") + (part if plain else f'"{part}"')
    return text


def as_written(path: Path, data: Any) -> Path:
    """Leave out of a path what is not in the text, because a short form was written.

    >>> as_written(("rate", 0, "each"), {"rate": {"each": "1 usd"}})
    ('rate', 'each')
    >>> as_written(("prices", 0, "amount"), {"prices": ["1 usd"]})
    ('prices', 0)
    """
    kept: Path = ()
    for part in path:
        is_short = isinstance(data, str | int | Decimal)
        if is_short or (isinstance(part, int) and not isinstance(data, list | tuple)):
            continue
        kept = (*kept, part)
        data = _inside(data, part)
    return kept


def _inside(data: Any, part: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(part)
    is_there = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
    return data[part] if is_there else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Give ` did you mean 'image'?` for the nearest known name, or what names there are.

    >>> nearest("imge", ["image", "chat"]), nearest("x", ["image", "chat"])
    ("did you mean 'image'?", "there are 'chat' and 'image'")
    """
    names = sorted(known)
    folded = {each.lower(): each for each in names}
    near = get_close_matches(name[:64].lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    if not names:
        return "there are none"
    if len(names) > 6:
        return f"there are {len(names)}, such as {names[0]!r} and {names[1]!r}"
    return "there is only " + repr(names[0]) if len(names) == 1 else f"there are {_listed(names)}"


def sentence(text: str) -> str:
    """End a text that another sentence follows.

    >>> sentence("there is only 'a'"), sentence("did you mean 'a'?")
    ("there is only 'a'.", "did you mean 'a'?")
    """
    return text if text.endswith(("?", ".")) else f"{text}."


def report(mistakes: Sequence[Mistake], *, file: str | None = None) -> CatalogError:
    """Make the one error that names every mistake, in the order of their lines."""
    found = sorted(mistakes, key=lambda mistake: (mistake.line or 0, mistake.column or 0))
    count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    lines = [f"  {mistake}" for mistake in found[:MAXIMUM_LISTED]]
    if len(found) > MAXIMUM_LISTED:
        lines.append(f"  … and {len(found) - MAXIMUM_LISTED} more")
    heading = f"{file or 'The catalog'} has {count}:"
    return CatalogError("\n".join([heading, *lines]), mistakes=tuple(found))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:-1]) + f" and {names[-1]!r}"
