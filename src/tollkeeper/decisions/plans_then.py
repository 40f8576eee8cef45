"""A customer's plans at a moment that is past, as charges know plans. Pure.

The tally knows the plans that are live, and those that ended since it was changed last. What was
used before is rated by the plans of its own time, and lies in their periods, whatever was taken,
cancelled or replaced since (G1); the subscriptions tell them. The law, which `tests/subscriptions`
proves: recording what was used changes nothing by coming later than a change of plans.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tollkeeper.decisions.subscribed import Subscribed, ordered
from tollkeeper.decisions.tallies import OnPlan, Tally
from tollkeeper.values.moments import from_microseconds, to_microseconds


class Then(NamedTuple):
    """A customer's tally with his plans of a span of time."""

    #: From when on, in microseconds.
    start: int
    #: Until when; 0 has no end.
    end: int
    own: Tally

    def covers(self, at: int) -> bool:
        """Tell whether a moment lies in it."""
        return self.start <= at and (not self.end or at < self.end)


def plans_then(found: Iterable[Subscribed], own: Tally, at: int) -> Then:
    """Give the tally with the plans of a past moment, and for how long they were these."""
    known = [(each, *_lived(each)) for each in found]
    turns = [moment for _, start, end in known for moment in (start, end) if moment]
    live = [each for each, start, end in known if start <= at and (not end or at < end)]
    return Then(
        max([turn for turn in turns if turn <= at], default=0),
        min([turn for turn in turns if turn > at], default=0),
        own._replace(plans=ordered([_then(each, at) for each in live])),
    )


def _lived(known: Subscribed) -> tuple[int, int]:
    end = 0 if known.ends_at is None else to_microseconds(known.ends_at)
    return to_microseconds(known.started_at), end


def _then(known: Subscribed, at: int) -> OnPlan:
    """Give a plan with its period then: it ends no later than the plan."""
    plan = known.on_plan(from_microseconds(at))
    return plan._replace(end=min(plan.end, plan.ends)) if plan.ends else plan
