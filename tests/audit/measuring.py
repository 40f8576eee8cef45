"""Audits a book in a process of its own, and prints how much memory that took."""

import json
import sys
import threading
import time

import psutil

from tollkeeper import Billing


class Peak:
    """The greatest resident size of this process while it is watched, in bytes."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.bytes = self._process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Stop watching; give the peak."""
        self._stop.set()
        self._thread.join()
        return self.bytes

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.bytes = max(self.bytes, self._process.memory_info().rss)
            time.sleep(0.005)


def main(url: str) -> None:
    """Audit one customer, so that everything is loaded; then all, and compare."""
    with Billing(url) as billing:
        billing.books.audit(customer="user_1")
        before = psutil.Process().memory_info().rss
        peak = Peak()
        report = billing.books.audit()
        grown = peak.stop() - before
    told = {"ok": report.ok, "entries": report.checked.entries, "grown": grown}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
