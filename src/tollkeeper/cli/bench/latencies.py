"""Counts how long calls took, in a fixed amount of memory however many they are."""

from typing import Final

#: Up to here, in microseconds, each microsecond has a count of its own.
_FINE: Final = 100_000
#: Beyond it each millisecond has one, up to a minute; the last one counts all that took longer.
_COARSE: Final = 60_000


class Latencies:
    """How often each latency was seen.

    >>> seen = Latencies()
    >>> for seconds in (0.001, 0.002, 0.003, 0.25):
    ...     seen.add(seconds)
    >>> seen.count, seen.at(0.5), seen.at(0.99)
    (4, 3.0, 250.0)
    """

    __slots__ = ("_coarse", "_fine", "count")

    def __init__(self) -> None:
        self.count = 0
        self._fine = [0] * _FINE
        self._coarse = [0] * _COARSE

    def add(self, seconds: float) -> None:
        """Count one call."""
        microseconds = round(seconds * 1e6)
        if microseconds < _FINE:
            self._fine[microseconds] += 1
        else:
            self._coarse[min(microseconds // 1000, _COARSE - 1)] += 1
        self.count += 1

    def at(self, share: float) -> float:
        """Give the latency, in milliseconds, that this share of the calls did not reach."""
        place = min(self.count - 1, int(share * self.count))
        for counts, milliseconds in ((self._fine, 0.001), (self._coarse, 1.0)):
            for step, count in enumerate(counts):
                place -= count
                if place < 0:
                    return round(step * milliseconds, 3)
        return 0.0
