"""What random operations are made of. Few and round values, so that they meet each other often."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

#: One half of a credit, in the smallest parts of a unit of scale 6.
HALF = 500_000

FEATURES = ("chat", "image")

amounts = st.integers(1, 120).map(lambda halves: halves * HALF)
small_amounts = st.integers(1, 40).map(lambda halves: halves * HALF)
signed_amounts = st.integers(-120, 120).map(lambda halves: halves * HALF)
limits = st.none() | st.just(-1) | st.integers(0, 60).map(lambda halves: halves * HALF)
features = st.none() | st.sampled_from(FEATURES)
restrictions = st.sampled_from([(), (), (), ("chat",), ("image",), ("chat", "image")])
priorities = st.none() | st.sampled_from([10, 40, 60])
sources = st.sampled_from(["allowance", "promotion", "purchase", "campaign"])
costs = st.none() | st.integers(0, 30)
#: When a grant begins and ends, from now; None is now and never.
begins = st.none() | st.integers(-2, 6).map(lambda hours: timedelta(hours=hours))
ends = st.none() | st.integers(-1, 12).map(lambda hours: timedelta(hours=hours))
lifetimes = st.integers(1, 24).map(lambda hours: timedelta(hours=hours))
#: How far the clock moves at once: whole hours, so that moments coincide, or nearly so.
steps = st.sampled_from(
    [
        timedelta(microseconds=1),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=1),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(days=1),
    ]
)


def written(minor: int) -> Decimal:
    """Write the smallest parts of a unit of scale 6 as a caller does."""
    return Decimal(minor).scaleb(-6)


def limit_of(minor: int | None) -> Decimal | str | None:
    """Write an overdraft limit as a caller does; -1 stands for no limit at all."""
    if minor is None:
        return None
    return "unlimited" if minor < 0 else written(minor)
