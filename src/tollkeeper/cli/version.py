"""The command `version`."""

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call


def version(call: Call) -> None:
    """Show which version of Tollkeeper this is."""
    from tollkeeper import __version__

    answers.show(call, {"version": __version__}, lambda: [f"tollkeeper {__version__}"])
