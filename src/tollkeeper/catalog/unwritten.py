"""The price list of an app without one: each feature is paid from its own unit, one for one.

So `charge` works before there is a catalog, as `consume` does: any key is good.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from tollkeeper.catalog.rates import flat
from tollkeeper.catalog.terms import Metering, PolicyTerms, Step, Terms
from tollkeeper.values.units import CREDITS_SCALE, credits_unit


class Unwritten:
    """What a charge costs where no catalog says it."""

    #: No catalog, no version.
    version = ""
    #: The defaults of the rules.
    policy_terms = PolicyTerms()

    def scale(self, feature: str) -> int:
        """Give the decimal digits of a quantity: those of its unit."""
        return credits_unit(feature).scale

    def terms(
        self,
        feature: str,
        plans: tuple[str, ...],  # noqa: ARG002  # the port's signature
        currency: str | None,  # noqa: ARG002  # the port's signature
        dimensions: Mapping[str, str],  # noqa: ARG002  # the port's signature
        at: datetime | None = None,  # noqa: ARG002  # the port's signature
    ) -> Terms:
        """Pay one of the feature's own unit for each."""
        return _terms(feature)

    def metering(self, feature: str) -> Metering:
        """Sum quantities."""
        return Metering(self.scale(feature))

    def low_balance(self, unit: str, plans: tuple[str, ...]) -> int | None:  # noqa: ARG002  # the port's signature
        """Know no threshold."""
        return None


@lru_cache(maxsize=4096)
def _terms(feature: str) -> Terms:
    unit = credits_unit(feature, CREDITS_SCALE).key
    return Terms(feature, CREDITS_SCALE, (Step(unit, "unit", unit, flat(1, 1)),))
