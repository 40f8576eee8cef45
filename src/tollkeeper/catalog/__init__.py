"""What is sold: plans, features, packs, rates and limits; loading and checking them. Pure.

It knows no customer and no balance, and reads no clock.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.features import (
        Feature,
        Markup,
        ModelRates,
        PriceBookSettings,
        UnitSettings,
        WalletSettings,
    )
    from tollkeeper.catalog.mistakes import Mistake
    from tollkeeper.catalog.plans import Allowance, LimitRule, Plan, PlanPrice, Seats, Trial
    from tollkeeper.catalog.policies import Mode, Policies
    from tollkeeper.catalog.purchases import AutoTopUp, Gift, Pack, Promotion, TopUp
    from tollkeeper.catalog.written_rates import (
        ByDimension,
        Graduated,
        OnCard,
        Package,
        Quote,
        RateCard,
        Volume,
        WrittenTier,
    )

__all__ = [
    "Allowance",
    "AutoTopUp",
    "ByDimension",
    "Catalog",
    "Feature",
    "Gift",
    "Graduated",
    "LimitRule",
    "Markup",
    "Mistake",
    "Mode",
    "ModelRates",
    "OnCard",
    "Pack",
    "Package",
    "Plan",
    "PlanPrice",
    "Policies",
    "PriceBookSettings",
    "Promotion",
    "Quote",
    "RateCard",
    "Seats",
    "TopUp",
    "Trial",
    "UnitSettings",
    "Volume",
    "WalletSettings",
    "WrittenTier",
]

#: Where each name lives. The models are imported when one is first asked for: what a charge needs
#: of this room is small, and pydantic takes a while.
_HOMES = {
    "catalog": ("Catalog",),
    "features": (
        "Feature",
        "Markup",
        "ModelRates",
        "PriceBookSettings",
        "UnitSettings",
        "WalletSettings",
    ),
    "mistakes": ("Mistake",),
    "plans": ("Allowance", "LimitRule", "Plan", "PlanPrice", "Seats", "Trial"),
    "policies": ("Mode", "Policies"),
    "purchases": ("AutoTopUp", "Gift", "Pack", "Promotion", "TopUp"),
    "written_rates": (
        "ByDimension",
        "Graduated",
        "OnCard",
        "Package",
        "Quote",
        "RateCard",
        "Volume",
        "WrittenTier",
    ),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what there is, asked for or not."""
    return sorted({*globals(), *__all__})
