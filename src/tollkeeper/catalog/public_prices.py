"""Whom the public list of model prices knows by name, where it is installed.

Owns the look at the names alone: a typed name is told from a known one before any call is made. It
must never read a price, nor fail where genai-prices is missing: nothing is known then.
"""

from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any

from tollkeeper.values.vendors import SAME_VENDOR


def vendors() -> frozenset[str]:
    """Name the vendors of the list; none where it is not installed."""
    return frozenset(provider.id for provider in _providers())


def spellings() -> frozenset[str]:
    """Name the vendors of the list and what else they are called."""
    return vendors() | SAME_VENDOR.keys() if vendors() else frozenset()


def models(vendor: str) -> frozenset[str]:
    """Name the models of the vendors that a pattern fits, as the list writes them."""
    return frozenset(
        model.id
        for provider in _providers()
        if fnmatchcase(provider.id, vendor)
        for model in provider.models
    )


def may_know(vendor: str, model: str) -> bool:
    """Tell whether the list may know a model by this name or pattern, of vendors by theirs.

    Dated names of a known model count as known: what follows its name is the vendor's own matter.
    """
    start = model.partition("*")[0]
    if not start:
        return True
    for known in models(vendor):
        if fnmatchcase(known, model) or known.startswith(start) or start.startswith(known):
            return True
    return any(
        provider.find_model(model.replace("*", ""), all_providers=_providers()) is not None
        for provider in _providers()
        if fnmatchcase(provider.id, vendor)
    )


@cache
def _providers() -> list[Any]:
    try:
        return list(import_module("genai_prices.data").providers)
    except ModuleNotFoundError as error:
        if error.name != "genai_prices":
            raise
        return []
