"""What tests of metering may ask for: a make-believe vendor, and real clients that talk to it."""

from collections.abc import Iterator

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.metering.vendors import Vendor, serving


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A make-believe vendor on loopback; say what it answers with `vendor.will(…)`."""
    with serving() as running:
        yield running


@pytest.fixture
def openai_client(vendor: Vendor) -> Iterator[OpenAI]:
    """The real client of OpenAI, talking to the make-believe vendor."""
    with OpenAI(base_url=f"{vendor.url}/v1", api_key="none", max_retries=2) as client:
        yield client


@pytest.fixture
def anthropic_client(vendor: Vendor) -> Iterator[Anthropic]:
    """The real client of Anthropic, talking to the make-believe vendor."""
    with Anthropic(base_url=vendor.url, api_key="none", max_retries=2) as client:
        yield client
