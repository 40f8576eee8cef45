"""Draws on the terminal: tables as wide as it is, sections, bars. The one module that does.

Rich is imported when something is drawn, so that `--json` does not wait for it.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from tollkeeper.cli.sheets import (
    Facts,
    Part,
    Sheet,
    without_blank_columns,
    without_widest_need,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text


class Moved(Protocol):
    """Moves a progress bar."""

    def __call__(self, done: int, total: int | None = None, /) -> None:
        """Move it to what is done, of what there is."""
        ...


#: How many columns of the terminal lie between two columns of a table: a space, a line, a space.
GAP: Final = 3
#: How wide tables may be where there is no terminal: no column is left out of a file or a pipe.
WIDTH_OF_A_FILE: Final = 500


def draw(parts: Iterable[Part]) -> None:
    """Print tables, facts and lines, one after the other."""
    console = _console()
    for number, part in enumerate(parts):
        if number:
            console.print()
        console.print(_drawn(part, console.width))


def section(title: str, text: str) -> None:
    """Print a heading, and a paragraph that says what comes."""
    console = _console()
    console.print()
    console.print(_text(title), style="bold")
    console.print(_text(text), width=min(console.width, 80))
    console.print()


@contextmanager
def progress(title: str, total: int | None = None) -> "Iterator[Moved]":
    """Show a bar on stderr while something takes long; give the function that moves it.

    It takes the count done, and the total where that is known only then. Where stderr is no
    terminal nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _, __=None: None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done, known=None: bar.update(task, completed=done, total=known or total)


def _console() -> "Console":
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the command line to end well when a reader has seen enough."""
            raise BrokenPipeError

    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_A_FILE
    return Output(width=wide)


def _drawn(part: Part, width: int) -> "RenderableType":
    if isinstance(part, str):
        return _text(part)
    if isinstance(part, Facts):
        return _facts(part)
    return _sheet(part, width)


def _facts(facts: Facts) -> "Table":
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts.pairs:
        table.add_row(name, _text(text))
    return table


def _sheet(sheet: Sheet, width: int) -> "RenderableType":
    if not sheet.rows:
        return _text(sheet.empty)
    sheet = fitted(sheet, width)
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        header_style="bold",
        caption_justify="left",
    )
    table.caption = _text(sheet.note) if sheet.note else None
    for column in sheet.columns:
        table.add_column(
            column.title, justify="right" if column.is_number else "left", overflow="fold"
        )
    for row in sheet.rows:
        table.add_row(*(_text(cell) for cell in row))
    return table


def fitted(sheet: Sheet, width: int) -> Sheet:
    """Leave out what says nothing, then what can be missed, until the table fits the width."""
    sheet = without_blank_columns(sheet)
    while _width(sheet) > width:
        narrower = without_widest_need(sheet)
        if narrower is None:
            return sheet
        sheet = narrower
    return sheet


def _width(sheet: Sheet) -> int:
    from rich.cells import cell_len

    widths = [
        max(cell_len(text) for text in (column.title, *(row[place] for row in sheet.rows)))
        for place, column in enumerate(sheet.columns)
    ]
    return sum(widths) + GAP * (len(widths) - 1)


def _text(text: str) -> "Text":
    """Take a text as it is: no markup, and nothing that would steer the terminal."""
    from rich.text import Text

    return Text("".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text))
