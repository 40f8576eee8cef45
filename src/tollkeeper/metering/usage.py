"""What one model call used, and the answer of who reads it. Owns both values and their sums. Pure.

A count is a fact, never a guess in disguise: what was not counted by the vendor says so
(`is_estimated`), and a response without usage is a `Reading` that names the reason, not zeros.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from tollkeeper.errors import InvalidUsage, UsageMismatch
from tollkeeper.values.model_kinds import INPUT_KINDS, KINDS, OUTPUT_KINDS, TOKEN_KINDS, UNKNOWN
from tollkeeper.values.texts import MAXIMUM_ECHO, check_text, echo
from tollkeeper.values.vendors import vendor_name

#: Most of one kind in one usage: far beyond any call, and safe to multiply.
MAXIMUM_COUNT: Final = 10**15

_PRINTED_BITS: Final = 100

#: Pairs of a name and a text, sorted: what a vendor's price depends on beside the model.
Conditions = tuple[tuple[str, str], ...]
#: Pairs of a vendor's own name and a count, sorted.
Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """What calls of one model used: counts that do not overlap, whatever the vendor's own way.

    Usages of one model under the same conditions add up with `+`.

    Raises:
        InvalidUsage: a count is negative, no integer, or beyond 10^15.
        InvalidText: the vendor or the model is empty or too long.

    >>> first = ModelUsage(vendor="openai", model="gpt-4o", input=80, cache_read=20, output=30)
    >>> (first + first).requests, first.input_tokens, first.total_tokens
    (2, 100, 130)
    """

    #: Who runs the model, in small letters: `openai`, `anthropic`, `google` …
    vendor: str
    #: The model, as the vendor names it.
    model: str
    #: Tokens of text (or not told apart) that went in and touched no cache.
    input: int = 0
    #: Tokens of text that were read from the vendor's cache.
    cache_read: int = 0
    #: Tokens that were written to the cache for the vendor's usual time (5 minutes at Anthropic).
    cache_write: int = 0
    #: Tokens that were written to the cache for an hour.
    cache_write_1h: int = 0
    #: Tokens of audio that went in.
    input_audio: int = 0
    #: Tokens of images and documents that went in.
    input_image: int = 0
    #: Tokens of video that went in.
    input_video: int = 0
    #: Tokens of audio that were read from the cache.
    cache_read_audio: int = 0
    #: Tokens of images that were read from the cache.
    cache_read_image: int = 0
    #: Tokens of video that were read from the cache.
    cache_read_video: int = 0
    #: Tokens that came out as text (or not told apart) and were not reasoning.
    output: int = 0
    #: Tokens that the model thought with.
    reasoning: int = 0
    #: Tokens of audio that came out.
    output_audio: int = 0
    #: Tokens of images that came out.
    output_image: int = 0
    #: Tokens of video that came out.
    output_video: int = 0
    #: Tokens of which the vendor did not tell whether they went in or came out.
    undirected: int = 0
    #: Requests to the vendor.
    requests: int = 1
    #: Searches of the web that the vendor made for the call.
    web_searches: int = 0
    #: Searches of stored files that the vendor made for the call.
    file_searches: int = 0
    #: Runs of code at the vendor's.
    code_executions: int = 0
    #: Pages that the vendor fetched.
    web_fetches: int = 0
    #: Characters that were spoken, where a vendor counts those.
    characters: int = 0
    #: Audio by its length, where a vendor counts that and no tokens.
    audio_milliseconds: int = 0
    #: What the price depends on: (("processing", "batch"),), (("service_tier", "flex"),) …
    conditions: Conditions = ()
    #: Counts that the vendor told and that we cannot place: as kinds of a rate card, `unknown.…`.
    unknown: Counts = ()
    #: Counts that we do not know, but which are parts of a count above and priced with it.
    unsplit: Counts = ()
    #: Whether some count is our estimate, because the vendor's own did not arrive.
    is_estimated: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "vendor", vendor_name(self.vendor))
        check_text(self.model, "model")
        for name in KINDS:
            check_count(getattr(self, name), name)
        for told in ("unknown", "unsplit"):
            pairs = getattr(self, told)
            object.__setattr__(self, told, _counted(pairs))
        object.__setattr__(self, "conditions", tuple(sorted(dict(self.conditions).items())))

    @classmethod
    def of(
        cls,
        vendor: str,
        model: str,
        counts: Mapping[str, int],
        *,
        conditions: Conditions = (),
        unknown: Counts = (),
        unsplit: Counts = (),
    ) -> "ModelUsage":
        """Make a usage from counts by kind, as readers find them.

        >>> ModelUsage.of("openai", "gpt-4o", {"input": 10}).input
        10
        """
        named: dict[str, Any] = {**counts, "vendor": vendor, "model": model}
        return cls(**named, conditions=conditions, unknown=unknown, unsplit=unsplit)

    @property
    def counts(self) -> dict[str, int]:
        """What was used, by kind; kinds of which nothing was used are left out."""
        return {name: count for name in KINDS if (count := getattr(self, name))}

    @property
    def all_counts(self) -> dict[str, int]:
        """What was used, by kind, with what only its vendor knows as `unknown.…`."""
        return {**self.counts, **{UNKNOWN + name: count for name, count in self.unknown}}

    @property
    def input_tokens(self) -> int:
        """All tokens that went in, those of the cache included."""
        return _total(self, INPUT_KINDS)

    @property
    def output_tokens(self) -> int:
        """All tokens that came out, reasoning included."""
        return _total(self, OUTPUT_KINDS)

    @property
    def total_tokens(self) -> int:
        """All tokens."""
        return _total(self, TOKEN_KINDS)

    def __add__(self, other: "ModelUsage") -> "ModelUsage":
        if not isinstance(other, ModelUsage):
            return NotImplemented
        _check_same(self, other)
        sums = {name: getattr(self, name) + getattr(other, name) for name in KINDS}
        return replace(
            self,
            **sums,
            unknown=_summed(self.unknown, other.unknown),
            unsplit=_summed(self.unsplit, other.unsplit),
            is_estimated=self.is_estimated or other.is_estimated,
        )

    def to_dict(self) -> dict[str, object]:
        """Write the usage as JSON can carry it, without what is zero or empty.

        >>> ModelUsage(vendor="openai", model="gpt-4o", output=3).to_dict()
        {'vendor': 'openai', 'model': 'gpt-4o', 'output': 3, 'requests': 1}
        """
        told: dict[str, object] = {"vendor": self.vendor, "model": self.model, **self.counts}
        # One request is the default, so none must be written.
        told |= {} if self.requests else {"requests": 0}
        for name in ("conditions", "unknown", "unsplit"):
            if pairs := getattr(self, name):
                told[name] = dict(pairs)
        return told | ({"is_estimated": True} if self.is_estimated else {})

    @classmethod
    def from_dict(cls, told: Mapping[str, object]) -> "ModelUsage":
        """Read what `to_dict` wrote.

        Raises:
            InvalidUsage: it has a field that is none of ours.
        """
        if strange := told.keys() - {each.name for each in fields(cls)}:
            raise InvalidUsage(f"{echo(min(strange))} is no field of a ModelUsage")
        given = {name: _pairs(value) for name, value in told.items()}
        return cls(**given)  # type: ignore[arg-type]  # each field is checked when it is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a response says that it used: a usage for each model and request, or why there is none.

    >>> Reading(missing="the stream was cut").usage
    Traceback (most recent call last):
    tollkeeper.errors.InvalidUsage: the response has no usage: the stream was cut
    """

    #: One usage for each request of which the response tells; several for an agent's run.
    usages: tuple[ModelUsage, ...] = ()
    #: Why usage is missing, wholly or for some of the requests; None when all of it is there.
    missing: str | None = None
    #: Who ran the model, if that is known although its usage is not.
    vendor: str | None = None
    #: The model, if it is known although its usage is not.
    model: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the response tells nothing about what was used."""
        return not self.usages

    @property
    def usage(self) -> ModelUsage:
        """The usage of all requests together.

        Raises:
            InvalidUsage: there is none; the message says why.
            UsageMismatch: they are of several models; take `usages`.
        """
        if not self.usages:
            raise InvalidUsage(f"the response has no usage: {self.missing}")
        first, *others = self.usages
        for other in others:
            first = first + other
        return first


def check_count(value: object, name: str) -> int:
    """Give back a count of something used, or raise `InvalidUsage`.

    >>> check_count(-1, "output")
    Traceback (most recent call last):
    tollkeeper.errors.InvalidUsage: output must be an integer from 0 to 10^15, not -1
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAXIMUM_COUNT:
        raise InvalidUsage(f"{name} must be an integer from 0 to 10^15, not {_shown(value)}")
    return value


def sum_of(usages: "tuple[ModelUsage, ...] | list[ModelUsage]") -> tuple[ModelUsage, ...]:
    """Add up usages that can be added: one for each model and set of conditions.

    >>> call = ModelUsage(vendor="openai", model="gpt-4o", output=3)
    >>> [each.output for each in sum_of([call, call])]
    [6]
    """
    sums: dict[tuple[str, str, Conditions], ModelUsage] = {}
    for usage in usages:
        key = (usage.vendor, usage.model, usage.conditions)
        sums[key] = sums[key] + usage if key in sums else usage
    return tuple(sums.values())


def _total(usage: ModelUsage, kinds: tuple[str, ...]) -> int:
    return sum(getattr(usage, name) for name in kinds)


def _summed(left: Counts, right: Counts) -> Counts:
    both = dict(left)
    for name, count in right:
        both[name] = both.get(name, 0) + count
    return tuple(sorted(both.items()))


def _counted(pairs: Counts) -> Counts:
    return tuple(sorted((name, check_count(count, name)) for name, count in pairs if count))


def _pairs(value: object) -> object:
    return tuple(value.items()) if isinstance(value, Mapping) else value


def _check_same(left: ModelUsage, right: ModelUsage) -> None:
    for name in ("vendor", "model", "conditions"):
        one, other = getattr(left, name), getattr(right, name)
        if one != other:
            raise UsageMismatch(
                f"usages of {name} {echo(str(one))} and {echo(str(other))} do not add up; "
                "price each by itself, or group them with sum_of"
            )


def _shown(value: object) -> str:
    # Python refuses to print an integer of more than 4,300 digits.
    if isinstance(value, int) and value.bit_length() > _PRINTED_BITS:
        return f"one of {value.bit_length()} bits"
    return echo(value) if isinstance(value, str) else repr(value)[:MAXIMUM_ECHO]
