"""What is installed is what pyproject.toml says, whichever tool installs it."""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_knows_every_dependency() -> None:
    """The set-up takes uv.lock as it stands, so both must agree; `uv lock` mends it."""
    wanted = [*PROJECT["dependencies"]]
    for extra in PROJECT["optional-dependencies"].values():
        wanted += extra
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    ours = next(package for package in packages if package["name"] == PROJECT["name"])
    without_markers = {each.partition(";")[0] for each in wanted}
    assert {as_written(entry) for entry in ours["metadata"]["requires-dist"]} == without_markers


def test_the_lock_names_public_places_only() -> None:
    """A lock made behind a private index would send everybody there."""
    urls = re.findall(r'"(\w+://[^"]+)"', (ROOT / "uv.lock").read_text())
    assert {urlsplit(url).netloc for url in urls} == {"pypi.org", "files.pythonhosted.org"}


def test_make_installs_every_extra() -> None:
    """Without uv the Makefile names the extras itself."""
    named = re.search(r"^EXTRAS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert named
    assert set(named[1].split(",")) == set(PROJECT["optional-dependencies"])


def test_the_package_index_shows_the_readme() -> None:
    """Who finds the package finds its first page."""
    assert PROJECT.get("readme") == "README.md"


def as_written(entry: dict[str, Any]) -> str:
    """Put an entry of the lock into the form that pyproject.toml has it in."""
    extras = f"[{','.join(entry['extras'])}]" if "extras" in entry else ""
    return f"{entry['name']}{extras}{entry.get('specifier', '')}"
