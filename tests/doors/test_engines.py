"""What may be given as a database, and what is said of anything else."""

import pytest
from sqlalchemy import create_engine

from tollkeeper import Billing
from tollkeeper.errors import InvalidRequest


@pytest.mark.parametrize(
    "database", ["nonsense", "", "mysql://localhost/app", "postgresql+nodriver://h/d", 7, None]
)
def test_no_database_is_a_clear_error(database: object) -> None:
    """A URL that cannot be read, another database, another type: InvalidRequest."""
    with pytest.raises(InvalidRequest):
        Billing(database)


def test_a_broken_url_is_not_repeated() -> None:
    """It may hold a password."""
    with pytest.raises(InvalidRequest) as caught:
        Billing("postgresql:/user:secret@host")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("given", ["sqlite:///app.db", "sqlite+aiosqlite:///app.db"])
def test_an_old_sqlite_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot update from a list of rows is named before anything is tried."""
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 32, 3))
    with pytest.raises(InvalidRequest, match=r"3\.33"):
        Billing(given)
    with pytest.raises(InvalidRequest, match=r"3\.33"):
        Billing(create_engine("sqlite:///app.db"))
