"""Providers of models: what settings name, the light models of the base install, and the floor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engagerr.core.ai.provider import Price, Where
from engagerr.core.ai.providers.floor import Floor
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    import httpx

    from engagerr.core.ai.embeddings import Embedder
    from engagerr.core.ai.provider import Provider
    from engagerr.core.settings import AiSettings

_MILLION_TOKENS_IN_THOUSANDS, _MICRO = 1000, 1_000_000
_BASE_EMBEDDER = "english"
# Names that settings may not give to endpoints of the operator's own.
_TAKEN = frozenset({"floor", "local", "transformers", "deepseek", "huggingface"})

__all__ = ["Floor", "configured_providers"]


def configured_providers(
    settings: AiSettings, *, home: Path, transport: httpx.BaseTransport | None = None
) -> tuple[Provider, ...]:
    """Every provider that these settings make possible, the floor last. Opens nothing and calls nobody.

    `home` is where relative names of model folders start. `transport` takes the place of the network, in tests.
    Raises `InvalidInput` for settings that cannot be used: plain http to the internet, a model without a price.
    """
    providers: list[Provider] = []
    if (key := settings.secret_deepseek_key()) is not None:
        from engagerr.core.ai.providers.deepseek import deepseek

        providers.append(
            deepseek(key=key, url=settings.deepseek_url, model=settings.deepseek_model, transport=transport)
        )
    if (key := settings.secret_huggingface_key()) is not None:
        providers.append(_huggingface(settings, key, transport))
    if settings.endpoint_url is not None or settings.endpoint_embeddings_url is not None:
        providers.append(_endpoint(settings, transport))
    if (transformers := _transformers(settings, home)) is not None:
        providers.append(transformers)
    from engagerr.core.ai.providers.local import Local

    return (*providers, Local(lambda: _embedder(settings)), Floor())


def _huggingface(settings: AiSettings, key: str, transport: httpx.BaseTransport | None) -> Provider:
    from engagerr.core.ai.providers.huggingface import HuggingFace, Models

    models = Models(
        settings.huggingface_model,
        _price(settings.huggingface_price_in, settings.huggingface_price_out),
        topic=settings.huggingface_topic_model,
        sentiment=settings.huggingface_sentiment_model,
        embedding=settings.huggingface_embedding_model,
    )
    return HuggingFace(key=key, url=settings.huggingface_url, models=models, transport=transport)


def _endpoint(settings: AiSettings, transport: httpx.BaseTransport | None) -> Provider:
    from engagerr.core.ai.providers.openai_compatible import Chat, Embedding, OpenAiCompatible
    from engagerr.core.ai.providers.wire import Wire, checked_address, on_this_machine

    if settings.endpoint_name in _TAKEN:
        raise InvalidInput(
            f"The setting ai.endpoint_name is {settings.endpoint_name!r}, which is another provider's name.",
            hint="Choose a name of your own, such as vllm.",
        )
    price, key = _endpoint_price(settings), settings.secret_endpoint_key()

    def wire(url: str, setting: str) -> Wire:
        address = checked_address(url, setting=setting, private=settings.endpoint_private)
        if settings.endpoint_here and not on_this_machine(address):
            raise InvalidInput(
                f"The setting ai.endpoint_here says that models run on this machine, but {setting} is another one.",
                hint="Take an address such as http://127.0.0.1:8000/v1, or leave ai.endpoint_here out.",
            )
        return Wire(address, key=key, transport=transport)

    chat = embedding = None
    if settings.endpoint_url is not None:
        model = _named(settings.endpoint_model, "ai.endpoint_model", "ai.endpoint_url")
        address = wire(settings.endpoint_url, "ai.endpoint_url")
        chat = Chat(address, model, price, json_schema=settings.endpoint_json_schema)
    if settings.endpoint_embeddings_url is not None:
        model = _named(settings.endpoint_embedding_model, "ai.endpoint_embedding_model", "ai.endpoint_embeddings_url")
        embedding = Embedding(wire(settings.endpoint_embeddings_url, "ai.endpoint_embeddings_url"), model, price)
    where = Where.HERE if settings.endpoint_here else Where.ELSEWHERE
    return OpenAiCompatible(settings.endpoint_name, where=where, chat=chat, embedding=embedding)


def _endpoint_price(settings: AiSettings) -> Price:
    if settings.endpoint_price_in is None or settings.endpoint_price_out is None:
        if settings.endpoint_here:
            return Price()
        # An unknown price taken for none would let a month's budget run out unseen.
        raise InvalidInput(
            "The endpoint of ai.endpoint_url has no price.",
            hint="Set ai.endpoint_price_in and ai.endpoint_price_out: dollars for a million tokens, 0 if it is free.",
        )
    return _price(settings.endpoint_price_in, settings.endpoint_price_out)


def _price(dollars_in: float, dollars_out: float) -> Price:
    """Dollars for a million tokens as millionths of a dollar for a thousand, rounded up."""
    in_, out = (-(-round(dollars * _MICRO) // _MILLION_TOKENS_IN_THOUSANDS) for dollars in (dollars_in, dollars_out))
    return Price(in_, out)


def _named(value: str | None, setting: str, beside: str) -> str:
    if not value:
        raise InvalidInput(f"{beside} is set, but {setting} is not.", hint="Name the model that the endpoint serves.")
    return value


def _transformers(settings: AiSettings, home: Path) -> Provider | None:
    named = (settings.transformers_topic_model, settings.transformers_sentiment_model, settings.transformers_text_model)
    if not any(named):
        return None
    from engagerr.core.ai.providers.local_transformers import LocalModels, LocalTransformers

    topic, sentiment, text = (_folder_or_name(name, home) for name in named)
    return LocalTransformers(LocalModels(topic=topic, sentiment=sentiment, text=text), threads=settings.threads)


def _folder_or_name(name: str | None, home: Path) -> str | None:
    """A folder under the home, where there is one of that name."""
    return str(home / name) if name and (home / name).is_dir() else name


def _embedder(settings: AiSettings) -> Embedder | None:
    """The embedder that settings choose, or that of the base install where they choose none.

    None where the chosen one cannot be opened, and no other in its place: vectors of two models cannot be compared.
    """
    from engagerr.core.ai.embeddings import local_embedder

    name = _BASE_EMBEDDER if settings.embedder == "none" else settings.embedder
    try:
        return local_embedder(name, threads=settings.threads)
    except InvalidInput:
        return None
