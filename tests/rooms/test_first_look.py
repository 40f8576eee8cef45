"""The first calls of a process arrive together, while the catalog in force is being looked for."""

import asyncio
import math

from tollkeeper import AsyncBilling


def test_whoever_comes_during_the_first_look_waits_for_none(database_url: str) -> None:
    """Another call has begun to look, and is not done: each looks for itself, and is answered."""

    async def main() -> list[bool]:
        async with AsyncBilling(database_url) as billing:
            await billing.migrate()
            await billing.credits.grant("user_1", "images", 10)
            looked = billing._wired.ledger.looked
            looked.is_begun, looked.next_look = False, math.inf
            answers = await asyncio.gather(*(billing.check("user_1", "images") for _ in range(8)))
            return [answer.is_allowed for answer in answers]

    assert asyncio.run(main()) == [True] * 8
