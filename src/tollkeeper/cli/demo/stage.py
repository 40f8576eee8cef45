"""Where the demo shows things: sections on the terminal, and the same facts for `--json`."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any, Final

from tollkeeper.cli import screen
from tollkeeper.cli.sheets import Part

#: How many characters every terminal has.
WIDTH: Final = 80


class Stage:
    """Shows the scenes one after the other, and keeps what they told."""

    def __init__(self, *, is_silent: bool) -> None:
        self.told: dict[str, Any] = {}
        self._is_silent = is_silent
        self._number = 0

    def scene(self, title: str, text: str) -> None:
        """Begin a scene, and say what it is about."""
        self._number += 1
        if not self._is_silent:
            screen.section(f"{self._number}. {title}", text)

    def show(self, *parts: Part) -> None:
        """Show tables and lines."""
        if not self._is_silent:
            screen.draw(parts)

    def tell(self, name: str, data: Any) -> None:
        """Keep a fact for `--json`."""
        self.told[name] = data

    def listed(self, lines: Sequence[str]) -> None:
        """Show lines close to each other, longer ones on several."""
        self.show("\n".join(fill(line, WIDTH, subsequent_indent="    ") for line in lines))
