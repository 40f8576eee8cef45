"""Where our Python time goes under load: py-spy over a run of `tollkeeper bench`, as tables.

Owns a server and a database for the time of the run, and removes both. A sample counts the thread
that holds the interpreter's lock, so waiting costs nothing and the shares are of computing.

    python bench/profile.py --callers 64 --seconds 8
    python bench/profile.py charge --sources 3
    python bench/profile.py --database sqlite:////tmp/profile.db --mode threads
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The root, so that `bench` and `tests` can be imported; and not this folder, whose `profile` would
# stand before Python's own.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.server import open_server  # noqa: E402  # the path is set just above
from bench.sides import CACHE, bench_command, set_up_ours  # noqa: E402  # the same

PY_SPY = CACHE / "py-spy"
RATE_PER_SECOND = 200
#: What sets customers up and leaves them as they are, for operations that change them.
_SET_UP_BY = {"consume": "balance", "charge": "check"}


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one thread, outermost first, and how often they were seen."""

    frames: tuple[str, ...]
    count: int

    @property
    def thread(self) -> str:
        """The thread's name, which py-spy puts before the frames."""
        return self.frames[0].partition("): ")[2] or self.frames[0]


def main(words: Sequence[str] | None = None) -> None:
    """Profile a load, and print what it spent its time on."""
    asked, options = _arguments(words)
    with _database(asked.database) as database, tempfile.TemporaryDirectory() as folder:
        set_up_ours(database, asked.customers, _SET_UP_BY.get(asked.operation, asked.operation))
        load = [
            "--customers",
            str(asked.customers),
            "--callers",
            str(asked.callers),
            "--seconds",
            str(asked.seconds),
        ]
        load += ["--distribution", asked.distribution, "--mode", asked.mode]
        raw = Path(folder) / "stacks"
        command = [*bench_command(asked.operation, database), *load, *options]
        line = _record(command, raw, lines=asked.lines)
        stacks = [stack for stack in _read(raw) if not _is_start(stack)]
    print(json.dumps(line))
    _report(stacks, line["per_second"] * asked.seconds, asked.seconds, asked.top)


def _arguments(words: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line; what it does not know are options of the operation."""
    parser = argparse.ArgumentParser(description="Show where the Python time of a load goes.")
    parser.add_argument(
        "operation", nargs="?", default="consume", help="as `tollkeeper bench` has it"
    )
    parser.add_argument("--database", help="URL; by default a PostgreSQL of its own")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--distribution", choices=["uniform", "hot"], default="uniform")
    parser.add_argument("--mode", choices=["tasks", "threads"], default="tasks")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--lines", action="store_true", help="tell lines, not functions")
    parser.add_argument("--top", type=int, default=30, help="lines of each table")
    return parser.parse_known_args(words)


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with open_server() as server:
        yield server.create_database()


def _record(command: list[str], raw: Path, *, lines: bool) -> dict[str, float]:
    options = ["--gil", "--threads", "--format", "raw", "--rate", str(RATE_PER_SECOND)]
    options += [] if lines else ["--function"]
    recorder = [_py_spy(), "record", *options, "--output", str(raw), "--", *command]
    done = subprocess.run(recorder, capture_output=True, text=True, check=False)  # noqa: S603  # the program is named here
    told = [text for text in done.stdout.splitlines() if text.startswith("{")]
    if not told or not raw.exists():
        sys.exit(f"py-spy recorded nothing:\n{done.stdout}{done.stderr}")
    line: dict[str, float] = json.loads(told[-1])
    return line


def _py_spy() -> str:
    """Find py-spy, or fetch it into a cache: it is a tool, and no dependency of ours."""
    found = shutil.which("py-spy") or shutil.which("py-spy", path=str(PY_SPY / "bin"))
    if found is None:
        install = ["-m", "pip", "install", "--quiet", "--target", str(PY_SPY), "py-spy"]
        subprocess.run([sys.executable, *install], check=True)  # noqa: S603  # the program is named here
        found = str(PY_SPY / "bin" / "py-spy")
    return found


def _read(raw: Path) -> Iterator[Stack]:
    for line in raw.read_text().splitlines():
        frames, _, count = line.rpartition(" ")
        found = tuple(frames.split(";"))
        yield Stack(found if len(found) > 1 else (*found, "outside of Python"), int(count))


def _is_start(stack: Stack) -> bool:
    """Tell whether the process was still importing what it needs."""
    return any("importlib" in frame for frame in stack.frames)


def _report(stacks: Sequence[Stack], calls: float, seconds: float, top: int) -> None:
    total = sum(stack.count for stack in stacks)
    share = total / (RATE_PER_SECOND * seconds)
    each = share * seconds / calls * 1e6
    print(f"\nSome thread computed for {share:.0%} of the time: {each:.0f} µs a call.")
    tables = {
        "by thread": ((stack.thread, stack.count) for stack in stacks),
        "by room, itself": ((_room(stack.frames[-1]), stack.count) for stack in stacks),
        "by function, itself": ((stack.frames[-1], stack.count) for stack in stacks),
        "by function, with all that it calls": (
            (frame, stack.count) for stack in stacks for frame in set(stack.frames[1:])
        ),
    }
    for title, pairs in tables.items():
        print(f"\n{title}\n{'share':>7} {'µs/call':>8}")
        for name, count in _counted(pairs).most_common(top):
            print(f"{count / total:7.1%} {count / total * each:8.2f}  {name}")


def _counted(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, count in pairs:
        counts[name] += count
    return counts


def _room(frame: str) -> str:
    """Name the folder or package that a frame such as `decide (tollkeeper/…/a.py:3)` is in."""
    path = frame.partition(" (")[2].rpartition(":")[0] or frame
    parts = path.partition("site-packages/")[2] or path.partition("src/")[2] or path
    return "/".join(parts.split("/")[-3:-1]) or parts


if __name__ == "__main__":
    main()
