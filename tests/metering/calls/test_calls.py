"""`with billing.metered(…)`: held before, extended while it runs, settled once however it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metering.calls.scene import CHAT_COST, CHAT_PRICE, CHAT_USAGE, SHOP, Scene, shop
from tollkeeper import AsyncBilling, Billing, Catalog, Money
from tollkeeper.errors import (
    CallExhausted,
    CallIsOver,
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    InvalidUsage,
    LimitReached,
    StillRunning,
    UnknownFeature,
    UnknownModel,
)
from tollkeeper.metering import ModelUsage
from tollkeeper.metering.calls.call import MeteredCall
from tollkeeper.notices import MarginLow

MODEL: dict[str, Any] = {"vendor": "openai", "model": "gpt-4o"}
RESPONSE = {"model": "gpt-4o", "choices": [], "usage": CHAT_USAGE}


def words(text: str) -> dict[str, Any]:
    """Make a chunk of a chat completion."""
    return {"id": "one", "model": "gpt-4o", "choices": [{"delta": {"content": text}}]}


# How a call ends (B5).


def test_delivered(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "chat", **MODEL) as call:
        assert scene.held(customer) == call.held > 0
        assert call.result(RESPONSE) is RESPONSE
        assert call.used == CHAT_PRICE
    assert [call.outcome, call.is_booked] == ["delivered", True]
    assert call.receipt is not None
    assert call.receipt.quantity == CHAT_PRICE == scene.spent(customer)
    assert scene.only_call(customer).vendor_cost == CHAT_COST
    scene.audited(customer)


def test_aborted_pays_for_what_came(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    call = scene.billing.metered(customer, "words", hold=100, prompt_tokens=10, **MODEL)
    with pytest.raises(RuntimeError):
        _use(call, words("twelve chars"), RuntimeError())
    assert call.outcome == "aborted"
    told = scene.only_call(customer)
    assert [told.quantity, told.marks] == [13, ("estimated",)]
    assert scene.billing.credits.balance(customer, "words").available == 10_000 - 13


def test_what_failed_before_anything_came_is_free(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with pytest.raises(RuntimeError), scene.billing.metered(customer, "words", hold=100) as call:
        raise RuntimeError
    assert [call.outcome, call.receipt] == ["failed_before_delivery", None]
    told = scene.only_call(customer)
    assert [told.status, told.quantity] == ["released", 0]
    assert scene.billing.credits.balance(customer, "words").available == 10_000


def test_a_call_that_tells_nothing_is_charged_its_estimate(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=100):
        pass
    told = scene.only_call(customer)
    assert [told.outcome, told.quantity, told.marks] == ["delivered", 100, ("estimated",)]
    with scene.billing.metered(customer, "words", hold=100) as call:
        call.cancel()
    assert call.outcome == "failed_before_delivery"
    assert scene.billing.credits.balance(customer, "words").available == 9_900


def test_an_answer_without_usage_is_charged_its_estimate(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=100, **MODEL) as call:
        call.result({"model": "gpt-4o", "choices": []})
    told = scene.only_call(customer)
    assert [told.outcome, told.quantity, told.marks] == ["delivered", 100, ("estimated",)]


def test_numbers_usages_texts_and_bare_usages_add_up(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=1000) as call:
        call.add(7)
        call.add(Decimal(3))
        call.add(None)
        call.add(ModelUsage(vendor="openai", model="gpt-4o", input=20, output=5))
        call.add("eight ch")
    assert call.used == 37
    assert call.outcome == "delivered"
    with scene.billing.metered(customer, "chat", hold=Money("1", "usd"), **MODEL) as call:
        call.add({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150})
        call.add(Money("0.5", "usd"))
    assert call.used == CHAT_PRICE + Decimal("0.5")


def test_several_streams_in_one_call_add_up(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    end = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    with scene.billing.metered(customer, "words", hold=1000, **MODEL) as call:
        for name in ("one", "two"):
            call.add({**words("some text"), "id": name})
            call.add({**end, "id": name, "model": "gpt-4o"})
            call.add({"id": name, "model": "gpt-4o", "choices": [], "usage": CHAT_USAGE})
    assert [call.used, call.outcome] == [300, "delivered"]


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (1.5, InvalidRequest),
        (True, InvalidRequest),
        (-1, InvalidAmount),
        (Money("1", "usd"), CurrencyMismatch),
    ],
)
def test_strange_numbers_are_refused_and_what_came_is_charged(
    scene: Scene, customer: str, item: object, error: type[Exception]
) -> None:
    scene.rich(customer)
    call = scene.billing.metered(customer, "words", hold=10)
    with pytest.raises(error):
        _use(call, 4, item)
    assert scene.only_call(customer).quantity == 4


def _use(call: MeteredCall, *items: object) -> None:
    """Run a call that takes these; an error is raised."""
    with call:
        for item in items:
            if isinstance(item, Exception):
                raise item
            call.add(item)


# Slices (B4).


def test_a_stream_holds_more_before_it_is_spent(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=100, slice=40) as call:
        for _ in range(50):
            call.add(10)
            assert call.used < call.held
    assert scene.billing.credits.balance(customer, "words").available == 9_500
    assert scene.billing.credits.balance(customer, "words").scaled.held == 0


def test_a_refused_slice_is_told_before_the_next_one_is_spent(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "words", 100)
    call = scene.billing.metered(customer, "words", hold=40, slice=16)
    with pytest.raises(CallExhausted, match="may still be used") as refusal:
        _use(call, *[4] * 40)
    taken = call.used
    assert refusal.value.reason == "insufficient_balance"
    assert Decimal(refusal.value.left) == Decimal(refusal.value.held) - taken >= 0
    assert taken <= 100
    told = scene.only_call(customer)
    assert [told.outcome, told.quantity, told.uncollected] == ["aborted", taken, 0]
    assert scene.billing.credits.balance(customer, "words").available == 100 - taken


def test_who_goes_on_after_a_refusal_may_use_what_is_left(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "words", 50)
    with scene.billing.metered(customer, "words", hold=40, slice=16) as call:
        refusals = 0
        while call.left > 0 or not refusals:
            try:
                call.add(1)
            except CallExhausted:
                refusals += 1
    assert refusals >= 1
    assert scene.billing.credits.balance(customer, "words").available == 0
    assert call.used == 50


def test_a_long_stream_prolongs_its_hold(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    minutes = timedelta(minutes=10)
    with scene.billing.metered(customer, "words", hold=500, lifetime=minutes) as call:
        for _ in range(10):
            call.add(5)
            scene.clock.advance(minutes=4)
            assert scene.billing.jobs.run_due().others == {}
        call.add(5)
    assert call.receipt is not None
    assert [call.receipt.late, call.receipt.quantity] == [False, 55]


def test_an_excess_is_charged_and_what_nobody_pays_is_recorded(scene: Scene, customer: str) -> None:
    scene.billing.credits.grant(customer, "words", 100)
    with scene.billing.metered(customer, "words", hold=40) as call:
        call.result({"model": "gpt-4o", "choices": [], "usage": CHAT_USAGE})
    assert call.receipt is not None
    assert [call.receipt.quantity, call.receipt.uncollected] == [150, 50]
    told = scene.only_call(customer)
    assert [told.uncollected, "uncollected" in told.marks] == [50, True]
    scene.audited(customer)


def test_what_a_call_cost_beyond_its_hold_has_no_needless_zeros(
    scene: Scene, customer: str
) -> None:
    scene.rich(customer)
    hold = Money("0.00025", "usd")
    with scene.billing.metered(customer, "chat", hold=hold, **MODEL) as call:
        call.result(RESPONSE)
    assert call.receipt is not None
    assert {unit: str(cost) for unit, cost in call.receipt.cost.items()} == {"usd": "0.0009"}
    assert sum(share.amount for share in call.receipt.shares) == CHAT_PRICE


def test_an_excess_may_be_capped(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=40, excess="cap") as call:
        call.result(RESPONSE)
    assert call.receipt is not None
    assert [call.receipt.quantity, call.receipt.uncollected] == [150, 110]
    assert scene.billing.credits.balance(customer, "words").available == 9_960


def test_s114_a_limit_of_tokens_takes_headroom_while_the_call_runs(
    scene: Scene, customer: str
) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "limited", hold=400) as call:
        with pytest.raises(LimitReached):
            scene.billing.charge(customer, "limited", 200)
        with pytest.raises(LimitReached), scene.billing.metered(customer, "limited", hold=200):
            raise AssertionError("nothing was held, so nothing may run")
        call.add(100)
    assert scene.billing.charge(customer, "limited", 400).quantity == 400
    with pytest.raises(LimitReached):
        scene.billing.charge(customer, "limited", 1)


# Before anything is held.


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"hold": -1}, InvalidAmount),
        ({"hold": 1.5}, InvalidAmount),
        ({"hold": Money("1", "eur")}, CurrencyMismatch),
        ({"excess": "refuse"}, InvalidRequest),
        ({"abandoned": "free"}, InvalidRequest),
        ({"replay": True}, InvalidRequest),
        ({"lifetime": timedelta(days=2)}, InvalidRequest),
        ({"count": "letters"}, InvalidRequest),
        ({"prompt_tokens": -1}, InvalidUsage),
        ({"tags": "abc"}, InvalidRequest),
        ({"tags": 5}, InvalidRequest),
        ({"dimensions": 5}, InvalidRequest),
        ({"unknown": 1}, TypeError),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    scene: Scene, customer: str, options: dict[str, Any], error: type[Exception]
) -> None:
    scene.rich(customer)
    with pytest.raises(error), scene.billing.metered(customer, "words", **options):
        raise AssertionError("nothing was held, so nothing may run")
    assert not scene.billing.model_calls.list(customer).calls
    assert scene.billing.credits.balance(customer, "words").scaled.held == 0


def test_a_call_that_is_entered_twice_counts_on(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=10) as call:
        call.add(4)
        with pytest.raises(InvalidRequest, match="entered once"), call:
            raise AssertionError("it is another's turn")
        call.add(1)
    with pytest.raises(InvalidRequest, match="entered once"):
        call.open()
    assert scene.billing.credits.balance(customer, "words").available == 10_000 - 5


def test_unknown_features_and_models_are_refused(scene: Scene, customer: str) -> None:
    with pytest.raises(UnknownFeature):
        scene.billing.metered(customer, "chatt", hold=1).open()
    with pytest.raises(UnknownModel):
        scene.billing.metered(customer, "chat", vendor="openai", model="gtp-4").open()
    with pytest.raises(InvalidRequest, match="Enter the call"):
        scene.billing.metered(customer, "words").add(1)
    with (
        pytest.raises(InvalidRequest, match="name vendor and model"),
        scene.billing.metered(customer, "chat"),
    ):
        raise AssertionError("nothing was held, so nothing may run")
    assert not scene.billing.model_calls.list(customer).calls


def test_an_unknown_model_of_a_counted_feature_has_an_unknown_cost(
    scene: Scene, customer: str
) -> None:
    scene.rich(customer)
    model: dict[str, Any] = {"vendor": "acme", "model": "small"}
    with scene.billing.metered(customer, "words", hold=100, **model) as call:
        call.add(ModelUsage(**model, output=40))
    told = scene.only_call(customer)
    assert [told.quantity, told.vendor_cost, told.marks] == [40, None, ("unpriced",)]
    [line] = scene.billing.model_calls.report(customer=customer).lines
    assert [line.unpriced, line.margin] == [1, None]


def test_a_refused_hold_writes_nothing(scene: Scene, customer: str) -> None:
    with (
        pytest.raises(InsufficientBalance),
        scene.billing.metered(customer, "words", hold=1, idempotency_key="k"),
    ):
        raise AssertionError("nothing was held, so nothing may run")
    assert not scene.billing.model_calls.list(customer).calls
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=1, idempotency_key="k") as call:
        call.add(1)
    assert call.outcome == "delivered"


# Keys and replays.


def test_s019_a_key_is_called_once_and_replayed(scene: Scene, customer: str) -> None:
    scene.rich(customer)

    def ask(**more: Any) -> tuple[Any, Any]:
        options = {**MODEL, "idempotency_key": "msg-1", "replay": True, **more}
        with scene.billing.metered(customer, "chat", **options) as call:
            if call.replayed:
                return call, call.response
            return call, call.result(RESPONSE)

    first, answer = ask()
    again, same = ask()
    assert answer == same == RESPONSE
    assert [first.replayed, again.replayed] == [False, True]
    assert again.receipt.to_json() == first.receipt.to_json()
    assert again.id == first.id
    assert scene.spent(customer) == CHAT_PRICE
    with pytest.raises(IdempotencyConflict):
        ask(request={"other": 1})


def test_a_key_whose_answer_was_not_kept_is_over(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=9, idempotency_key="k") as call:
        call.add(3)
    with (
        pytest.raises(CallIsOver),
        scene.billing.metered(customer, "words", hold=9, idempotency_key="k"),
    ):
        raise AssertionError("a call under a used key must not run")
    assert scene.billing.credits.balance(customer, "words").available == 9_997


def test_a_key_that_runs_is_still_running_and_one_that_failed_is_free(
    scene: Scene, customer: str
) -> None:
    scene.rich(customer)
    options: dict[str, Any] = {"hold": 9, "idempotency_key": "k"}
    first = scene.billing.metered(customer, "words", **options).open()
    with pytest.raises(StillRunning), scene.billing.metered(customer, "words", **options):
        raise AssertionError("a call under a running key must not run")
    first.end(RuntimeError())
    with scene.billing.metered(customer, "words", **options) as call:
        call.add(2)
    assert call.outcome == "delivered"


def test_answers_go_with_the_customer(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    options: dict[str, Any] = {**MODEL, "hold": 9, "idempotency_key": "k", "replay": True}
    with scene.billing.metered(customer, "words", **options) as call:
        call.result(RESPONSE)
    scene.billing.customers.erase(customer)
    with pytest.raises(CallIsOver), scene.billing.metered(customer, "words", **options):
        raise AssertionError("a call under a used key must not run")


# Functions.


def test_functions_of_every_kind(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    meter = scene.billing.meter

    @meter("words", customer="user", hold=100, **MODEL)
    def whole(user: str, question: str) -> Any:
        assert user
        return {**RESPONSE, "question": question}

    @meter("words", customer=lambda user, **_: user["id"], hold=100, usage=len)
    def counted(user: dict[str, str]) -> str:
        assert user
        return "four"

    @meter("words", customer="user", hold=100, **MODEL)
    def streamed(user: str) -> Iterator[Any]:
        assert user
        yield words("some text")
        yield {"id": "one", "model": "gpt-4o", "choices": [], "usage": CHAT_USAGE}

    assert whole(customer, "why?")["question"] == "why?"
    assert counted({"id": customer}) == "four"
    assert len(list(streamed(customer))) == 2
    for chunk in streamed(customer):
        assert chunk["choices"]
        break
    failing = meter("words", customer="user", hold=5)(_raise)
    with pytest.raises(RuntimeError):
        failing(user=customer)
    found = [call.quantity or 0 for call in scene.billing.model_calls.list(customer).calls]
    assert found[0] == 0
    assert sorted(found[1:]) == [3, 4, 150, 150]
    with pytest.raises(InvalidRequest, match="no argument"):
        meter("words", customer="nobody")(_raise)


def _raise(user: str) -> None:
    raise RuntimeError(user)


def test_functions_for_tasks(scene: Scene, customer: str) -> None:
    scene.rich(customer)

    async def run() -> None:
        async with AsyncBilling(scene.url, clock=scene.clock, catalog=shop()) as billing:

            @billing.meter("words", customer="user", hold=100, **MODEL)
            async def whole(user: str) -> Any:
                assert user
                return RESPONSE

            @billing.meter("words", customer="user", hold=100, **MODEL)
            async def streamed(user: str) -> AsyncIterator[Any]:
                assert user
                yield words("some text")
                yield {"id": "one", "model": "gpt-4o", "choices": [], "usage": CHAT_USAGE}

            assert await whole(customer) == RESPONSE
            assert len([chunk async for chunk in streamed(customer)]) == 2
            async with billing.metered(customer, "words", hold=10, slice=4) as call:
                for _ in range(5):
                    await call.add(4)
            with pytest.raises(InvalidRequest, match="async with"):
                billing.metered(customer, "words", hold=10).open()
            page = await billing.model_calls.list(customer)
            assert [call.quantity for call in page.calls] == [20, 150, 150]

    asyncio.run(run())


# Estimates and reports.


def test_estimates_come_from_history(scene: Scene, customer: str) -> None:
    model: dict[str, Any] = {"vendor": "openai", "model": f"gpt-4o-{customer}"}
    limits: dict[str, Any] = {"prompt_tokens": 100, "maximum_output": 50}
    assert scene.billing.estimate_call("chat", **model, **limits).p95 == CHAT_PRICE
    scene.rich(customer)
    for output in range(1, 41):
        with scene.billing.metered(customer, "chat", **model, **limits) as call:
            call.add(ModelUsage(**model, output=output))
    scene.clock.advance(minutes=2)
    found = scene.billing.estimate_call("chat", **model)
    assert [found.basis, found.samples] == ["history", 40]
    each = Decimal("0.000012")
    assert [found.p50, found.p95] == [20 * each, 38 * each]
    assert found.p95_money == Money(38 * each, "usd")
    with scene.billing.metered(customer, "chat", **model) as call:
        assert call.held == found.p95
        call.cancel()


def test_a_report_tells_cost_revenue_and_margin(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    other: dict[str, Any] = {"vendor": "anthropic", "model": "claude-haiku-4-5"}
    with scene.billing.metered(customer, "chat", **MODEL) as call:
        call.result(RESPONSE)
    with scene.billing.metered(customer, "chat", **other) as call:
        call.add(ModelUsage(**other, input=1000))
    bought = Money("5", "usd")
    scene.billing.credits.grant(
        customer, "credits", 1000, source="purchase", cost_basis=bought, priority=1
    )
    with scene.billing.metered(customer, "limited", hold=100, **MODEL) as call:
        call.add(ModelUsage(**MODEL, input=100))
    report = scene.billing.model_calls.report(by=("customer", "model"), customer=customer)
    lines = {line.group["model"]: line for line in report.lines}
    assert lines["claude-haiku-4-5"].margin == Money("0.0002", "usd")
    both = lines["gpt-4o"]
    assert both.calls == 2
    assert both.vendor_cost == (Money("0.001", "usd"),)
    # A tenth of the pack, beside what the wallet paid.
    assert both.revenue == (Money("0.5009", "usd"),)
    assert report.total.margin == both.margin + Money("0.0002", "usd") if both.margin else False
    later = scene.clock.now() + timedelta(seconds=1)
    assert not scene.billing.model_calls.report(since=later, customer=customer).lines
    [day] = scene.billing.model_calls.report(by="day", customer=customer).lines
    assert day.group == {"day": "2026-06-01"}
    with pytest.raises(InvalidRequest, match="by is one or more"):
        scene.billing.model_calls.report(by="colour")


def test_credits_without_a_cost_earn_nothing(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    with scene.billing.metered(customer, "words", hold=100, **MODEL) as call:
        call.result(RESPONSE)
    told = scene.only_call(customer)
    assert told.revenue == ()
    assert told.margin == -CHAT_COST


# The law: however a call is taken apart, what is charged is what was used.


@given(parts=st.lists(st.integers(0, 60), max_size=8), hold=st.integers(1, 80))
def test_a_call_costs_what_its_parts_add_up_to(parts: list[int], hold: int) -> None:
    with Billing("sqlite://") as billing:
        billing.migrate()
        billing.credits.grant("u", "words", 10_000)
        with billing.metered("u", "words", hold=hold) as call:
            for part in parts:
                call.add(part)
        expected = sum(parts) if parts else hold
        assert billing.credits.balance("u", "words").available == 10_000 - expected
        assert billing.credits.balance("u", "words").scaled.held == 0
        assert billing.books.audit().ok


def test_customers_who_lose_money_are_told_of_once(
    scene: Scene, new_customer: Callable[[], str]
) -> None:
    """One pays a fifth more than the vendor takes, one has credits that nobody paid for."""
    since = scene.clock.advance(days=30)
    gains, loses = scene.rich(new_customer()), scene.rich(new_customer())
    for who, feature in ((gains, "chat"), (loses, "words")):
        with scene.billing.metered(
            who, feature, hold="0.1" if who == gains else 9, **MODEL
        ) as call:
            call.result(RESPONSE)
    for _ in range(2):
        [line] = scene.billing.model_calls.warn_of_losses(since)
        assert line.group == {"customer": loses}
    both = scene.billing.model_calls.warn_of_losses(since, least="30")
    assert {line.group["customer"] for line in both} == {gains, loses}
    page = scene.billing.notices.list(customer=loses, kind=MarginLow)
    assert [state.notice.to_dict()["least"] for state in page.notices] == ["30", "0"]
    [state] = scene.billing.notices.list(customer=gains, kind="margin_low").notices
    assert isinstance(state.notice, MarginLow)
    assert [state.notice.vendor_cost, state.notice.revenue] == [CHAT_COST.amount, CHAT_PRICE]


def test_several_sources_pay_one_call_and_each_earns(tmp_path: Path) -> None:
    """An allowance, then the wallet, then the later bill; use is told with its model."""
    plans = """
    [units.chat]
    scale = 9

    [plans.pro]
    prices = ["20.00 usd / month"]
    allowances.chat = { amount = "0.0002", every = "month" }
    waterfall = ["own", "wallet", "usage"]
    """
    catalog = Catalog.from_toml(SHOP + plans)
    with Billing(f"sqlite:///{tmp_path / 'books.db'}", catalog=catalog) as billing:
        billing.migrate()
        billing.subscriptions.allocate("u", "pro")
        billing.wallet.deposit("u", Money("0.0003", "usd"))
        with billing.metered("u", "chat", **MODEL) as call:
            call.result(RESPONSE)
        assert call.receipt is not None
        paid = [[share.source, str(share.quantity)] for share in call.receipt.shares]
        assert paid == [["chat", "0.0002"], ["wallet", "0.0003"], ["usage", "0.0004"]]
        told = billing.model_calls.get("u", call.id)
        # The whole allowance was used, so it has earned the plan's price.
        assert told.revenue == (Money("20.0007", "usd"),)
        assert told.margin == Money("19.99995", "usd")
        [event] = billing.usage.history("u", "chat").events
        assert event.dimensions == {"vendor": "openai", "model": "gpt-4o"}
        assert billing.books.audit().ok
