"""Reading a catalog: from a text to models, with every mistake found on the way.

Owns how pydantic's findings become mistakes that people understand; what the models cannot know by
themselves is found in `checking/`.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tollkeeper.catalog.mistakes import Mistake, Path, Source, nearest, report
from tollkeeper.catalog.positions import positions
from tollkeeper.errors import InvalidRequest
from tollkeeper.values.texts import echo

_SYNTAX: Final = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_PREFIX: Final = re.compile(r"^(Value error|Assertion failed), ")

_A_KEY: Final = "write 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit"

#: What to write where a value is of another type, by what pydantic calls that.
_WANTED: Final = (
    ("bool", "write true or false"),
    ("int_", "write a whole number"),
    ("string_type", "write a text in quotes"),
    ("tuple_type", "write a list, [ … ]"),
    ("dict_type", "write a table, { … }"),
    ("mapping_type", "write a table, { … }"),
    ("model_", "write a table, { … }"),
)

#: How often what is wrong is set aside and the rest read again.
_ROUNDS: Final = 5

Model = TypeVar("Model", bound=BaseModel)


def parse_toml(text: str, file: str | None) -> tuple[dict[str, Any], Source]:
    """Read TOML with its numbers as they are written, and note where everything stands.

    Raises:
        InvalidRequest: it is no text.
        CatalogError: it is no TOML.
    """
    if not isinstance(text, str):
        raise InvalidRequest(
            f"from_toml takes the text of a catalog, not {type(text).__name__}; decode bytes, or "
            "read a file with Catalog.load."
        )
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise report([_syntax(error, text, file)], file=file) from error
    except (ArithmeticError, RecursionError, ValueError) as error:
        problem = "a number in it is too long, or its brackets are nested too deeply"
        raise report([Mistake(path="", problem=problem, file=file)], file=file) from error
    return data, Source(file=file, positions=positions(text.replace("\r\n", "\n")))


def decoded(raw: bytes, file: str) -> str:
    """Read the bytes of a file as the text that TOML is."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        mistake = Mistake(path="", problem="this is not UTF-8", file=file, line=line)
        raise report([mistake], file=file) from error


def parse_json(text: str) -> dict[str, Any]:
    """Read canonical text."""
    data: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return data


def mistakes_of(
    error: ValidationError,
    model: type[Model],
    data: Mapping[str, Any],
    source: Source,
    check: Callable[[Model, Mapping[str, Any], Source], Iterator[Mistake]],
) -> list[Mistake]:
    """Tell what the models refused, and what is wrong with the rest.

    What is refused is set aside, and the remainder read and checked again; so one misspelt key does
    not hide what else is wrong.
    """
    mistakes: dict[str, Mistake] = {}
    rest: Any = data
    validate = model.__pydantic_validator__.validate_python
    for _ in range(_ROUNDS):
        paths = []
        for details in error.errors(include_url=False):
            path = _path(details["loc"], data)
            paths.append(path)
            mistake = source.mistake(path, _problem(details, model))
            mistakes.setdefault(mistake.path, mistake)
        rest = _without(rest, paths)
        try:
            made = validate(rest, self_instance=model.__new__(model))
        except ValidationError as again:
            error = again
            continue
        refused = tuple(mistakes)
        for mistake in check(made, data, source):
            # What a table lacks because something in it was refused is no mistake of its own.
            if not any(_encloses(mistake.path, path) for path in refused):
                mistakes.setdefault(mistake.path, mistake)
        break
    return list(mistakes.values())


def _encloses(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


def _path(location: tuple[str | int, ...], data: Any) -> Path:
    """Keep of a location what leads through the data; pydantic names union members, too."""
    path: Path = ()
    for part in location:
        inside = _inside(data, part)
        if inside is not None:
            path, data = (*path, part), inside[0]
    return path


def _inside(data: Any, part: str | int) -> tuple[Any] | None:
    if isinstance(data, Mapping) and part in data:
        return (data[part],)
    if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
        return (data[part],)
    return None


def _problem(details: ErrorDetails, model: type[BaseModel]) -> str:
    """Say what is wrong in our own words, with the nearest key where one is misspelt."""
    kind, location = details["type"], details["loc"]
    if kind == "missing":
        return f"`{location[-1]}` is missing"
    if kind == "extra_forbidden":
        name = str(location[-1])
        return f"there is no key {echo(name)} here; {nearest(name, _keys(model, location[:-1]))}"
    text = _PREFIX.sub("", details["msg"]).replace("Input should be", "this must be")
    written = echo(str(details["input"]))
    if kind == "string_pattern_mismatch":
        return f"{written} is no key; {_A_KEY}"
    if kind == "literal_error":
        return f"{text}, not {written}"
    return next((f"{wanted}, not {written}" for known, wanted in _WANTED if known in kind), text)


def _keys(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """List the keys that a table at this location may have."""
    hints: list[Any] = [model]
    for part in location:
        fields = [_models(hint, str(part)) for hint in hints]
        hints = [inner for found in fields for inner in found] or hints
    models = [inner for hint in hints for inner in _classes(hint)]
    return [field.alias or name for kind in models for name, field in kind.model_fields.items()]


def _models(hint: Any, part: str) -> list[Any]:
    """Give the types of a field of the models in a hint; a table's values have the hint's own."""
    fields = [
        field.annotation
        for kind in _classes(hint)
        for name, field in kind.model_fields.items()
        if part in (name, field.alias)
    ]
    return [annotation for annotation in fields if annotation is not None]


def _classes(hint: Any) -> list[type[BaseModel]]:
    """List the models in a hint, in whatever they are wrapped."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint]
    return [kind for part in get_args(hint) for kind in _classes(part)]


def _without(data: Any, paths: list[Path]) -> Any:
    """Copy the data without what stands at these paths; of a list nothing is left."""
    here = {path[0] for path in paths if len(path) == 1}
    deeper: dict[str | int, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    if isinstance(data, list | tuple):
        return ()
    if not isinstance(data, Mapping):
        return data
    return {
        key: _without(value, deeper[key]) if key in deeper else value
        for key, value in data.items()
        if key not in here
    }


def _syntax(error: tomllib.TOMLDecodeError, text: str, file: str | None) -> Mistake:
    """Tell where a text stops being TOML."""
    found = _SYNTAX.fullmatch(str(error))
    problem = found[1] if found else str(error)
    line = int(found[2]) if found and found[2] else len(text.splitlines()) or 1
    column = int(found[3]) if found and found[3] else None
    return Mistake(
        path="", problem=f"this is not TOML: {problem}", file=file, line=line, column=column
    )
