"""How usage events of a feature are metered. Owns the error of features that are not."""

from typing import TYPE_CHECKING

from tollkeeper.catalog.features import Feature
from tollkeeper.catalog.looking import feature_of, scale_of
from tollkeeper.catalog.terms import Metering
from tollkeeper.errors import NotMetered

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog


def metered(catalog: "Catalog", key: str) -> Feature:
    """Give a feature that is used and paid for.

    Raises:
        UnknownFeature: the catalog has none of this key.
        NotMetered: nothing is counted of it.
    """
    feature = feature_of(catalog, key)
    if feature.type != "metered":
        raise NotMetered(
            f"{key!r} is a {feature.type} feature, of which no usage is recorded; give it the type "
            "`metered` in the catalog, or ask for its entitlement instead.",
            feature=key,
        )
    return feature


def metering(catalog: "Catalog", key: str) -> Metering:
    """Say how a feature is metered.

    Raises:
        UnknownFeature: the catalog has none of this key.
        NotMetered: nothing is counted of it.
    """
    feature = metered(catalog, key)
    late = str(catalog.policies.late_usage)
    return Metering(scale_of(catalog, key), feature.meter, feature.of, late)
