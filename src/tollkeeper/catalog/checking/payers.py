"""Who pays, as a catalog says it: waterfalls that mean something, and nothing twice."""

from collections.abc import Iterator, Sequence
from typing import Final

from tollkeeper.catalog.checking.looks import Check, Finding, Look, allowances
from tollkeeper.catalog.checking.names import unknown
from tollkeeper.catalog.mistakes import Path
from tollkeeper.catalog.waterfalls import DEFAULT, POOL, WORDS


def _words(look: Look) -> Iterator[Finding]:
    known = {*look.units(), *WORDS}
    yield from _waterfall(("waterfall",), look.catalog.waterfall, known)
    for key, plan in look.catalog.plans.items():
        yield from _waterfall(("plans", key, "waterfall"), plan.waterfall, known)


def _waterfall(path: Path, words: Sequence[str], known: set[str]) -> Iterator[Finding]:
    for place, word in enumerate(words):
        if word not in known:
            yield (*path, place), unknown("unit", word, known)
        elif word in words[:place]:
            yield (*path, place), f"{word!r} stands here twice; nobody pays at two places"


def _pools(look: Look) -> Iterator[Finding]:
    """Where a feature may be paid from several pools, the waterfall says in which order."""
    catalog = look.catalog
    several = {key: list(f.cost) for key, f in catalog.features.items() if len(f.cost) > 1}
    waterfalls = {("waterfall",): catalog.waterfall or DEFAULT} | {
        ("plans", key, "waterfall"): plan.waterfall
        for key, plan in catalog.plans.items()
        if plan.waterfall
    }
    for path, words in waterfalls.items():
        for key, pools in several.items():
            if POOL in words and not set(pools) <= set(words):
                listed = " and ".join(repr(pool) for pool in pools)
                yield (
                    path,
                    f"{key!r} can be paid from {listed}; name them in the order in which they pay, "
                    f"such as {[*pools, 'wallet']}",
                )


def _ids(look: Look) -> Iterator[Finding]:
    """No two things of a kind share a provider's id."""
    for mode in (None, "test", "live"):
        root = look.catalog if mode is None else getattr(look.catalog, mode)
        for section in ("plans", "packs", "top_ups", "features"):
            seen: dict[tuple[str, str], str] = {}
            for key, sold in (getattr(root, section) if root else {}).items():
                path: Path = tuple(part for part in (mode, section, key, "ids") if part)
                for provider, name in sold.ids.items():
                    first = seen.setdefault((provider, name), key)
                    if first != key:
                        yield (*path, provider), f"{first!r} has the id {name!r} already"


def _renewals(look: Look) -> Iterator[Finding]:
    """Seats multiply allowances only where there are seats, and free plans have no trial."""
    for key, plan in look.catalog.plans.items():
        if plan.trial is not None and not plan.prices:
            yield ("plans", key, "trial"), "a free plan has nothing to try before paying"
        seats = plan.seats
        if seats is not None and seats.maximum is not None and seats.maximum < seats.minimum:
            yield ("plans", key, "seats", "maximum"), "the most seats are fewer than the fewest"
    for path, _, allowance in allowances(look):
        plan_key = str(path[1])
        seated = look.catalog.plans[plan_key].seats is not None
        if "per_seat" in allowance.model_fields_set and not seated:
            yield (*path, "per_seat"), f"the plan {plan_key!r} counts no seats"


CHECKS: Final[tuple[Check, ...]] = (_words, _pools, _ids, _renewals)
