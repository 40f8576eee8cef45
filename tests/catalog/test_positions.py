"""Lines of a TOML text: wherever a value stands, and however it is written."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.positions import positions

bare = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
quoted = st.sampled_from(["a b", "#", "]", "=", "x.y", "'", 'q"t'])
names = st.one_of(bare, quoted)
texts = st.sampled_from(
    ["", "a", "# no comment", "[x]", "{y = 1}", 'say "so"', "it's", "back\\slash"]
)
scalars = st.one_of(st.integers(-9, 9), st.booleans(), texts)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


class Writer:
    """Writes data as TOML in a random style, and notes itself where each value begins."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.places: dict[Path, tuple[int, int]] = {}

    def note(self, path: Path) -> None:
        """Note the place that is reached; the first one of a path counts."""
        line = self.text.count("\n") + 1
        self.places.setdefault(path, (line, len(self.text) - self.text.rfind("\n")))

    def space(self, *, lines: bool) -> None:
        """Write what means nothing."""
        choices = ["", " ", "  "] + (["\n", " # a comment = [\n", "\n\n\t"] if lines else [])
        self.text += self.draw(st.sampled_from(choices))

    def key(self, name: str) -> None:
        plain = name.isalpha() and name.isascii()
        if not plain or self.draw(st.booleans()):
            escaped = name.replace("\\", "\\\\").replace('"', '\\"')
            self.text += f'"{escaped}"' if "'" in name or self.draw(st.booleans()) else f"'{name}'"
        else:
            self.text += name

    def pair(self, table: Path, name: str, value: Any) -> None:
        """Write `key = value`, or `key.inner = value` where a table has one member."""
        path = (*table, name)
        self.note(path)
        start = self.places[path]
        self.key(name)
        while isinstance(value, dict) and len(value) == 1 and self.draw(st.booleans()):
            ((name, value),) = value.items()
            self.space(lines=False)
            self.text += "."
            self.space(lines=False)
            path = (*path, name)
            self.places.setdefault(path, start)
            self.key(name)
        self.space(lines=False)
        self.text += "="
        self.space(lines=False)
        self.value(path, value)

    def value(self, path: Path, value: Any) -> None:
        if isinstance(value, dict):
            self.text += "{"
            for place, (name, inner) in enumerate(value.items()):
                self.text += ", " if place else " "
                self.pair(path, name, inner)
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for place, inner in enumerate(value):
                self.text += "," if place else ""
                self.space(lines=True)
                self.note((*path, place))
                self.value((*path, place), inner)
            self.space(lines=True)
            self.text += "]"
        else:
            self.scalar(value)

    def scalar(self, value: Any) -> None:
        if isinstance(value, str):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            forms = [f'"{escaped}"', f'"""\n{escaped}"""']
            forms += [] if "'" in value else [f"'{value}'", f"'''\n{value}'''"]
            self.text += self.draw(st.sampled_from(forms))
        else:
            self.text += str(value).lower()

    def document(self, data: dict[str, Any]) -> None:
        """Write pairs first, then tables and arrays of tables under headers."""
        later = {
            name: value
            for name, value in data.items()
            if is_headed(value) and self.draw(st.booleans())
        }
        for name, value in data.items():
            if name not in later:
                self.space(lines=True)
                self.pair((), name, value)
                self.text += "\n"
        for name, value in later.items():
            self.tables(name, value)

    def tables(self, name: str, value: Any) -> None:
        members = value if isinstance(value, list) else [value]
        for place, table in enumerate(members):
            self.space(lines=True)
            self.text += "\n"
            path: Path = (name, place) if isinstance(value, list) else (name,)
            self.note((name,))
            self.note(path)
            opening, closing = ("[[", "]]") if isinstance(value, list) else ("[", "]")
            self.text += opening
            self.key(name)
            self.text += closing + "\n"
            for inner_name, inner in table.items():
                self.pair(path, inner_name, inner)
                self.text += "\n"


def is_headed(value: Any) -> bool:
    """Whether a value can stand under a header."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(inner, dict) for inner in value)
    return isinstance(value, dict)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any], dict[Path, tuple[int, int]]]:
    """A text, what it says, and where."""
    data = draw(st.dictionaries(names, values, max_size=4))
    writer = Writer(draw)
    writer.document(data)
    return writer.text, data, writer.places


def paths(data: Any, path: Path = ()) -> Iterator[Path]:
    """Every path in some data."""
    inside: Any = data.items() if isinstance(data, dict) else enumerate(data)
    for part, inner in inside:
        yield (*path, part)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, part))


@given(documents())
def test_every_value_is_found_where_it_was_written(
    written: tuple[str, dict[str, Any], dict[Path, tuple[int, int]]],
) -> None:
    """Lines and columns, whatever stands in strings, comments and keys."""
    text, data, places = written
    assert tomllib.loads(text) == data
    found = positions(text)
    assert found == places
    assert set(found) == set(paths(data))


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a.b.c = 1", ("a", "b", "c"), (1, 1)),
        ("a.b = 1\na.c = 2", ("a",), (1, 1)),
        ("[a.b]\n[a.b.c]\nx = 1", ("a", "b", "c", "x"), (3, 1)),
        ("[[a]]\n[[a]]\n[a.b]\nx = 1", ("a", 1, "b", "x"), (4, 1)),
        ("[[a]]\n[[a.b]]\n[[a.b]]\nx = 1", ("a", 0, "b", 1, "x"), (4, 1)),
        ('a = """\n[x]\ny = 1\n"""\nb = 2', ("b",), (5, 1)),
        ('a = """x""""\nb = 2', ("b",), (2, 1)),
        ("a = 2026-01-01 00:00:00Z # since\nb = [1,\n2,\n]", ("b", 1), (3, 1)),
        ('"a\\u0062" = 1', ("ab",), (1, 1)),
        ("  [ a . 'b' ]\n x=1", ("a", "b", "x"), (2, 2)),
    ],
)
def test_forms_of_toml(text: str, path: Path, place: tuple[int, int]) -> None:
    """What the random texts do not write."""
    tomllib.loads(text)
    assert positions(text)[path] == place
