"""A SQLite file that is removed or replaced while it is open: no call is answered and lost."""

import shutil
from pathlib import Path

import pytest

from tests.doors.scenes import UNIT
from tollkeeper import Billing
from tollkeeper.errors import NotMigrated


def test_a_replaced_file_is_opened_anew(tmp_path: Path) -> None:
    """A backup that is moved into its place is what everybody reads and writes from then on."""
    books, backup = tmp_path / "books.db", tmp_path / "backup.db"
    with Billing(f"sqlite:///{books}") as billing:
        billing.migrate()
        billing.credits.grant("user_1", UNIT, 10)
    shutil.copyfile(books, backup)
    with Billing(f"sqlite:///{books}") as billing:
        billing.credits.consume("user_1", UNIT, 4)
        assert billing.credits.balance("user_1", UNIT).available == 6
        for log in ("-wal", "-shm"):
            Path(f"{books}{log}").unlink(missing_ok=True)
        backup.replace(books)
        assert billing.credits.balance("user_1", UNIT).available == 10
        billing.credits.consume("user_1", UNIT, 1)
    with Billing(f"sqlite:///{books}") as billing:
        assert billing.credits.balance("user_1", UNIT).available == 9
        assert billing.books.audit().findings == ()


def test_no_call_is_answered_into_a_removed_file(tmp_path: Path) -> None:
    """Who removes the file gets an error for the next call, and can begin anew."""
    books = tmp_path / "books.db"
    with Billing(f"sqlite:///{books}") as billing:
        billing.migrate()
        billing.credits.grant("user_1", UNIT, 10)
        for name in ("", "-wal", "-shm"):
            Path(f"{books}{name}").unlink(missing_ok=True)
        with pytest.raises(NotMigrated):
            billing.credits.consume("user_1", UNIT, 1)
        with pytest.raises(NotMigrated):
            billing.credits.balance("user_1", UNIT)
        billing.migrate()
        billing.credits.grant("user_1", UNIT, 3)
        assert billing.credits.balance("user_1", UNIT).available == 3
