"""Names of AI vendors: one for each, whatever a framework calls it. Owns that map. Pure."""

from types import MappingProxyType
from typing import Final

from tollkeeper.values.texts import check_text

#: The one name, by those that LangChain, LiteLLM and pydantic-ai write.
SAME_VENDOR: Final = MappingProxyType(
    {
        "amazon": "aws",
        "amazon_bedrock": "aws",
        "azure-openai": "azure",
        "azure_ai": "azure",
        "azure_openai": "azure",
        "bedrock": "aws",
        "bedrock_converse": "aws",
        "fireworks_ai": "fireworks",
        "gemini": "google",
        "google-cloud": "google",
        "google-gla": "google",
        "google-vertex": "google",
        "google_genai": "google",
        "google_vertexai": "google",
        "mistralai": "mistral",
        "moonshot": "moonshotai",
        "openai-chat": "openai",
        "openai-responses": "openai",
        "together_ai": "together",
        "vertex_ai": "google",
        "vertexai": "google",
        "voyage": "voyageai",
        "xai": "x-ai",
    }
)


def vendor_name(vendor: object) -> str:
    """Give the one name of a vendor.

    Raises:
        InvalidText: it is empty, too long, or no text.

    >>> vendor_name("Vertex_AI"), vendor_name("acme")
    ('google', 'acme')
    """
    name = check_text(vendor, "vendor").lower()
    return SAME_VENDOR.get(name, name)
