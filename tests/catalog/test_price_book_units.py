"""An allowance of what a price book prices counts as the quantity does: money, to its digits."""

from tollkeeper import Catalog
from tollkeeper.values.units import CURRENCY_SCALE

LIST = """
currency = "usd"
[features.chat]
price_book = "llm"
[price_books.llm]
[plans.pro]
allowances.chat = "5 / month"
"""


def test_its_own_unit_has_the_scale_of_its_quantity() -> None:
    catalog = Catalog.from_toml(LIST)
    (own,) = [unit for unit in catalog.declared_units() if unit.key == "chat"]
    assert own.scale == catalog.scale("chat") == CURRENCY_SCALE
