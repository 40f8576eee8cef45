"""`@billing.meter(…)`: functions whose every call is metered, for threads and tasks, streams too.

What the function gives is read for its usage. Who pays is said by an argument of the function, or
worked out from its arguments.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from tollkeeper.errors import InvalidRequest
from tollkeeper.metering.calls.call import MeteredCall
from tollkeeper.metering.calls.iterating import MeteredAsyncIterator, MeteredIterator
from tollkeeper.metering.calls.terms import FunctionOptions
from tollkeeper.values.money import Money
from tollkeeper.values.texts import echo

F = TypeVar("F", bound=Callable[..., Any])

#: Says something of one call: an argument's name, or a function of all arguments.
Said = str | Callable[..., Any]
#: Makes a call for a customer: feature and options are known.
Makes = Callable[..., MeteredCall]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """How the calls of one function are metered."""

    #: Makes a call: `make(customer, feature, **options)`.
    make: Makes
    feature: str
    customer: Said
    idempotency_key: Said | None = None
    member: Said | None = None
    #: Finds what was used in what the function gives; it is read as it is, unless this is given.
    usage: Callable[[Any], object] | None = None
    options: FunctionOptions = field(default_factory=FunctionOptions)


def metered_function(metering: Metering, function: F) -> F:
    """Give a function like this one whose calls are metered.

    Raises:
        InvalidRequest: an argument that is to say something is none of the function's.
    """
    signature = inspect.signature(function)
    for said in (metering.customer, metering.idempotency_key, metering.member):
        if isinstance(said, str) and said not in signature.parameters:
            raise InvalidRequest(
                f"{function.__qualname__} has no argument {echo(said)}; name one of "
                f"{', '.join(signature.parameters) or 'none'}, or give a function of them."
            )
    prepare = functools.partial(_call_of, metering, signature)
    made: Any = functools.wraps(function)(_kind_of(function)(metering, function, prepare))
    return made  # type: ignore[no-any-return]  # it takes and gives what the function does


def is_for_tasks(function: Callable[..., Any]) -> bool:
    """Tell whether what a function gives is to be awaited, or iterated by tasks."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _kind_of(function: Callable[..., Any]) -> Callable[..., Callable[..., Any]]:
    if inspect.isasyncgenfunction(function):
        return _async_generator
    if inspect.isgeneratorfunction(function):
        return _generator
    return _coroutine if inspect.iscoroutinefunction(function) else _plain


def _plain(
    metering: Metering, function: Callable[..., Any], prepare: Callable[..., MeteredCall]
) -> Callable[..., Any]:
    def call_it(*arguments: Any, **named: Any) -> Any:
        call = prepare(arguments, named)
        with call:
            if call.replayed:
                return call.response
            answer = function(*arguments, **named)
            _read(call, metering, answer)
        return answer

    return call_it


def _coroutine(
    metering: Metering, function: Callable[..., Any], prepare: Callable[..., MeteredCall]
) -> Callable[..., Any]:
    async def call_it(*arguments: Any, **named: Any) -> Any:
        call = prepare(arguments, named)
        async with call:
            if call.replayed:
                return call.response
            answer = await function(*arguments, **named)
            _read(call, metering, answer)
        return answer

    return call_it


def _generator(
    metering: Metering, function: Callable[..., Any], prepare: Callable[..., MeteredCall]
) -> Callable[..., Any]:
    def call_it(*arguments: Any, **named: Any) -> Iterator[Any]:
        call = prepare(arguments, named).open()
        if call.replayed:
            return iter(call.response)
        counts = metering.usage or _unless_number
        keeps = "replay" in metering.options
        return MeteredIterator(function(*arguments, **named), call, counts=counts, keeps=keeps)

    return call_it


def _async_generator(
    metering: Metering, function: Callable[..., Any], prepare: Callable[..., MeteredCall]
) -> Callable[..., Any]:
    async def call_it(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
        call = await prepare(arguments, named).open_async()
        if call.replayed:
            for item in call.response:
                yield item
            return
        counts = metering.usage or _unless_number
        keeps = "replay" in metering.options
        stream = MeteredAsyncIterator(
            function(*arguments, **named), call, counts=counts, keeps=keeps
        )
        try:
            async for item in stream:
                yield item
        finally:
            await stream.aclose()

    return call_it


def _call_of(
    metering: Metering,
    signature: inspect.Signature,
    arguments: tuple[Any, ...],
    named: dict[str, Any],
) -> MeteredCall:
    bound = signature.bind(*arguments, **named)
    bound.apply_defaults()

    def of(said: Said | None) -> Any:
        if said is None:
            return None
        return bound.arguments[said] if isinstance(said, str) else said(*arguments, **named)

    options: dict[str, Any] = dict(metering.options)
    options |= {"idempotency_key": of(metering.idempotency_key), "member": of(metering.member)}
    if options["idempotency_key"] is not None:
        options.setdefault("request", [metering.feature, list(arguments), named])
    return metering.make(of(metering.customer), metering.feature, **options)


def _read(call: MeteredCall, metering: Metering, answer: Any) -> None:
    """Hand a call what its function gave, or what of it tells the usage."""
    if metering.usage is None:
        call.result(answer)
        return
    call.take(metering.usage(answer), answer)


def _unless_number(item: Any) -> object:
    """Count an item that a generator gives; its numbers are its own matter, and no quantities."""
    return None if isinstance(item, int | float | Decimal | Money) else item
