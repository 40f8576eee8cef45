"""What a customer has of a feature: whether, which value, how many, how much. Frozen."""

from dataclasses import dataclass
from typing import Any

from tollkeeper.values.entitlements import Entitlement


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureEntitlement:
    """A feature as a customer's plans give it, and what is left of it now."""

    #: The feature's key.
    feature: str
    #: `boolean`, `value`, `gauge` or `metered`.
    type: str
    #: Whether the customer may use it: had, more than none, or one more can be charged now.
    is_allowed: bool
    #: What a plan sets a `value` feature to.
    value: object = None
    #: How many of a gauge there may be at once; None is without an end, or no gauge.
    ceiling: int | None = None
    #: How many of a gauge there are.
    in_use: int | None = None
    #: The plan that says so; None where no plan says anything.
    plan: str | None = None
    #: Of a metered feature: what `check` says of one.
    metered: Entitlement | None = None

    @property
    def left(self) -> int | None:
        """How many more of a gauge there may be; None is without an end, or no gauge."""
        if self.ceiling is None or self.in_use is None:
            return None
        return max(0, self.ceiling - self.in_use)

    def __bool__(self) -> bool:
        """Whether the customer may use it."""
        return self.is_allowed

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "feature": self.feature,
            "type": self.type,
            "is_allowed": self.is_allowed,
            "value": self.value,
            "ceiling": self.ceiling,
            "in_use": self.in_use,
            "left": self.left,
            "plan": self.plan,
            "metered": self.metered.to_dict() if self.metered is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """How many of something a customer has at once, after it went up or down."""

    #: The feature's key.
    feature: str
    in_use: int
    #: How many there may be; None is without an end.
    ceiling: int | None

    @property
    def left(self) -> int | None:
        """How many more there may be; None is without an end."""
        return None if self.ceiling is None else max(0, self.ceiling - self.in_use)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "feature": self.feature,
            "in_use": self.in_use,
            "ceiling": self.ceiling,
            "left": self.left,
        }
