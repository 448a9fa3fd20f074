"""DeepSeek: its models, what they ask, and the switches that only it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagerr.core.ai.provider import Price, Where
from engagerr.core.ai.providers.openai_compatible import Chat, OpenAiCompatible
from engagerr.core.ai.providers.wire import Wire, checked_address
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    import httpx

# https://api-docs.deepseek.com/quick_start/pricing as it stood in October 2026: per million tokens at peak hours, cache
# missed. Off-peak is half, a cache hit a fiftieth: an account reads an upper bound, and a budget ends early, not late.
PRICES = {
    "deepseek-flash": Price(micro_usd_in=300, micro_usd_out=1200),
    "deepseek-v4-pro": Price(micro_usd_in=1320, micro_usd_out=3960),
}
PRICES_AS_OF = "2026-10"


def deepseek(*, key: str, url: str, model: str, transport: httpx.BaseTransport | None = None) -> OpenAiCompatible:
    """The provider `deepseek`. `InvalidInput` for a model whose price is not known.

    Its JSON mode takes no schema (the schema stands in the prompt), and its models think unless they are told not to,
    which tasks of this size do not need: https://api-docs.deepseek.com/guides/json_mode and …/guides/thinking_mode.
    """
    if model not in PRICES:
        raise InvalidInput(
            f"The setting ai.deepseek_model is {model!r}, whose price is not known.",
            hint=f"Choose one of: {', '.join(PRICES)}. Any other model: ai.endpoint_url with its prices.",
            facts={"model": model},
        )
    wire = Wire(checked_address(url, setting="ai.deepseek_url"), key=key, transport=transport)
    chat = Chat(wire, model, PRICES[model], json_schema=False, extra={"thinking": {"type": "disabled"}})
    return OpenAiCompatible("deepseek", where=Where.ELSEWHERE, chat=chat)
