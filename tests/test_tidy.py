"""The measurable rules of our style, as far as the linters do not know them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tollkeeper"

MODULE_LINES = 400
FUNCTION_LINES = 50
USUAL_FUNCTION_LINES = 30

#: Names that say nothing about what is inside.
BAGS = {"common", "helper", "helpers", "manager", "misc", "service", "services", "util", "utils"}

#: Synonyms that our vocabulary refuses, and the word to use instead.
SYNONYMS = {
    "reservation": "hold",
    "recharge": "top_up",
    "refill": "top_up",
    "deduct": "consume",
    "debit": "consume",
    "drawdown": "burn_down",
    "pro_rata": "proration",
    "tariff": "rate_card",
    "wallet_transaction": "entry",
    "ledger_transaction": "entry",
    "inbound_transaction": "grant",
    "credit_limit": "overdraft",
    "negative_balance": "debt",
    "credit_type": "feature",
    "domain_event": "notice",
}

HISTORY = re.compile(r"legacy|(?<!uuid)_v\d+(_|$)|[a-z]V\d+([A-Z]|$)", re.IGNORECASE)
#: Written in two parts, so that this file does not break its own rule.
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b")
SILENCED = re.compile(r"#\s*(type:\s*ignore|noqa)\b(?P<rest>.*)")
REASON = re.compile(r"\[[\w, -]+\]\s+#\s\w.{7,}|:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s+#\s\w.{7,}")
HOME_PATH = re.compile(r"(?<![\w.:/])/(home|root|Users|work|opt)/\w")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Every module of the product."""
    return sorted(SOURCE.rglob("*.py"))


def code() -> list[Path]:
    """Every Python file of ours."""
    return [
        path for room in ("src", "tests", "bench") for path in sorted(ROOT.glob(f"{room}/**/*.py"))
    ]


def texts() -> list[Path]:
    """Every file of ours that people write by hand."""
    named = [ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci" / "run"]
    pages = [path for room in ("*", "docs/**/*", "src/**/*") for path in ROOT.glob(f"{room}.md")]
    return [*code(), *named, *sorted(pages)]


def place(path: Path, line: int) -> str:
    """Where to look, in the form that editors open."""
    return f"{path.relative_to(ROOT)}:{line}"


def functions(path: Path) -> Iterator[Function]:
    """Every function of a module, methods and inner ones included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """How many lines a function has, its docstring and decorators not counted."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def definitions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a module defines: functions, their arguments, classes, fields, constants."""
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name, node.lineno
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from assigned(node.body)


def assigned(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Every name to which one of these statements gives a value or a type."""
    for statement in body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id, node.lineno


def snake(name: str) -> str:
    """A name in small letters and underscores, whatever its form was."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def synonym(name: str) -> str | None:
    """Return the word that a name should have used instead, if there is one."""
    for banned, word in SYNONYMS.items():
        if re.search(rf"(^|_){banned}(s|ed|ion|ions)?(_|$)", snake(name)):
            return word
    return None


def test_every_module_is_small_enough() -> None:
    """Find the second subject in a long module, and name it."""
    lengths = {path: len(path.read_text().splitlines()) for path in modules()}
    assert not {place(path, 1): n for path, n in lengths.items() if n > MODULE_LINES}


def test_every_module_says_what_it_owns() -> None:
    """A module opens with a docstring."""
    trees = {path: ast.parse(path.read_text()) for path in modules()}
    assert not [place(path, 1) for path, tree in trees.items() if not ast.get_docstring(tree)]


def test_no_function_is_long() -> None:
    """A function does one thing at one height."""
    found = [
        (place(path, f.lineno), f.name, length(f)) for path in modules() for f in functions(path)
    ]
    assert not [entry for entry in found if entry[2] > FUNCTION_LINES]


def test_nine_functions_in_ten_are_short() -> None:
    """Most functions fit in one glance."""
    lengths = [length(function) for path in modules() for function in functions(path)]
    longer = [n for n in lengths if n > USUAL_FUNCTION_LINES]
    assert len(longer) <= len(lengths) / 10


def test_no_module_is_a_bag() -> None:
    """A module is named for its subject."""
    names = {path: set(path.stem.split("_")) for path in [*modules(), *SOURCE.rglob("*/")]}
    assert not [str(path.relative_to(ROOT)) for path, words in names.items() if words & BAGS]


def test_no_class_is_a_bag() -> None:
    """A class is named for what it is, not for being in charge."""
    found = [(path, node) for path in modules() for node in ast.walk(ast.parse(path.read_text()))]
    classes = [(path, node) for path, node in found if isinstance(node, ast.ClassDef)]
    assert not [place(p, c.lineno) for p, c in classes if set(snake(c.name).split("_")) & BAGS]


def test_no_name_tells_history() -> None:
    """Names say what a thing is, not what it was."""
    found = [
        (path, *named) for path in modules() for named in definitions(ast.parse(path.read_text()))
    ]
    assert not [(place(path, line), name) for path, name, line in found if HISTORY.search(name)]


def test_one_word_for_each_concept() -> None:
    """A synonym of one of our words is a bug."""
    found = [
        (path, *named) for path in modules() for named in definitions(ast.parse(path.read_text()))
    ]
    public = [(path, name, line) for path, name, line in found if not name.startswith("_")]
    assert not [(place(p, line), n, f"say {synonym(n)}") for p, n, line in public if synonym(n)]


def test_every_silenced_check_has_a_reason() -> None:
    """The reason stands in a second comment: `# noqa: S608  # the table's name is ours`."""
    found = [
        (place(path, number), silenced["rest"])
        for path in code()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path != Path(__file__) and (silenced := SILENCED.search(line))
    ]
    assert not [where for where, rest in found if not REASON.match(rest.strip())]


@pytest.mark.parametrize("unwanted", [UNFINISHED, HOME_PATH], ids=["unfinished", "home paths"])
def test_nothing_is_left_lying_about(unwanted: re.Pattern[str]) -> None:
    """No note to ourselves, no path of somebody's machine."""
    assert not [
        place(path, number)
        for path in texts()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if unwanted.search(line)
    ]
