"""Documents do not lie: their examples run, and the files and links that they name are there."""

import re
from pathlib import Path

import pytest
from mypy.api import run as mypy
from sybil import Document
from sybil.document import PythonDocStringDocument
from sybil.parsers import markdown, rest

from tollkeeper.ledger.auditing import laws

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tollkeeper"
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
LEDGER = SOURCE / "ledger" / "README.md"

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A file or a folder as a map of the code names it: `ledger/`, `store/journal.py`, `STYLE.md`.
NAMED = re.compile(r"(?<![\w./:-])\.?\w[\w./-]*?(?:\.(?:py|md)\b|/(?![\w.*<{]))")


def documents() -> list[Path]:
    """Every document of ours, and the two that must be there even when they are not."""
    rooms = ("*.md", "docs/**/*.md", "src/**/*.md", "bench/**/*.md")
    return sorted({README, ARCHITECTURE, *(path for room in rooms for path in ROOT.glob(room))})


def name(path: Path) -> str:
    """How a test of one file is called."""
    return str(path.relative_to(ROOT))


def run(document: Document) -> int:
    """Evaluate the examples of a document in order, and return how many there were."""
    examples = list(document.examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.mark.parametrize("path", documents(), ids=name)
def test_examples_in_documents_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ```python block runs after those above it, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    run(Document.parse(str(path), markdown.PythonCodeBlockParser(), markdown.SkipParser()))


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=name)
def test_examples_in_docstrings_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each `>>>` in a docstring gives what it says."""
    monkeypatch.chdir(tmp_path)
    run(PythonDocStringDocument.parse(str(path), rest.DocTestParser()))


def test_the_readme_shows_python() -> None:
    """The first page has an example, so the test above has something to run."""
    assert "```python" in README.read_text()


def test_the_readmes_examples_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries them out a second time, over the same file, has nothing to clear up."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run(Document.parse(str(README), markdown.PythonCodeBlockParser())) == 3


def test_the_readmes_examples_pass_a_strict_type_checker(tmp_path: Path) -> None:
    """As an app's own type checker sees them, with our types."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    files = [tmp_path / f"example_{number}.py" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block)
    cache = f"--cache-dir={ROOT / '.mypy_cache'}"
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    options = ["--strict", "--follow-imports=silent", config, cache]
    said, _, status = mypy([*options, *map(str, files)])
    assert not status, said


@pytest.mark.parametrize("path", [ARCHITECTURE, LEDGER], ids=name)
def test_a_map_names_only_what_exists(path: Path) -> None:
    """A map of the code may shorten a path from the left, but never invent one."""
    rooms = ("*", "src/**/*", "tests/**/*", "docs/**/*", "bench/**/*", "tools/*", ".ci/*")
    there = {f"/{name(path)}" for room in rooms for path in ROOT.glob(room)}
    text = re.sub(r"https?://\S+", "", path.read_text())
    named = {found.group().rstrip("/") for found in NAMED.finditer(text)}
    assert named
    assert not [word for word in named if not any(path.endswith(f"/{word}") for path in there)]


def test_the_map_names_every_room() -> None:
    """A room that the map leaves out cannot be found."""
    text = ARCHITECTURE.read_text()
    modules = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py")]
    names = {path.parts[0].removesuffix(".py") for path in modules}
    public = sorted(name for name in names if not name.startswith("_"))
    assert not [name for name in public if not re.search(rf"\b{name}\b", text)]


def test_the_ledgers_readme_names_every_module() -> None:
    """Whoever looks for something in the ledger is told where it is."""
    modules = {path.name for path in LEDGER.parent.glob("*.py")} - {"__init__.py"}
    assert not [module for module in modules if f"`{module}`" not in LEDGER.read_text()]


def test_the_ledgers_readme_names_every_law() -> None:
    """By number and name, as the audit does."""
    told = re.findall(r"^\| (\d) `(\w+)` \|", LEDGER.read_text(), re.MULTILINE)
    named = [each for each in vars(laws).values() if isinstance(each, laws.Law)]
    assert told == [(str(law.number), law.name) for law in named if law.number is not None]


def headings(path: Path) -> set[str]:
    """The names by which a link may point into a document, as those who show Markdown make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", FENCED.sub("", path.read_text()), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("path", documents(), ids=name)
def test_links_to_a_heading_resolve(path: Path) -> None:
    """A link that names a heading finds it, here or in another document."""
    links = [link for link in LINK.findall(FENCED.sub("", path.read_text())) if "#" in link]
    inside = [link.partition("#") for link in links if not re.match(r"[a-z]+:", link)]
    places = [(path.parent / file if file else path, heading) for file, _, heading in inside]
    pages = [(page, heading) for page, heading in places if page.suffix == ".md" and page.exists()]
    assert not [(str(page), heading) for page, heading in pages if heading not in headings(page)]


@pytest.mark.parametrize("path", documents(), ids=name)
def test_relative_links_resolve(path: Path) -> None:
    """A link within the repository leads somewhere."""
    links = LINK.findall(FENCED.sub("", path.read_text()))
    inside = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in inside if link and not (path.parent / link).exists()]
