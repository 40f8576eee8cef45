"""`billing.wrap(client)`: a vendor's client whose calls of a model are metered. By shape alone.

What costs nothing is the client's own. What asks a model in a way that cannot be metered, and every
resource that is not known to be free, is refused: nothing is free in silence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tollkeeper.errors import InvalidRequest
from tollkeeper.metering.calls.asking import (
    RAW,
    RESOURCES,
    UNMETERED,
    VERBS,
    asked,
    is_client,
    is_usage_alone,
    may_cost,
    with_usage,
)
from tollkeeper.metering.calls.call import MeteredCall
from tollkeeper.metering.calls.helping import MeteredAsyncContext, MeteredContext
from tollkeeper.metering.calls.iterating import MeteredAsyncIterator, MeteredIterator, nothing

#: The keyword by which one call says who pays, and its other options.
KEYWORD: Final = "tollkeeper"
#: Methods of a client that give another client.
_COPIES: Final = frozenset({"copy", "with_options"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapping:
    """What a wrapped client knows of its calls."""

    #: Makes a call: `make(customer, feature, **options)`.
    make: Callable[..., MeteredCall]
    #: Gives what was said for the calls of this place of the program, such as one web request.
    said: Callable[[], Mapping[str, Any]]
    #: What was said for all calls of the client.
    options: Mapping[str, Any]
    client: Any
    is_async: bool

    def call(self, request: Mapping[str, Any], own: Mapping[str, Any]) -> MeteredCall:
        """Make the call of a request."""
        told = asked(self.client, request)
        known = {name: each for name, each in told._asdict().items() if each is not None}
        options = {**known, **self.options, **self.said(), **own}
        customer, feature = options.pop("customer", None), options.pop("feature", None)
        if customer is None or feature is None:
            raise InvalidRequest(
                "Who pays for this call, and for which feature? Say wrap(client, customer=…, "
                "feature=…), with billing.calling(customer, feature): …, or "
                'tollkeeper={"customer": …, "feature": …} in the call.'
            )
        if options.get("idempotency_key") is not None:
            options.setdefault("request", dict(request))
        return self.make(customer, feature, **options)


class MeteredClient:
    """A vendor's client, or a part of it. It passes for what it stands for."""

    def __init__(self, wrapping: Wrapping, target: Any, path: tuple[str, ...] = ()) -> None:
        self._wrapping = wrapping
        self._target = target
        self._path = path

    @property  # type: ignore[misc]  # isinstance asks this of what stands for something else
    def __class__(self) -> type:
        return type(self._target)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        path = (*self._path, name)
        if name in RAW:
            raise _unmetered(path)
        if self._path in RESOURCES:
            return self._of_resource(name, found, path)
        if not self._path and name in _COPIES:
            return self._copying(found)
        if any(resource[: len(path)] == path for resource in RESOURCES):
            return MeteredClient(self._wrapping, found, path)
        return _own(path, found)

    def __enter__(self) -> "MeteredClient":
        self._target.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._target.__exit__(*error)

    async def __aenter__(self) -> "MeteredClient":
        await self._target.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._target.__aexit__(*error)

    def __repr__(self) -> str:
        return f"<metered {self._target!r}>"

    def _of_resource(self, name: str, found: Any, path: tuple[str, ...]) -> Any:
        if name in UNMETERED:
            raise _unmetered(path)
        if name not in VERBS:
            is_inner = path in RESOURCES
            return MeteredClient(self._wrapping, found, path) if is_inner else _own(path, found)
        if name == "stream":
            return _helper(self._wrapping, found, self._path)
        ask = _ask_async if self._wrapping.is_async else _ask
        return ask(self._wrapping, found, self._path)

    def _copying(self, copy: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **named: MeteredClient(
            self._wrapping, copy(*arguments, **named), self._path
        )


def is_for_tasks(client: Any) -> bool:
    """Tell whether a client's calls are awaited.

    Raises:
        InvalidRequest: its calls are metered already, and would be charged twice; or it is no
            client whose calls can be metered, which would be free.
    """
    if type(client) is MeteredClient:
        raise InvalidRequest(
            "This client is metered already; say who pays with billing.calling, or wrap the client "
            "that it stands for."
        )
    if not is_client(client):
        raise InvalidRequest(
            f"This {type(client).__name__} is no client of OpenAI or Anthropic, nor like one, so "
            "nobody would pay for its calls. Meter them one by one with billing.metered(…), or a "
            "function of yours that makes them with @billing.meter(…)."
        )
    return hasattr(type(client), "__aenter__") and not hasattr(type(client), "__enter__")


def _ask(wrapping: Wrapping, verb: Callable[..., Any], path: Sequence[str]) -> Callable[..., Any]:
    def ask(*arguments: Any, **request: Any) -> Any:
        own, request = _split(request)
        is_streamed = request.get("stream") is True
        call = wrapping.call(request, own).open()
        if call.replayed:
            return _again(call.response) if is_streamed else call.response
        sent, is_hidden = with_usage(path, request) if is_streamed else (request, False)
        try:
            answer = verb(*arguments, **sent)
            if not is_streamed:
                call.result(answer)
        except BaseException as error:
            call.end(error)
            raise
        if is_streamed:
            hides = is_usage_alone if is_hidden else nothing
            return MeteredIterator(answer, call, hides=hides, keeps=_is_kept(wrapping, own))
        call.end()
        return answer

    return ask


def _ask_async(
    wrapping: Wrapping, verb: Callable[..., Any], path: Sequence[str]
) -> Callable[..., Any]:
    async def ask(*arguments: Any, **request: Any) -> Any:
        own, request = _split(request)
        is_streamed = request.get("stream") is True
        call = await wrapping.call(request, own).open_async()
        if call.replayed:
            return _again_async(call.response) if is_streamed else call.response
        sent, is_hidden = with_usage(path, request) if is_streamed else (request, False)
        try:
            answer = await verb(*arguments, **sent)
            if not is_streamed:
                call.result(answer)
        except BaseException as error:
            await call.end_async(error)
            raise
        if is_streamed:
            hides = is_usage_alone if is_hidden else nothing
            return MeteredAsyncIterator(answer, call, hides=hides, keeps=_is_kept(wrapping, own))
        await call.end_async()
        return answer

    return ask


def _helper(
    wrapping: Wrapping, verb: Callable[..., Any], path: Sequence[str]
) -> Callable[..., Any]:
    """Wrap a client's own streaming helper, which is a context manager."""

    def open_later(*arguments: Any, **request: Any) -> Any:
        own, request = _split(request)
        call = wrapping.call(request, own)
        if _is_kept(wrapping, own):
            raise InvalidRequest(
                "What a streaming helper gives cannot be replayed; use create(stream=True)."
            )
        sent, is_hidden = with_usage(path, request)
        context = verb(*arguments, **sent)
        hides = is_usage_alone if is_hidden else nothing
        kind = MeteredAsyncContext if wrapping.is_async else MeteredContext
        return kind(context, call, hides)

    return open_later


def _split(request: dict[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Take our own keyword out of a request."""
    own = request.pop(KEYWORD, None)
    if own is not None and not isinstance(own, Mapping):
        raise InvalidRequest(f'{KEYWORD} is a dict such as {{"customer": "user_1"}}.')
    return own or {}, request


def _is_kept(wrapping: Wrapping, own: Mapping[str, Any]) -> bool:
    return bool({**wrapping.options, **wrapping.said(), **own}.get("replay"))


def _unmetered(path: Sequence[str]) -> InvalidRequest:
    return InvalidRequest(
        f"{'.'.join(path)} cannot be metered: nobody would see what it used. Call the client that "
        "was wrapped, inside `with billing.metered(…)`."
    )


def _own(path: Sequence[str], found: Any) -> Any:
    """Give what is the client's own; refuse what costs money and cannot be metered."""
    if not may_cost(path, found):
        return found
    raise InvalidRequest(
        f"{'.'.join(path)} is not metered by a wrapped client, and may cost money. Call the client "
        "that was wrapped: inside `with billing.metered(…) as call`, with call.result(answer), "
        "where a customer is to pay for it."
    )


def _again(chunks: Sequence[Any]) -> Any:
    """Give the chunks of an earlier stream."""
    yield from chunks


async def _again_async(chunks: Sequence[Any]) -> Any:
    """Give the chunks of an earlier stream to a task."""
    for chunk in chunks:
        yield chunk
