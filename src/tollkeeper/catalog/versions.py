"""A catalog's version: what it says, in one text and one short name. Owns both; reads no clock.

Comments, the order of keys and the way numbers are written change neither. Since what equals its
default is left out, a catalog keeps its version when a later release adds a setting.
"""

from hashlib import sha256
from typing import Final

from pydantic import BaseModel

from tollkeeper.values.texts import canonical_json

#: Hexadecimal digits of a version: 64 bits, so that no two catalogs of an app ever share one.
_DIGITS: Final = 16


def canonical_text(catalog: BaseModel) -> str:
    """Write a catalog as JSON with sorted keys, exact numbers as texts, and without defaults."""
    return canonical_json(catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def version_of(canonical: str) -> str:
    """Name a canonical text.

    >>> version_of("{}")
    '44136fa355b3678a'
    """
    return sha256(canonical.encode()).hexdigest()[:_DIGITS]
