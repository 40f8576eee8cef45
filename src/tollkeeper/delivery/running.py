"""What both runners share: how long to sleep after a run. Pure."""

from typing import Final, NamedTuple

from tollkeeper.errors import InvalidRequest
from tollkeeper.values.findings import DueReport

#: How long a runner sleeps when nothing wakes it, unless it is told otherwise.
INTERVAL_SECONDS: Final = 1.0
#: The longest sleep after failures.
LONGEST_SLEEP_SECONDS: Final = 60.0


class Rhythm(NamedTuple):
    """How a runner sleeps: its interval, and how often it failed one after another."""

    interval_seconds: float
    failures: int = 0

    def failed(self) -> "Rhythm":
        """Count a failure."""
        return self._replace(failures=self.failures + 1)

    def ran(self) -> "Rhythm":
        """Forget the failures."""
        return self._replace(failures=0)

    def sleep_seconds(self, report: DueReport | None) -> float:
        """Say how long to sleep: not at all while there is more to do, longer after failures."""
        if report is not None and not report.is_done and not report.skipped and _moved(report):
            return 0.0
        doubled = self.interval_seconds * 2.0 ** min(self.failures, 10)
        return max(self.interval_seconds, min(doubled, LONGEST_SLEEP_SECONDS))


def check_interval(seconds: object) -> float:
    """Give the interval of a runner, or refuse it."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidRequest("interval_seconds is a number of seconds, such as 1.0.")
    if not 0.01 <= seconds <= 3600:
        raise InvalidRequest("interval_seconds must be from 0.01 to 3600.")
    return float(seconds)


def _moved(report: DueReport) -> bool:
    """Tell whether a run got anything done; one that did not is not repeated at once."""
    told = report.to_dict()
    return any(report.others.values()) or any(
        told[name] for name in told if type(told[name]) is int
    )
