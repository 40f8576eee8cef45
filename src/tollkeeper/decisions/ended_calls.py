"""What a metered call tells of its end, handed to the books with the end of its hold. Pure data.

It decides nothing: what is charged is the hold's settle or release, and this is written beside it.
"""

from dataclasses import dataclass

from tollkeeper.values.model_calls import CallOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """How a call ended and what it used, as its row tells it."""

    id: str
    outcome: CallOutcome
    #: In the words of `ModelUsage.to_dict`, as canonical JSON.
    usage: str | None
    input_tokens: int
    output_tokens: int
    #: What the vendor takes, at the scale of its currency.
    cost: int | None
    cost_currency: str | None
    vendor: str | None
    model: str | None
    #: The rates that were pinned, as canonical JSON.
    rates: str | None
    #: What is to be known about its numbers.
    marks: tuple[str, ...]
    #: What the vendor answered, where it is kept for a replay.
    answer: str | None
