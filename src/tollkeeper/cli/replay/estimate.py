"""Guesses how many tokens a call will generate from what the stream has shown so far. Pure."""

from typing import Final

#: What is guessed before anything was seen.
FIRST_GUESS: Final = 256
#: Counts above this are taken for this one, so that the memory is the same for every stream.
LARGEST: Final = 8192
#: The share of the calls seen that stay at or below the guess, in percent.
SHARE: Final = 95


class Estimate:
    """The 95th percentile of a stream, kept up to date in constant memory.

    >>> estimate = Estimate()
    >>> estimate.tokens
    256
    >>> for seen in range(1, 101):
    ...     estimate.add(seen)
    >>> estimate.tokens
    95
    """

    __slots__ = ("_below", "_counts", "_place", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (LARGEST + 1)
        self._place = 0
        #: How many were seen that are smaller than the place.
        self._below = 0
        self._total = 0

    @property
    def tokens(self) -> int:
        """The guess for the next call."""
        return self._place if self._total else FIRST_GUESS

    def add(self, tokens: int) -> None:
        """Learn what a call did generate; the place moves to where the share lies now."""
        tokens = min(tokens, LARGEST)
        self._counts[tokens] += 1
        self._total += 1
        self._below += tokens < self._place
        while self._below * 100 >= self._total * SHARE:
            self._place -= 1
            self._below -= self._counts[self._place]
        while (self._below + self._counts[self._place]) * 100 < self._total * SHARE:
            self._below += self._counts[self._place]
            self._place += 1
