"""The units this process knows: declared, confirmed by the database, or proposed by default.

A unit's kind and scale never change, so what the database has confirmed is remembered for good.
"""

import time
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace

from tollkeeper.errors import UnitMismatch
from tollkeeper.values.units import MONEY_PREFIX, Unit, credits_unit, currency_unit

#: How long a unit counts as absent after it was looked for.
ABSENT_SECONDS = 1.0
MOST_ABSENT = 1000


class Units(Mapping[str, Unit]):
    """A mapping from unit keys to units that can always answer for a valid key."""

    def __init__(self, declared: Iterable[Unit] = (), *, is_complete: bool = False) -> None:
        #: Whether credits neither declared nor in the books are refused: a catalog says so.
        self.is_complete = is_complete
        self._declared = {unit.key: unit for unit in declared}
        self._confirmed: MutableMapping[str, Unit] = {}
        #: Keys that were not in the books when these were last read, and when that was.
        self._absent: dict[str, float] = {}

    def apart(self) -> "Units":
        """Give units that know what these know, but keep to themselves what they learn."""
        made = Units(is_complete=self.is_complete)
        made._declared, made._absent = self._declared, self._absent
        made._confirmed = ChainMap({}, self._confirmed)
        return made

    def __getitem__(self, key: str) -> Unit:
        """Give the unit: confirmed, else as it would be registered."""
        return self._confirmed.get(key) or self.proposed(key)

    def __iter__(self) -> Iterator[str]:
        """Walk over the confirmed units."""
        return iter(self._confirmed)

    def __len__(self) -> int:
        """Count the confirmed units."""
        return len(self._confirmed)

    def is_confirmed(self, key: str) -> bool:
        """Tell whether the database holds this unit."""
        return key in self._confirmed

    def may_be_used(self, key: str) -> bool:
        """Tell whether amounts can be scaled: it is confirmed, or was just looked for in vain.

        Should somebody define it otherwise this very moment, the ledger notices and refuses.
        """
        return key in self._confirmed or time.monotonic() < self._absent.get(key, 0.0)

    def is_known(self, key: str) -> bool:
        """Tell whether credits may be named so: declared, in the books, or anything goes."""
        return not self.is_complete or key in self._declared or key in self._confirmed

    @property
    def names(self) -> list[str]:
        """Name the credits that are known."""
        known = {*self._declared, *self._confirmed}
        return sorted(key for key in known if not key.startswith(MONEY_PREFIX))

    def looked_for(self, key: str) -> None:
        """Remember for a moment that the books do not hold a unit."""
        if len(self._absent) > MOST_ABSENT:
            self._absent.clear()
        self._absent[key] = time.monotonic() + ABSENT_SECONDS

    def proposed(self, key: str) -> Unit:
        """Give the unit as declared, or with the default scale of its kind."""
        declared = self._declared.get(key)
        if declared is not None:
            return declared
        if key.startswith(MONEY_PREFIX):
            return currency_unit(key.removeprefix(MONEY_PREFIX))
        return credits_unit(key)

    def declare(self, units: Iterable[Unit]) -> None:
        """Take the units of a catalog that was put into force; what is declared stays known.

        From now on a unit that nobody declared, and that the books do not hold, is a mistake.
        """
        self._declared = {**self._declared, **{unit.key: unit for unit in units}}
        self.is_complete = True

    def confirm(self, stored: Iterable[Unit]) -> None:
        """Remember what the database holds; a declared overdraft limit wins over the stored one."""
        for unit in stored:
            self._confirmed[unit.key] = self.checked(unit)

    def checked(self, stored: Unit) -> Unit:
        """Compare a stored unit with its declaration; raise UnitMismatch where they differ."""
        declared = self._declared.get(stored.key)
        if declared is None:
            return stored
        if (declared.kind, declared.scale) != (stored.kind, stored.scale):
            raise UnitMismatch(
                f"{stored.key!r} is declared with scale {declared.scale}, but the books keep it "
                f"with scale {stored.scale}; a unit's scale is fixed for life.",
                unit=stored.key,
            )
        return replace(stored, overdraft=declared.overdraft)
