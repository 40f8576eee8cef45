"""What a vendor answered, as JSON that a retry can be given: written, bounded, and read back.

It never imports a class by a name from the books: only classes of modules that the app itself has
imported are looked for, and what is none of them comes back as a dict.
"""

import json
import logging
import sys
from typing import Any, Final

from tollkeeper.values.texts import Json

logger = logging.getLogger("tollkeeper")

#: Most bytes of one answer that are kept.
MAXIMUM_BYTES: Final = 1_000_000
#: Methods that give an answer as JSON can carry it, by the way its class is made.
_DUMPS: Final = ("model_dump", "to_dict", "dict")
#: Methods of a class that make an answer from that; `construct` is what vendors' clients use.
_LOADS: Final = ("construct", "model_construct", "model_validate")


def body_of(answer: object) -> str | None:
    """Write an answer, or the chunks of a stream; None where it is too large or cannot be.

    >>> restored(body_of({"text": "toll"}))
    {'text': 'toll'}
    """
    try:
        if isinstance(answer, list):
            told: Json = {"stream": [_written(chunk) for chunk in answer]}
        else:
            told = {"whole": _written(answer)}
        body = json.dumps(told, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        logger.warning("An answer cannot be kept for a replay: %s", error)
        return None
    if "\\u0000" in body or len(body.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        logger.warning("An answer is too large to be kept for a replay: %d bytes.", len(body))
        return None
    return body


def restored(body: str) -> Any:
    """Read what `body_of` wrote: of the vendor's own class where that is imported here."""
    told = json.loads(body)
    if "stream" in told:
        return [_read(*cells) for cells in told["stream"]]
    return _read(*told["whole"])


def _written(answer: object) -> list[Json]:
    """Write an answer with the name of its class."""
    if answer is None or isinstance(answer, str | int | float | bool | dict):
        return [None, answer]
    kind = type(answer)
    name = f"{kind.__module__}:{kind.__qualname__.partition('[')[0]}"
    for dump in _DUMPS:
        if callable(method := getattr(answer, dump, None)):
            fields = method(mode="json") if dump == "model_dump" else method()
            return [name, fields]
    raise TypeError(f"nobody knows how to write a {kind.__qualname__}")


def _read(name: str | None, fields: Any) -> Any:
    kind = None if name is None else _class_of(name)
    if kind is None or not isinstance(fields, dict):
        return fields
    for load in _LOADS:
        method = getattr(kind, load, None)
        if not callable(method):
            continue
        try:
            return method(fields) if load == "model_validate" else method(**fields)
        except Exception as error:  # noqa: BLE001  # whatever a vendor's class says, a dict is left
            logger.debug("%s does not take what it once gave: %s", name, error)
    return fields


def _class_of(name: str) -> type | None:
    """Find a class of a module that is imported already."""
    module, _, path = name.partition(":")
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
