"""The demo's last scenes: real LLM calls, charged in money, and the audit of the whole book."""

from decimal import Decimal
from importlib.resources import as_file, files
from typing import Final

from tollkeeper.cli.auditing import finding_parts
from tollkeeper.cli.calls import Call
from tollkeeper.cli.demo.stage import Stage
from tollkeeper.cli.replay.playing import Asked, play
from tollkeeper.cli.replay.pricing import Prices

#: The excerpt that the package carries; `ATTRIBUTION.md` beside it says where it comes from.
EXCERPT: Final = "azure_llm_trace_excerpt.csv"

PRICES: Final = Prices(currency="usd", context=Decimal("0.0000025"), generated=Decimal("0.00001"))
CUSTOMERS: Final = 20

GOODBYE: Final = """\
All this was in a temporary database, which is gone now. To make one that stays:
  tollkeeper --database sqlite:///app.db migrate
  tollkeeper --database sqlite:///app.db credits grant user_1 api_calls 100"""


def charge(call: Call, stage: Stage) -> bool:
    """Charge the excerpt, then audit everything the demo did; tell whether the books hold."""
    stage.scene(
        "A thousand recorded LLM calls",
        f"{CUSTOMERS} customers with a wallet each share a recorded stream (Azure Public Dataset, "
        "CC-BY 4.0): for every call a hold of an estimate, then a settle of its tokens at $2.50 "
        "a million in and $10.00 a million out. Some wallets run dry, and their calls are refused.",
    )
    with as_file(files("tollkeeper") / "data" / EXCERPT) as trace:
        asked = Asked(trace, "demo", PRICES, limit=None, customers=CUSTOMERS, callers=CUSTOMERS)
        played = play(call, asked, migrate=False)
    stage.tell("recorded", played.summary.to_dict())
    stage.show(*played.summary.parts())
    stage.scene(
        "The audit",
        "Every law of the ledger, checked over everything that the demo has written.",
    )
    stage.tell("audit", played.report.to_dict())
    stage.show(*finding_parts(played.report), GOODBYE)
    return played.report.ok
