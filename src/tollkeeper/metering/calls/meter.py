"""What a front door has for AI calls: metered, meter, wrap, calling; and their job."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final, TypeVar, Unpack, cast

from tollkeeper.errors import InvalidRequest
from tollkeeper.ledger.change import Ledger
from tollkeeper.metering.books import PriceBook
from tollkeeper.metering.calls import functions
from tollkeeper.metering.calls.books import Books
from tollkeeper.metering.calls.call import MeteredCall, Perform
from tollkeeper.metering.calls.clients import MeteredClient, Wrapping, is_for_tasks
from tollkeeper.metering.calls.ending import Endings
from tollkeeper.metering.calls.estimating import Estimating
from tollkeeper.metering.calls.functions import Metering, Said
from tollkeeper.metering.calls.meters import Meters
from tollkeeper.metering.calls.recording import Recorder
from tollkeeper.metering.calls.running import RunningCall
from tollkeeper.metering.calls.sizing import History
from tollkeeper.metering.calls.terms import CallOptions, FunctionOptions, checked
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.door import Door

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
#: What `calling` said for the calls of this thread or task.
_SAID: ContextVar[Mapping[str, Any]] = ContextVar("tollkeeper_calling", default=_NOTHING)


class Meter:
    """Meters the AI calls of one front door.

    Args:
        ledger: the books.
        door: the front door's own, which runs steps here, or has them awaited.
        beside: runs steps on the thread that asks, whatever the front door does.
        is_async: whether calls are for tasks.
        price_books: price books of the app's own, by the names that the catalog gives them;
            "default" tells the vendors' costs of features that name none.
    """

    def __init__(
        self,
        ledger: Ledger,
        door: Door,
        beside: Perform,
        *,
        is_async: bool,
        price_books: Mapping[str, PriceBook] | None = None,
    ) -> None:
        recorder = Recorder(ledger)
        self._meters = Meters(ledger, recorder, Books(price_books or {}), History(ledger))
        self._desk = Desk(door, ledger)
        #: What calls will cost, and what models do.
        self.estimating = Estimating(self._meters, door.perform)
        self._is_async = is_async
        #: Books what could not be booked at once; a job for `run_due`.
        self.endings = Endings(recorder, beside)

    def metered(self, customer: str, feature: str, **options: Unpack[CallOptions]) -> MeteredCall:
        """Meter one call of an AI vendor: hold before it, settle at what it used.

        Without `hold` the estimate is held. Options are those of `CallOptions`.

        Raises:
            UnknownModel, UnknownVendor: the price book does not know the model (C7).
            InvalidRequest: an option makes no sense; entering it raises what a charge raises.
        """
        running = RunningCall(self._meters, checked(customer, feature, **options))
        return MeteredCall(running, self._desk, self.endings, is_async=self._is_async)

    def meter(
        self,
        feature: str,
        *,
        customer: Said,
        idempotency_key: Said | None = None,
        member: Said | None = None,
        usage: Callable[[Any], object] | None = None,
        **options: Unpack[FunctionOptions],
    ) -> Callable[[F], F]:
        """Meter every call of a function; what it gives is read for its usage.

        `customer`, `idempotency_key` and `member` are names of the function's arguments, or
        functions of all of them. `usage` finds what was used in what the function gives: a
        response, a `ModelUsage`, or a number of the feature's quantity.

        Raises:
            InvalidRequest: the function has no such argument, or is for tasks and this is not.
            InvalidRates: the catalog names a source of prices that was not handed over.
        """
        self._meters.check_books()
        metering = Metering(
            make=self.metered,
            feature=feature,
            customer=customer,
            idempotency_key=idempotency_key,
            member=member,
            usage=usage,
            options=options,
        )

        def decorate(function: F) -> F:
            self._check_kind(functions.is_for_tasks(function), "function")
            return functions.metered_function(metering, function)

        return decorate

    def wrap(
        self,
        client: C,
        *,
        customer: str | None = None,
        feature: str | None = None,
        **options: Unpack[CallOptions],
    ) -> C:
        """Give a vendor's client whose calls of a model are metered; it passes for the client.

        Who pays is said here, by `with billing.calling(customer, feature):`, or in one call:
        `client.messages.create(…, tollkeeper={"customer": "user_1"})`; the nearest wins.

        Raises:
            InvalidRequest: it is no client of OpenAI or Anthropic; or it is for tasks and this
                front door is not, or the other way.
            InvalidRates: the catalog names a source of prices that was not handed over.
        """
        is_async = is_for_tasks(client)
        self._meters.check_books()
        self._check_kind(is_async, "client")
        own = {"customer": customer, "feature": feature, **options}
        wrapping = Wrapping(
            make=self.metered,
            said=_SAID.get,
            options={name: value for name, value in own.items() if value is not None},
            client=client,
            is_async=is_async,
        )
        return cast("C", MeteredClient(wrapping, client))

    @contextmanager
    def calling(
        self, customer: str, feature: str | None = None, **options: Unpack[CallOptions]
    ) -> Iterator[None]:
        """Say who pays for the calls of wrapped clients made inside, by this thread or task."""
        own = {"customer": customer, "feature": feature, **options}
        named = {name: value for name, value in own.items() if value is not None}
        token = _SAID.set({**_SAID.get(), **named})
        try:
            yield
        finally:
            _SAID.reset(token)

    def _check_kind(self, is_async: bool, what: str) -> None:  # noqa: FBT001  # one fact, named by its caller
        if is_async and not self._is_async:
            raise InvalidRequest(f"This {what} is to be awaited: use AsyncBilling.")
        if self._is_async and not is_async:
            raise InvalidRequest(f"This {what} is not awaited: use Billing.")
