"""Where each value of a TOML text stands. Owns lines and columns; must never judge a value.

`tomllib` reads TOML and forgets where it found it. This walks over a text that `tomllib` has
accepted already, so it need only follow keys and brackets, and skip strings and comments.
"""

import re
from typing import Final

from tollkeeper.catalog.mistakes import Path, Positions

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_PLAIN: Final = re.compile(r"[^,\]}\n#]+")
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPES: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def positions(text: str) -> Positions:
    r"""Give the line and column, from 1, of every key and value of a valid TOML text.

    >>> found = positions('currency = "usd"\n[plans.pro]\nprices = ["1 usd", "2 eur"]')
    >>> found["currency",], found["plans", "pro"], found["plans", "pro", "prices", 1]
    ((1, 1), (2, 1), (3, 20))
    """
    return _Walk(text).whole()


class _Walk:
    """One walk over a text: the place reached, and what was found on the way."""

    __slots__ = ("at", "counts", "found", "line", "line_start", "seen", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.seen = self.line_start = 0
        self.line = 1
        self.found: Positions = {}
        #: How many tables of each array of tables there were so far.
        self.counts: dict[Path, int] = {}

    def whole(self) -> Positions:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.found

    def header(self) -> Path:
        """Follow `[a.b]` or `[[a.b]]`, and give the path of the table that begins."""
        start, is_array = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        path = self.resolved(self.keys())
        for length in range(1, len(path) + 1):
            self.note(path[:length], start)
        if is_array:
            self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, self.counts[path])
        self.note(path, start)
        self.at += 2 if is_array else 1
        return path

    def resolved(self, keys: Path) -> Path:
        """Enter the last table of every array of tables on the way."""
        path: Path = ()
        for place, key in enumerate(keys):
            path = (*path, key)
            if path in self.counts and place < len(keys) - 1:
                path = (*path, self.counts[path])
        return path

    def pair(self, table: Path) -> None:
        """Follow `a.b = value`."""
        start = self.at
        path = (*table, *self.keys())
        for length in range(len(table) + 1, len(path) + 1):
            self.note(path[:length], start)
        self.at += 1
        self.skip(_SPACE)
        self.value(path)

    def keys(self) -> Path:
        """Follow a dotted key up to what is behind it."""
        keys: Path = ()
        while True:
            self.skip(_SPACE)
            keys = (*keys, self.key())
            self.skip(_SPACE)
            if self.at >= len(self.text) or self.text[self.at] != ".":
                return keys
            self.at += 1

    def key(self) -> str:
        if found := _STRING.match(self.text, self.at):
            self.at = found.end()
            inside = found[0][1:-1]
            return inside if found[0][0] == "'" else _ESCAPE.sub(_unescaped, inside)
        return self.skip(_BARE)

    def value(self, path: Path) -> None:
        """Follow one value, and whatever is inside it."""
        opening = self.text[self.at]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.table(path)
        elif not self.skip(_STRING):
            self.skip(_PLAIN)

    def array(self, path: Path) -> None:
        self.at += 1
        place = 0
        while self.inside("]"):
            inner = (*path, place)
            self.note(inner, self.at)
            self.value(inner)
            place += 1

    def table(self, path: Path) -> None:
        self.at += 1
        while self.inside("}"):
            self.pair(path)

    def inside(self, closing: str) -> bool:
        """Step over blanks and commas to the next member; False, and past it, at the end."""
        self.skip(_BLANK)
        while self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] != closing:
            return True
        self.at += 1
        return False

    def skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def note(self, path: Path, start: int) -> None:
        """Keep the first place of a path; places are noted in ascending order."""
        if start > self.seen:
            lines = self.text.count("\n", self.seen, start)
            if lines:
                self.line += lines
                self.line_start = self.text.rfind("\n", self.seen, start) + 1
            self.seen = start
        self.found.setdefault(path, (self.line, start - self.line_start + 1))


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] in "uU" else _ESCAPES.get(code, code)
