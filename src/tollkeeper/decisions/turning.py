"""A plan is taken or ends, a billing period begins, and rates begin anew with it (C2). Pure.

What limits have counted is left alone: a counter belongs to its window, and taking another plan
refills none (C4).
"""

from tollkeeper.decisions.counting import PRICED
from tollkeeper.decisions.tallies import Counter, Tally
from tollkeeper.decisions.windows import period_of


def turned(own: Tally, now: int) -> Tally:
    """End what rates of the period have counted, where the running period began later."""
    start, _ = period_of(own, now)
    counters = tuple([_ended(counter, start) for counter in own.counters])
    return own if counters == own.counters else own._replace(counters=counters)


def _ended(counter: Counter, start: int) -> Counter:
    is_older = counter.name.startswith(PRICED) and counter.start < start < counter.end
    return counter._replace(end=start) if is_older else counter
