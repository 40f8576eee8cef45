"""Streams that are metered while they are read: each chunk is counted before the next is asked for.

However a stream ends, read to its end, closed, broken, cancelled or merely forgotten, its call is
booked. When no more can be held the reader still gets the chunk that came, and the refusal instead
of the next one.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self

from tollkeeper.errors import CallExhausted
from tollkeeper.metering.calls.call import MeteredCall

#: Gives what of an item is counted; None where it is nothing.
Counts = Callable[[Any], object]
#: Tells whether an item is kept from the reader, who did not ask for it.
Hides = Callable[[Any], bool]


def everything(item: Any) -> object:
    """Count an item as it is."""
    return item


def nothing(item: Any) -> bool:  # noqa: ARG001  # every item is shown
    """Hide no item."""
    return False


class MeteredIterator:
    """A stream for threads, of an open call. Other attributes are those of the vendor's stream."""

    def __init__(
        self,
        source: Any,
        call: MeteredCall,
        *,
        counts: Counts = everything,
        hides: Hides = nothing,
        keeps: bool = False,
    ) -> None:
        self._source = source
        self._iterator = iter(source)
        self._call = call
        self._counts = counts
        self._hides = hides
        self._kept: list[Any] | None = [] if keeps else None
        self._refusal: CallExhausted | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._following(lambda: next(self._iterator))

    def send(self, value: Any) -> Any:
        """Send a value into a generator."""
        return self._following(lambda: self._iterator.send(value))

    def throw(self, *error: Any) -> Any:
        """Raise an error inside a generator."""
        return self._following(lambda: self._iterator.throw(*error))

    def close(self) -> None:
        """Stop the vendor, and book what was streamed."""
        try:
            _close(self._source)
        finally:
            self._call.end(GeneratorExit())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(_source_of(self), name)

    def __del__(self) -> None:
        if (call := self.__dict__.get("_call")) is not None:
            call.abandon()

    def _following(self, step: Callable[[], Any]) -> Any:
        try:
            if self._refusal is not None:
                _close(self._source)
                raise self._refusal
            while True:
                item = step()
                self._count(item)
                if not self._hides(item):
                    return item
                step = self.__dict__["_iterator"].__next__
        except StopIteration:
            if self._kept is not None:
                self._call.keep(self._kept)
            self._call.end()
            raise
        except BaseException as error:
            self._call.end(error)
            raise

    def _count(self, item: Any) -> None:
        if self._kept is not None:
            self._kept.append(item)
        try:
            self._call.add(self._counts(item))
        except CallExhausted as refusal:
            self._refusal = refusal


class MeteredAsyncIterator:
    """A stream for tasks, of an open call. Other attributes are those of the vendor's stream."""

    def __init__(
        self,
        source: Any,
        call: MeteredCall,
        *,
        counts: Counts = everything,
        hides: Hides = nothing,
        keeps: bool = False,
    ) -> None:
        self._source = source
        self._iterator = aiter(source)
        self._call = call
        self._counts = counts
        self._hides = hides
        self._kept: list[Any] | None = [] if keeps else None
        self._refusal: CallExhausted | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self._following(lambda: anext(self._iterator))

    async def asend(self, value: Any) -> Any:
        """Send a value into a generator."""
        return await self._following(lambda: self._iterator.asend(value))

    async def athrow(self, *error: Any) -> Any:
        """Raise an error inside a generator."""
        return await self._following(lambda: self._iterator.athrow(*error))

    async def aclose(self) -> None:
        """Stop the vendor, and book what was streamed."""
        try:
            await _close_async(self._source)
        finally:
            await self._call.end_async(GeneratorExit())

    async def close(self) -> None:
        """Stop the vendor, as the streams of vendors' clients call it."""
        await self.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __getattr__(self, name: str) -> Any:
        return getattr(_source_of(self), name)

    def __del__(self) -> None:
        if (call := self.__dict__.get("_call")) is not None:
            call.abandon()

    async def _following(self, step: Callable[[], Any]) -> Any:
        try:
            if self._refusal is not None:
                await _close_async(self._source)
                raise self._refusal
            while True:
                item = await step()
                await self._count(item)
                if not self._hides(item):
                    return item
                step = self.__dict__["_iterator"].__anext__
        except StopAsyncIteration:
            if self._kept is not None:
                self._call.keep(self._kept)
            await self._call.end_async()
            raise
        except BaseException as error:
            await self._call.end_async(error)
            raise

    async def _count(self, item: Any) -> None:
        if self._kept is not None:
            self._kept.append(item)
        try:
            await self._call.add(self._counts(item))
        except CallExhausted as refusal:
            self._refusal = refusal


def _source_of(iterator: Any) -> Any:
    """Give the vendor's stream; an iterator that was never made has none."""
    try:
        return iterator.__dict__["_source"]
    except KeyError:
        raise AttributeError("the stream was not opened") from None


def _close(source: Any) -> None:
    if callable(close := getattr(source, "close", None)):
        close()


async def _close_async(source: Any) -> None:
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if callable(close):
        await close()
