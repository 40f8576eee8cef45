"""The reference page says what the models say: every table, every key, its default and meaning."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tollkeeper.catalog import Catalog
from tollkeeper.catalog.features import (
    Feature,
    Markup,
    ModelRates,
    PriceBookSettings,
    UnitSettings,
    WalletSettings,
)
from tollkeeper.catalog.plans import Allowance, LimitRule, Plan, PlanPrice, Seats, Trial
from tollkeeper.catalog.policies import (
    FeatureInMode,
    Mode,
    PackInMode,
    PlanInMode,
    Policies,
    TopUpInMode,
)
from tollkeeper.catalog.purchases import AutoTopUp, Gift, Pack, Promotion, TopUp
from tollkeeper.catalog.written_rates import (
    ByDimension,
    Graduated,
    OnCard,
    Package,
    RateCard,
    Section,
    Volume,
    WrittenTier,
)

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "reference" / "catalog.md"

TABLES: tuple[type[BaseModel], ...] = (
    Catalog,
    UnitSettings,
    WalletSettings,
    Feature,
    Package,
    WrittenTier,
    Graduated,
    Volume,
    ByDimension,
    OnCard,
    RateCard,
    Plan,
    PlanPrice,
    Allowance,
    LimitRule,
    Seats,
    Trial,
    Pack,
    Gift,
    TopUp,
    AutoTopUp,
    Promotion,
    PriceBookSettings,
    Markup,
    ModelRates,
    Policies,
    Mode,
    PlanInMode,
    PackInMode,
    TopUpInMode,
    FeatureInMode,
)


def default(field: FieldInfo) -> str:
    """What holds where a key is left out."""
    value = field.default
    if field.is_required():
        return "required"
    if value in (None, (), {}) or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value}`" if isinstance(value, int | Decimal) else f'`"{value}"`'


def rows(model: type[BaseModel]) -> list[str]:
    """The rows of a table on the page."""
    return [
        f"| `{field.alias or name}` | {default(field)} | {meaning(field)} |"
        for name, field in model.model_fields.items()
    ]


def meaning(field: FieldInfo) -> str:
    """What a key means, on one line."""
    return " ".join((field.description or "").split())


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_every_key_stands_on_the_page(model: type[BaseModel]) -> None:
    """In the order of the model, with its default and its meaning, one table each."""
    assert "\n".join(rows(model)) in PAGE.read_text()


def test_no_table_is_left_out() -> None:
    """Every section of the models is on the page."""
    assert set(Section.__subclasses__()) == set(TABLES)


def test_every_method_stands_on_the_page() -> None:
    """What Python code can ask of a catalog."""
    own = {name for name in vars(Catalog) if not name.startswith(("_", "model_"))}
    methods = own - set(Catalog.model_fields)
    told = set(re.findall(r"^\| `(?:Catalog|catalog)\.(\w+)", PAGE.read_text(), re.MULTILINE))
    assert methods - {"compiled", "policy_terms"} == told
