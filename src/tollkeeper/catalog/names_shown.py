"""What people call things of a catalog, and how numbers are written for them. Owns no sentence."""

from decimal import Decimal
from typing import TYPE_CHECKING

from tollkeeper.catalog.scalars import write_amount

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


def titled(key: str) -> str:
    """Make a name of a key.

    >>> titled("api_calls")
    'Api calls'
    """
    return key.replace("_", " ").replace("-", " ").capitalize()


def feature_name(catalog: "Catalog", key: str) -> str:
    """Give what people call a feature."""
    feature = catalog.features.get(key)
    return titled(key) if feature is None or not feature.name else feature.name


def unit_name(catalog: "Catalog", unit: str) -> str:
    """Give what people call a unit: its own name, or that of its feature."""
    if unit in catalog.units and catalog.units[unit].name:
        return str(catalog.units[unit].name)
    if unit in catalog.features and catalog.features[unit].name:
        return str(catalog.features[unit].name)
    return unit.replace("_", " ")


def grouped(amount: Decimal) -> str:
    """Write a number with its thousands apart.

    >>> grouped(Decimal("12000.50"))
    '12,000.5'
    """
    whole, point, decimals = write_amount(amount).partition(".")
    return f"{int(whole):,}{point}{decimals}"
