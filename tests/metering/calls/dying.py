"""A process that dies in the middle of a metered call: `python -m tests.metering.calls.dying`.

It says on standard output how far it came, and then waits to be killed.
"""

import sys
import time

from tests.metering.calls.scene import shop
from tollkeeper import Billing
from tollkeeper.metering.calls.call import MeteredCall


def main(url: str, customer: str, how: str) -> None:
    """Come as far as told, then wait."""
    with Billing(url, catalog=shop()) as billing:
        options = {"abandoned": "release"} if how == "released" else {}
        call = billing.metered(customer, "words", hold=100, slice=10, **options)  # type: ignore[arg-type]  # one word of two
        with call:
            _stream(call, chunks=3 if how == "streaming" else 0)
            sys.stdout.write("here\n")
            sys.stdout.flush()
            time.sleep(60)


def _stream(call: MeteredCall, chunks: int) -> None:
    for _ in range(chunks):
        # More is held each time, so that what is known is saved.
        call.add(50)


if __name__ == "__main__":
    main(*sys.argv[1:])
