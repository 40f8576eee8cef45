"""Who listens to what in this process: the functions that an app registered with `billing.on`."""

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.outbox import Outbox
from tollkeeper.notices import KINDS, ON_DEMAND, Notice

#: What an app registers: it gets a notice; what it gives back does not matter, unless it is to be
#: awaited.
Callback = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One registered function."""

    #: Its name, the same in every process that registers the same functions in the same order.
    name: str
    kinds: tuple[type[Notice], ...]
    function: Callback

    def hears(self, kind: type[Notice]) -> bool:
        """Tell whether it wants notices of this kind."""
        return issubclass(kind, self.kinds)


class Subscribers:
    """The registered functions of one `Billing`, in the order in which they were registered."""

    def __init__(self, outbox: Outbox, *, may_await: bool) -> None:
        self._outbox = outbox
        self._may_await = may_await
        # Replaced as a whole, so that a runner can read it at any moment without a lock.
        self._all: tuple[Subscriber, ...] = ()

    def add(self, kinds: tuple[type[Notice], ...], function: Callback) -> None:
        """Register a function; from now on the kinds that it names are written, if they were not.

        Raises:
            InvalidRequest: a kind is no notice, the function cannot be called, or it is to be
                awaited where nobody can.
        """
        _check_kinds(kinds)
        if not callable(function):
            raise InvalidRequest("billing.on registers a function that takes a notice.")
        if inspect.iscoroutinefunction(function) and not self._may_await:
            raise InvalidRequest(
                "This function is to be awaited: register it with AsyncBilling, or write it "
                "without async."
            )
        named = Counter(each.name.partition("#")[0] for each in self._all)
        name = _name_of(function)
        number = named[name] + 1
        unique = name if number == 1 else f"{name}#{number}"
        self._all = (*self._all, Subscriber(unique, kinds, function))
        named_kinds = {kind.kind for kind in kinds}
        self._outbox.ask_for(
            kind
            for kind, each in KINDS.items()
            if issubclass(each, kinds) and (kind in named_kinds or kind not in ON_DEMAND)
        )

    def kinds(self) -> tuple[str, ...]:
        """Name the kinds that somebody here listens to, in a fixed order."""
        return tuple(
            name for name, kind in KINDS.items() if any(each.hears(kind) for each in self._all)
        )

    def of(self, notice: Notice) -> list[Subscriber]:
        """Give who hears a notice, in the order of registration."""
        return [each for each in self._all if each.hears(type(notice))]


def _check_kinds(kinds: tuple[object, ...]) -> None:
    for kind in kinds:
        if not (inspect.isclass(kind) and issubclass(kind, Notice)):
            raise InvalidRequest(
                "billing.on takes kinds of notices, such as CreditsLow, or Notice for all of them."
            )
    if not kinds:
        raise InvalidRequest("Name what to listen to, such as billing.on(CreditsLow).")


def _name_of(function: Callback) -> str:
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}".replace("#", "")
