"""The form of the rooms: whoever opens one finds all of it."""

import pytest

from tollkeeper.operations.books import Books
from tollkeeper.operations.credits import Credits
from tollkeeper.operations.customers import Customers
from tollkeeper.operations.jobs import Jobs
from tollkeeper.operations.wallet import Wallet


@pytest.mark.parametrize("room", [Credits, Wallet, Customers, Books, Jobs])
def test_every_verb_of_a_room_stands_in_its_own_class(room: type) -> None:
    """A room is put together from no other class."""
    assert room.__bases__ == (object,)
