"""What changes between two catalogs, in words, and what it does to customers (D9). Pure.

It says what differs, of which kind the effect is, and for whom it holds: whoever has a plan keeps
what it said when it was sold to him. How many these are is the books' to say. Two things are
refused: another scale of what is kept in the books, and another past of a rate card.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tollkeeper.catalog.limits import QUANTITY, name_of, window_of
from tollkeeper.catalog.looking import scale_of
from tollkeeper.catalog.mistakes import Path, written
from tollkeeper.catalog.plans import LimitRule
from tollkeeper.catalog.scalars import to_moment
from tollkeeper.catalog.waterfalls import known_units
from tollkeeper.values.texts import canonical_json

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog

Kind: TypeAlias = Literal["added", "removed", "changed"]

#: What a change touches: what is paid, what is granted, what may be used, what customers are told,
#: what they see, or what providers know.
Effect: TypeAlias = Literal["money", "balances", "access", "notices", "display", "provider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that a new catalog says otherwise."""

    #: `added`, `removed` or `changed`.
    kind: Kind
    #: Where: `plans.pro.allowances.credits`.
    path: str
    #: What the old catalog says; None where it says nothing.
    before: str | None
    #: What the new catalog says; None where it says nothing.
    after: str | None
    #: What it means, in a sentence.
    meaning: str
    #: What it touches.
    effect: Effect
    #: Whether the new catalog cannot be applied because of it.
    is_refused: bool = False

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        values = [value for value in (self.before, self.after) if value is not None]
        refused = "REFUSED: " if self.is_refused else ""
        shown = " → ".join(_shortened(value) for value in values)
        return f"{sign} {self.path}: {shown} ({refused}{self.meaning})"


def differences(
    old: "Catalog", new: "Catalog", *, at: datetime | None = None
) -> tuple[Difference, ...]:
    """Tell what a new catalog changes.

    Args:
        old: the catalog that holds.
        new: the one that is to hold.
        at: the moment of the change: rate cards that begin later may still be rewritten. Without
            it none may.
    """
    found = list(_rescaled(old, new))
    before, after = _data(old), _data(new)
    found += _recarded(before.pop("rates", {}), after.pop("rates", {}), at)
    found += [_difference(*changed) for changed in _changes((), before, after)]
    refused = {difference.path for difference in found if difference.is_refused}
    return tuple(each for each in found if each.is_refused or each.path not in refused)


def rescaled_since(
    earlier: Iterable["Catalog"], old: "Catalog | None", new: "Catalog"
) -> Iterator[Difference]:
    """Find features that an earlier catalog counted otherwise, and the one that holds lacks."""
    found: dict[str, int] = {}
    for catalog in earlier:
        for key in catalog.features.keys() & new.features.keys():
            before, is_told = scale_of(catalog, key), old is not None and key in old.features
            if before != scale_of(new, key) and not is_told:
                found.setdefault(key, before)
    for key, before in sorted(found.items()):
        what = f"an earlier catalog counted {key!r} with {before} decimal digits"
        path: Path = ("features", key, "scale")
        yield _refused(path, before, scale_of(new, key), f"{what}; declare another feature")


def _data(catalog: "Catalog") -> dict[str, Any]:
    """Write a catalog as data in which lists are told apart by what they say, not by place."""
    data: dict[str, Any] = json.loads(catalog.canonical())
    for mode in ("test", "live"):
        for plan in data.get(mode, {}).get("plans", {}).values():
            plan["prices"] = _named(plan.get("prices") or (), _price_name)
    for plan in data.get("plans", {}).values():
        plan["prices"] = _named(plan.get("prices", ()), _price_name)
        plan["limits"] = _named(plan.get("limits", ()), _limit_name)
    data["limits"] = _named(data.get("limits", ()), _limit_name)
    # With their defaults, so that a policy that is named for the first time has a before.
    data["policies"] = catalog.policies.model_dump(mode="json", by_alias=True)
    return data


def _named(values: Any, name: Any) -> dict[str, Any]:
    return {name(value): value for value in values}


def _price_name(price: Mapping[str, Any]) -> str:
    currency = price["amount"].partition(" ")[2]
    return f"{currency} / {price['every']}" if "every" in price else currency


def _limit_name(limit: Mapping[str, Any]) -> str:
    """Name a limit as it is named everywhere: `image:quantity:customer:day`."""
    rule = LimitRule.model_validate(limit)
    measure = "spend" if rule.spend else rule.unit or QUANTITY
    return rule.name or name_of(rule, measure, window_of(rule))


def _rescaled(old: "Catalog", new: "Catalog") -> Iterator[Difference]:
    """Find units and quantities whose scale changes: what is kept would mean something else."""
    units = known_units(new)
    for key, unit in known_units(old).items():
        if key in units and units[key].scale != unit.scale:
            path: Path = ("units" if key in new.units else "features", key, "scale")
            what = f"{key!r} is kept in the books with {unit.scale} decimal digits for life"
            yield _refused(path, unit.scale, units[key].scale, f"{what}; declare another unit")
    for key in old.features:
        if key not in new.features or key in units:
            continue
        before, after = scale_of(old, key), scale_of(new, key)
        if before != after:
            what = f"what was used of {key!r} is counted with {before} decimal digits"
            yield _refused(
                ("features", key, "scale"), before, after, f"{what}; declare another feature"
            )


def _recarded(
    before: Mapping[str, Any], after: Mapping[str, Any], at: datetime | None
) -> Iterator[Difference]:
    """Compare dated rate cards: new ones are appended; what has begun stays as it is."""
    for name in sorted({*before, *after}):
        old = {card["from"]: card["rate"] for card in before.get(name, ())}
        new = {card["from"]: card["rate"] for card in after.get(name, ())}
        latest = max(map(to_moment, old), default=None)
        for start in sorted({*old, *new}):
            if old.get(start) == new.get(start):
                continue
            path: Path = ("rates", name, start[:10])
            begun = at is None or to_moment(start) <= at
            if start in old and begun:
                why = f"this card has held since {start[:10]}; append a card instead"
                yield _refused(path, old.get(start), new.get(start), why)
            elif start not in old and begun and latest is not None and to_moment(start) <= latest:
                why = "it would change a time that is past; append a card that begins later"
                yield _refused(path, None, new[start], why)
            else:
                yield _difference(path, old.get(start), new.get(start))


def _changes(path: Path, before: Any, after: Any) -> Iterator[tuple[Path, Any, Any]]:
    """Walk down both sides together to where a reader would say that something differs."""
    if before == after:
        return
    inside = isinstance(before, Mapping) and isinstance(after, Mapping)
    section = isinstance(before or {}, Mapping) and isinstance(after or {}, Mapping)
    if (inside and len(path) < _depth(path)) or (section and len(path) < 2 and _is_section(path)):
        for key in sorted({*(before or {}), *(after or {})}):
            yield from _changes((*path, key), (before or {}).get(key), (after or {}).get(key))
        return
    yield path, before, after


def _is_section(path: Path) -> bool:
    return not path or path[0] not in _SINGLE


#: Sections that are one value.
_SINGLE: Final = ("currency", "unit", "default_plan", "waterfall", "sign_up")


def _depth(path: Path) -> int:
    """Tell how deep a reader looks: down to one price or id, and into one allowance or limit."""
    if path and path[0] in ("test", "live"):
        return 5
    return 5 if len(path) > 2 and path[2] in ("allowances", "limits") else 4


def _difference(path: Path, before: Any, after: Any) -> Difference:
    kind = _kind(before, after)
    effect, meaning = _meaning(path, kind, after)
    return Difference(
        kind=kind,
        path=written(path),
        before=_shown(before),
        after=_shown(after),
        meaning=meaning,
        effect=effect,
    )


def _refused(path: Path, before: Any, after: Any, why: str) -> Difference:
    return Difference(
        kind=_kind(before, after),
        path=written(path),
        before=_shown(before),
        after=_shown(after),
        meaning=why,
        effect="balances" if path[-1] == "scale" else "money",
        is_refused=True,
    )


def _kind(before: Any, after: Any) -> Kind:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1:
        return _shown(value[0])
    if isinstance(value, Mapping) and value.keys() == {"amount", "every"}:
        return f"{value['amount']} / {value['every']}"
    return canonical_json(value)


def _shortened(value: str) -> str:
    """Write a long table by its beginning; `before` and `after` have it whole."""
    return value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]} …"


def _meaning(path: Path, kind: Kind, after: Any = None) -> tuple[Effect, str]:
    """Say what a change means: by its section and field, as far down as is known."""
    section = str(path[0])
    if section == "sign_up" and kind == "removed":
        return "balances", "new customers are not given it any more"
    if section == "features" and len(path) == 2 and kind == "added":
        return "access", _NEW_FEATURES.get(after.get("type", "metered"), "it can be charged")
    if len(path) == 2 and kind != "changed":
        effect, added, removed = _WHOLES.get(section, ("display", "it is new", "it is gone"))
        return effect, added if kind == "added" else removed
    field = str(path[2]) if len(path) > 2 else str(path[-1])
    said = _FIELDS.get((section, field))
    if said is not None:
        for_whom = "" if (section, field) in _FOR_ALL else _FOR_WHOM.get(section, "")
        return said[0], said[1] + for_whom
    return _ANYWHERE.get(field) or _SECTIONS.get(section) or ("display", "it is shown so")


#: Most characters of a value that a line shows.
LONGEST_SHOWN: Final = 80

#: What can be done with a new feature, by its type.
_NEW_FEATURES: Final = {
    "boolean": "plans can include it",
    "value": "plans can set it",
    "gauge": "plans can say how many there may be",
}

#: For whom it holds: a subscription keeps what it was sold with.
_FOR_WHOM: Final = {
    "plans": "; it holds for who subscribes from now on, and others keep what was sold to them",
    "features": "; who has a plan keeps what was sold to him",
}

#: What holds for everybody at once, whatever his plan said when it was sold.
_FOR_ALL: Final = frozenset(
    {("features", "price_book"), ("features", "markup"), ("features", "currency")}
)

_WHOLES: Final[dict[str, tuple[Effect, str, str]]] = {
    "plans": (
        "money",
        "it can be subscribed to",
        "nobody can subscribe to it any more; who has it keeps it",
    ),
    "features": (
        "access",
        "it can be charged",
        "a charge of it is refused, but of who has a plan that was sold with it",
    ),
    "units": (
        "balances",
        "credits of it can be granted",
        "no credits of it can be granted; what customers hold of it has no use",
    ),
    "packs": ("money", "it can be bought", "it can no longer be bought"),
    "top_ups": ("money", "it can be bought", "it can no longer be bought, by rules neither"),
    "promotions": ("balances", "its code gives credits", "its code gives nothing any more"),
    "price_books": ("money", "features can be priced by it", "nothing is priced by it any more"),
    "limits": (
        "access",
        "it limits who has no plan yet; who has one keeps the limits that were sold to him",
        "it limits nobody any more who has no plan yet",
    ),
    "rates": ("money", "from its date on it holds", "it will not hold"),
}

_FIELDS: Final[dict[tuple[str, str], tuple[Effect, str]]] = {
    ("plans", "prices"): ("money", "what the plan costs changes"),
    ("plans", "allowances"): ("balances", "what the plan grants changes"),
    ("plans", "grants"): ("balances", "allowances are granted by us, or by you"),
    ("plans", "entitlements"): ("access", "what the plan lets one use changes"),
    ("plans", "limits"): ("access", "how much may be used on the plan changes"),
    ("plans", "waterfall"): ("money", "who pays on this plan, and in which order, changes"),
    ("plans", "wallet"): ("money", "what the wallet pays on this plan changes"),
    ("plans", "usage"): ("money", "what is billed later on this plan changes"),
    ("plans", "overage"): ("money", "what is paid beyond the allowance changes"),
    ("plans", "trial"): ("money", "new subscribers try it so"),
    ("plans", "seats"): ("money", "how seats are counted changes"),
    ("plans", "group"): ("access", "which plans exclude one another changes"),
    ("plans", "add_on"): ("access", "whether it stands beside other plans changes"),
    ("features", "type"): ("access", "whether it is charged for, or had, changes"),
    ("features", "cost"): ("money", "what one costs in credits changes"),
    ("features", "rate"): ("money", "what one costs in money changes"),
    ("features", "price_book"): ("money", "what prices it changes"),
    ("features", "markup"): ("money", "what is added to vendors' prices changes"),
    ("features", "currency"): ("money", "the currency of its quantity changes"),
    ("features", "at_limit"): ("access", "what happens beyond a limit changes"),
    ("features", "whole"): ("money", "whether a unit may be split among payers changes"),
    ("features", "meter"): ("money", "how its usage is summed changes"),
    ("features", "of"): ("money", "what its usage counts changes"),
    ("units", "overdraft"): ("balances", "how far balances may go below zero changes"),
    ("units", "priority"): ("balances", "the burn priority of new grants changes"),
    ("units", "priorities"): ("balances", "the burn priority of new grants changes"),
    ("units", "approve_above"): ("access", "which grants need a second person changes"),
    ("wallet", "overdraft"): ("balances", "how far wallets may go below zero changes"),
    ("policies", "warn_at"): ("notices", "when limits warn changes"),
    ("policies", "notices"): ("notices", "which notices are sent changes"),
    ("policies", "least_margin"): ("notices", "when low margins warn changes"),
    ("policies", "unknown_customers"): ("access", "who may use the app unannounced changes"),
    ("policies", "hold_lifetime"): ("access", "how long holds can be extended changes"),
    ("policies", "late_usage"): ("money", "which late events go to their own period changes"),
}

_SHOWN: Final[tuple[Effect, str]] = ("display", "what customers read changes")

_ANYWHERE: Final[dict[str, tuple[Effect, str]]] = {
    "name": _SHOWN,
    "description": _SHOWN,
    "highlights": _SHOWN,
    "is_public": ("display", "whether the pricing page shows it changes"),
    "low_balance": ("notices", "when a low balance warns changes"),
    "ids": ("provider", "what the provider calls it changes"),
    "scale": ("balances", "its decimal digits change"),
}

_SECTIONS: Final[dict[str, tuple[Effect, str]]] = {
    "currency": ("money", "customers without a currency, on plans of several, pay in it"),
    "unit": ("display", "the unit that is meant where none is named changes"),
    "default_plan": ("access", "customers without a subscription are treated so"),
    "waterfall": (
        "money",
        "who pays, and in which order, changes where plans say nothing; who has a plan keeps what "
        "was sold to him",
    ),
    "sign_up": ("balances", "new customers are given it"),
    "packs": ("money", "who buys it from now on gets it so"),
    "top_ups": ("money", "who buys from now on buys so"),
    "promotions": ("balances", "who uses its code from now on gets it so"),
    "price_books": ("money", "what models cost changes"),
    "policies": ("money", "how this case is decided changes"),
    "limits": (
        "access",
        "how much customers may use changes; who has a plan keeps what was sold to him",
    ),
    "rates": ("money", "from its date on it holds"),
    "test": ("provider", "the test mode differs otherwise"),
    "live": ("provider", "the live mode differs otherwise"),
}
