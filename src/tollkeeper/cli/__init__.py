"""The command `tollkeeper`: one file a noun; each command parses, calls one room, and prints.

It goes through the front door only, and decides nothing about credits or money.
"""

import sys


def main() -> None:
    """Run the command line of this process, and end it with the exit code."""
    try:
        from tollkeeper.cli.program import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))
