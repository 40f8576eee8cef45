"""The streaming helpers of vendors' clients, metered: `with client.messages.stream(…) as stream`.

What is held is held when the helper is entered, before the vendor is asked; when it is left, the
call is booked at what was read by then.
"""

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

from tollkeeper.metering.calls.asking import chunk_of
from tollkeeper.metering.calls.call import MeteredCall
from tollkeeper.metering.calls.iterating import Hides, MeteredAsyncIterator, MeteredIterator
from tollkeeper.metering.reading.fields import text, value

#: What the helpers' methods begin with that need the stream to be read to its end.
_FINAL = "get_final_"


class MeteredContext:
    """A helper for threads."""

    def __init__(self, context: Any, call: MeteredCall, hides: Hides) -> None:
        self._context = context
        self._call = call
        self._hides = hides

    def __enter__(self) -> "EventStream":
        self._call.open()
        try:
            stream = self._context.__enter__()
        except BaseException as error:
            self._call.end(error)
            raise
        return EventStream(stream, self._call, self._hides)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._context.__exit__(kind, error, trace)
        finally:
            self._call.end(error or GeneratorExit())


class MeteredAsyncContext:
    """A helper for tasks."""

    def __init__(self, context: Any, call: MeteredCall, hides: Hides) -> None:
        self._context = context
        self._call = call
        self._hides = hides

    async def __aenter__(self) -> "AsyncEventStream":
        await self._call.open_async()
        try:
            stream = await self._context.__aenter__()
        except BaseException as error:
            await self._call.end_async(error)
            raise
        return AsyncEventStream(stream, self._call, self._hides)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._context.__aexit__(kind, error, trace)
        finally:
            await self._call.end_async(error or GeneratorExit())


class EventStream:
    """The stream of a helper for threads; what it does not have is the vendor's own."""

    def __init__(self, stream: Any, call: MeteredCall, hides: Hides) -> None:
        self._stream = stream
        self._events = MeteredIterator(stream, call, counts=chunk_of, hides=hides)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the vendor, and book what was streamed."""
        self._events.close()

    @property
    def text_stream(self) -> Iterator[str]:
        """Give the text alone, piece by piece (Anthropic)."""
        return (piece for event in self if (piece := _text_of(event)))

    def until_done(self) -> Self:
        """Read the stream to its end."""
        for _ in self:
            pass
        return self

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__dict__["_stream"], name)
        if not name.startswith(_FINAL):
            return found

        def final(*arguments: Any, **named: Any) -> Any:
            self.until_done()
            return found(*arguments, **named)

        return final


class AsyncEventStream:
    """The stream of a helper for tasks; what it does not have is the vendor's own."""

    def __init__(self, stream: Any, call: MeteredCall, hides: Hides) -> None:
        self._stream = stream
        self._events = MeteredAsyncIterator(stream, call, counts=chunk_of, hides=hides)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the vendor, and book what was streamed."""
        await self._events.aclose()

    @property
    def text_stream(self) -> AsyncIterator[str]:
        """Give the text alone, piece by piece (Anthropic)."""
        return (piece async for event in self if (piece := _text_of(event)))

    async def until_done(self) -> Self:
        """Read the stream to its end."""
        async for _ in self:
            pass
        return self

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__dict__["_stream"], name)
        if not name.startswith(_FINAL):
            return found

        async def final(*arguments: Any, **named: Any) -> Any:
            await self.until_done()
            return await found(*arguments, **named)

        return final


def _text_of(event: object) -> str | None:
    """Give the text that an event of Anthropic adds."""
    if text(event, "type") != "content_block_delta":
        return None
    delta = value(event, "delta")
    return text(delta, "text") if text(delta, "type") == "text_delta" else None
