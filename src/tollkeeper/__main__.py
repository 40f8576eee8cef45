"""Lets `python -m tollkeeper` stand for `tollkeeper`, where the command is not on the path."""

from tollkeeper.cli import main

if __name__ == "__main__":
    main()
