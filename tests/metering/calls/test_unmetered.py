"""Nothing that costs money is free in silence: what a wrapped client does not meter, it refuses."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.metering.calls.scene import SHOP, Scene
from tollkeeper import AsyncBilling, Billing, Catalog
from tollkeeper.errors import InvalidRates, InvalidRequest
from tollkeeper.metering.calls.asking import FREE, RESOURCES
from tollkeeper.metering.calls.clients import MeteredClient


class Models:
    """The part of a client of Google that asks models."""

    def generate_content(self, **request: Any) -> dict[str, Any]:
        """Answer as Google does."""
        raise AssertionError(f"nobody would have paid for {request}")


class Google:
    """A client that is none of OpenAI or Anthropic."""

    models = Models()


class OwnClient(openai.OpenAI):
    """A client that an app has made its own."""


class Completions:
    """A resource of a vendor that copies OpenAI's client."""

    def create(self, **request: Any) -> dict[str, Any]:
        """Answer as OpenAI does."""
        usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
        return {"model": request["model"], "choices": [], "usage": usage}


class Chat:
    """The part of such a client that has completions."""

    completions = Completions()


class Copy:
    """A client of a vendor that copies OpenAI's."""

    chat = Chat()
    images = Completions()
    base_url = "https://copy.example"


OURS: Any = {"api_key": "none", "base_url": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "thing", [object(), Google(), openai.OpenAI, None, 5], ids=lambda t: type(t).__name__
)
def test_what_is_no_client_is_refused_at_once(scene: Scene, thing: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"no client of OpenAI or Anthropic.*billing\.metered"):
        scene.billing.wrap(thing, feature="chat", customer="user_1")


def test_a_client_of_the_apps_own_class_is_its_vendors(scene: Scene) -> None:
    client = scene.billing.wrap(OwnClient(**OURS), feature="chat", customer="user_1")
    assert isinstance(client, OwnClient)
    with pytest.raises(InvalidRequest, match=r"images is not metered"):
        _ = client.images


def test_a_client_of_the_same_shape_is_metered(scene: Scene, customer: str) -> None:
    scene.rich(customer)
    client = scene.billing.wrap(Copy(), feature="words", customer=customer, vendor="copy")
    client.chat.completions.create(model="small", messages=[])
    assert scene.only_call(customer).quantity == 150
    assert client.base_url == "https://copy.example"
    with pytest.raises(InvalidRequest, match="images is not metered"):
        _ = client.images


def parts(client: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Walk over the resources of a real client."""
    for name in dir(type(client)):
        if name.startswith(("_", "with_")):
            continue
        found = getattr(client, name)
        if any("APIResource" in kind.__name__ for kind in type(found).__mro__):
            yield (*path, name)
            yield from parts(found, (*path, name)) if len(path) < 3 else ()


def reached(client: Any, path: tuple[str, ...]) -> Any:
    """Give what stands at the end of a path."""
    for name in path:
        client = getattr(client, name)
    return client


def is_known_free(path: tuple[str, ...]) -> bool:
    """Tell whether the first part off the way to what is metered is known to be free."""
    starts = [path[:length] for length in range(1, len(path) + 1)]
    off = next(s for s in starts if not any(r[: len(s)] == s for r in RESOURCES))
    return off[-1] in FREE or off[-2:] == ("completions", "messages")


@pytest.mark.parametrize("kind", [openai.OpenAI, anthropic.Anthropic])
def test_the_law_each_resource_is_metered_free_or_refused(scene: Scene, kind: Any) -> None:
    raw = kind(**OURS)
    client = scene.billing.wrap(raw, feature="chat", customer="user_1")
    seen: set[str] = set()
    for path in parts(raw):
        is_metered = any(resource[: len(path)] == path for resource in RESOURCES)
        if is_metered:
            assert type(reached(client, path)) is MeteredClient
            seen.add("metered")
        elif is_known_free(path):
            assert type(reached(client, path)) is not MeteredClient
            seen.add("free")
        else:
            with pytest.raises(InvalidRequest, match="not metered by a wrapped client"):
                reached(client, path)
            seen.add("refused")
    assert seen == {"metered", "free", "refused"}


@pytest.mark.parametrize(
    "path",
    ["images", "audio", "batches", "fine_tuning", "videos", "realtime", "beta.threads", "evals"],
)
def test_what_costs_money_at_openai_is_refused(scene: Scene, path: str) -> None:
    client = scene.billing.wrap(openai.OpenAI(**OURS), feature="chat", customer="user_1")
    with pytest.raises(InvalidRequest, match=rf"{path} is not metered.*call\.result"):
        reached(client, tuple(path.split(".")))


def test_batches_of_anthropic_and_bare_requests_are_refused(scene: Scene) -> None:
    client = scene.billing.wrap(anthropic.Anthropic(**OURS), feature="chat", customer="user_1")
    for path in (("messages", "batches"), ("beta", "messages", "batches"), ("post",), ("request",)):
        with pytest.raises(InvalidRequest, match="not metered"):
            reached(client, path)


def test_tasks_are_refused_the_same() -> None:
    async def ask() -> None:
        async with AsyncBilling("sqlite://", catalog=Catalog.from_toml(SHOP)) as billing:
            client = billing.wrap(openai.AsyncOpenAI(**OURS), feature="chat", customer="user_1")
            with pytest.raises(InvalidRequest, match="images is not metered"):
                _ = client.images
            with pytest.raises(InvalidRequest, match="no client of OpenAI"):
                billing.wrap(Google())

    asyncio.run(ask())


def test_a_source_of_prices_that_nobody_handed_over_is_told_before_any_call() -> None:
    catalog = Catalog.from_toml(
        'currency = "usd"\nfeatures.chat.price_book = "llm"\nprice_books.llm.source = "ours"'
    )
    with Billing("sqlite://", catalog=catalog) as billing:
        with pytest.raises(InvalidRates, match="'ours' is no source of prices that is wired"):
            billing.wrap(openai.OpenAI(**OURS))
        with pytest.raises(InvalidRates, match=r"price_books=\{'ours': …\}"):
            billing.meter("chat", customer="user")
