"""What AI calls used and what that costs: usage from any vendor's response, prices, estimates.

It imports no vendor's package, touches no balance and reads no clock: responses are read by their
shape, and whoever asks for a price names the moment.
"""

from tollkeeper.metering.books import PriceBook, PriceBooks, cost_of
from tollkeeper.metering.cards import RateCard, RateCards
from tollkeeper.metering.costs import CostLine, ModelCost
from tollkeeper.metering.estimates import CostEstimate, estimate_cost
from tollkeeper.metering.genai import GenaiPrices
from tollkeeper.metering.markups import Markup
from tollkeeper.metering.rates import PinnedRates, QuotedRate, Rate, RateTier, RateVariant
from tollkeeper.metering.reading.readers import Reader, Readers
from tollkeeper.metering.streams import StreamUsage
from tollkeeper.metering.texts import estimated_tokens
from tollkeeper.metering.usage import ModelUsage, Reading, sum_of

__all__ = [
    "CostEstimate",
    "CostLine",
    "GenaiPrices",
    "Markup",
    "ModelCost",
    "ModelUsage",
    "PinnedRates",
    "PriceBook",
    "PriceBooks",
    "QuotedRate",
    "Rate",
    "RateCard",
    "RateCards",
    "RateTier",
    "RateVariant",
    "Reader",
    "Readers",
    "Reading",
    "StreamUsage",
    "cost_of",
    "estimate_cost",
    "estimated_tokens",
    "sum_of",
]
