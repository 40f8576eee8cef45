"""What is told of a payment that failed: the fields that a later payment company has to fill."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from tollkeeper.notices import USUAL, PaymentFailed, from_dict

FAILED = PaymentFailed(
    customer="user_1",
    subscription_id="sub_1",
    plan="pro",
    amount_due=Decimal("29.99"),
    currency="usd",
    attempt=2,
    will_retry=True,
    next_attempt_at=datetime(2026, 6, 4, tzinfo=UTC),
    decline_code="insufficient_funds",
    grace_until=datetime(2026, 6, 8, tzinfo=UTC),
)


def test_s058_a_failed_payment_says_why_and_what_comes_next() -> None:
    """Decline code, attempt, next attempt, whether there is one, and until when grace lasts.

    Subscriptions that are paid by a company are not built; this is the notice they will write.
    """
    told = json.loads(json.dumps(FAILED.to_dict()))
    assert told["kind"] == "payment_failed"
    assert (told["decline_code"], told["attempt"], told["will_retry"]) == (
        "insufficient_funds",
        2,
        True,
    )
    assert told["next_attempt_at"] == "2026-06-04T00:00:00+00:00"
    assert told["grace_until"] == "2026-06-08T00:00:00+00:00"
    assert from_dict(told) == FAILED
    assert PaymentFailed.kind in USUAL
