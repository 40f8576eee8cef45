"""A chat whose customer pays for each answer as it streams: `python examples/ai_chat.py`.

The vendor is played by a generator, so that nothing leaves this machine; with a real one, wrap its
client: `client = billing.wrap(OpenAI(), feature="chat")`.
"""

import sys
from collections.abc import Iterator
from typing import Any

from tollkeeper import Billing, Catalog, Money

CATALOG = """
currency = "usd"

[price_books.llm]
source = "none"
markup = "20 %"

[[price_books.llm.overrides]]
vendor = "openai"
model = "gpt-4o*"
rates = { input = "2.50 usd / 1_000_000", output = "10 usd / 1_000_000" }

[features.chat]
price_book = "llm"
"""


def vendor(question: str) -> Iterator[dict[str, Any]]:
    """Stream an answer in the chunks of OpenAI's chat completions."""
    head = {"id": "chatcmpl-1", "model": "gpt-4o"}
    for word in f"You asked: {question}".split():
        yield {**head, "choices": [{"index": 0, "delta": {"content": f"{word} "}}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}
    yield {**head, "choices": [], "usage": usage}


def answer(billing: Billing, customer: str, question: str) -> str:
    """Hold, stream, settle; give the text."""
    said: list[str] = []
    with billing.metered(customer, "chat", vendor="openai", model="gpt-4o") as call:
        for chunk in vendor(question):
            call.add(chunk)
            said += [choice["delta"].get("content", "") for choice in chunk["choices"]]
    return "".join(said).strip()


def main() -> None:
    """Ask twice, then tell what was earned."""
    with Billing("sqlite://", catalog=Catalog.from_toml(CATALOG)) as billing:
        billing.migrate()
        billing.wallet.deposit("user_1", Money("1.00", "usd"))
        for question in ("What is a toll?", "Who keeps it?"):
            sys.stdout.write(answer(billing, "user_1", question) + "\n")
        total = billing.model_calls.report().total
        sys.stdout.write(f"cost {total.vendor_cost[0]}, earned {total.revenue[0]}\n")


if __name__ == "__main__":
    main()
