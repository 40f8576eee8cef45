"""The reference of the command line is written by the program itself."""

from pathlib import Path

from tollkeeper.cli.reference import reference

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_reference_is_up_to_date() -> None:
    """Mend it with `python -m tollkeeper.cli.reference > docs/reference/cli.md`."""
    assert DOCUMENT.read_text() == reference()


def test_every_option_is_described() -> None:
    """No row of a table ends without words."""
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert not [row for row in rows if row.endswith("|  |")]
