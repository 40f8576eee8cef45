"""The example of the repository runs as it is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_chat_of_the_examples_runs() -> None:
    command = [sys.executable, str(ROOT / "examples" / "ai_chat.py")]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.splitlines() == [
        "You asked: What is a toll?",
        "You asked: Who keeps it?",
        "cost 0.00024 usd, earned 0.000288 usd",
    ]
