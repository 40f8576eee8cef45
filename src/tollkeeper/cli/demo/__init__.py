"""The command `demo`: shows on a fresh database what the library does, and that the books hold."""

from typing import TYPE_CHECKING

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.places import database_or_temporary

if TYPE_CHECKING:
    from tollkeeper.cli.demo.stage import Stage


def demo(call: Call) -> int:
    """Show what Tollkeeper does, on a temporary SQLite database that is deleted afterwards.

    A price list is sold: one call decides who pays, a limit refuses, a notice is heard, a call is
    metered. Below it grants burn in order, a call that cannot be paid is refused, a hold is
    settled, a repeated call is answered from the books, twenty holds race for one balance, and a
    thousand recorded LLM calls are charged. At the end every law of the ledger is audited. It takes
    a few seconds; --database is not used.
    """
    from tollkeeper.cli.demo.stage import Stage

    stage = Stage(is_silent=call.as_json)
    with database_or_temporary(call, is_asked_for=False) as there:
        holds = _play(there, stage)
    if call.as_json:
        answers.show(call, stage.told, list)
    return DONE if holds else FOUND


def _play(call: Call, stage: "Stage") -> bool:
    """Play the scenes in their order; tell whether the books hold at the end."""
    from tollkeeper.cli.demo import recorded, scenes, selling

    with call.billing() as billing:
        scenes.open_books(billing, stage)
    selling.sell(call, stage)
    with call.billing() as billing:
        scenes.give(billing, stage)
        scenes.burn(billing, stage)
        scenes.refuse(billing, stage)
        scenes.hold_and_settle(billing, stage)
        scenes.repeat(billing, stage)
    scenes.race(call, stage)
    return recorded.charge(call, stage)
