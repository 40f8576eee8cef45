"""The command `version`, and the option of that name."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tollkeeper.cli.calls import Call


def version(call: "Call") -> None:
    """Show which version of Tollkeeper this is."""
    from tollkeeper import __version__
    from tollkeeper.cli import answers

    answers.show(call, {"version": __version__}, lambda: [f"tollkeeper {__version__}"])


def shown(*, asked: bool) -> None:
    """Show it where the option asks for it, and end."""
    if asked:
        from tollkeeper import __version__

        print(f"tollkeeper {__version__}")
        raise typer.Exit
