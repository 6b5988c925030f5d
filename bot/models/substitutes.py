"""Substitutes: the models that are asked in place of one that cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from bot.domain.asks import Ask
from bot.domain.run import Seat
from bot.errors import StoreFailed
from bot.models.catalogue import Model, has_key
from bot.models.errors import Kind
from bot.models.own_keys import OwnKeys

# Where the provider is out, the purse empty or the key refused, another model is asked. What a provider refuses to
# answer is not carried to the next one, and what is too long, or hits a limit of our own, has its own remedy.
REPLACEABLE: frozenset[Kind] = frozenset({"unreachable", "broken_off", "rate_limit", "billing", "key"})


async def line_up(
    models: Mapping[str, Model], key: str, ask: Ask, own_keys: OwnKeys | None, server: str
) -> list[Model]:
    """Return the model of that key, then its substitutes that have a key, the server's own too, and theirs, each once.

    A search has none: not every model can search.
    """
    _, *others = dict.fromkeys(_walk(models, key))
    if ask.query or not others:
        return [models[key]]
    covered: frozenset[str] = frozenset()
    if own_keys is not None:
        with suppress(StoreFailed):
            covered = await own_keys.list_covered(server)
    return [models[key], *(models[other] for other in others if has_key(models[other]) or other in covered)]


def _walk(models: Mapping[str, Model], key: str) -> Iterator[str]:
    """Yield a model's key and those it falls back to, depth first; settings have no circles."""
    yield key
    for other in models[key].fallbacks:
        yield from _walk(models, other)


def seat_on(seat: Seat, model: Model) -> Seat:
    """Return the seat as it is asked on that model, with its own persona and limits."""
    if seat.model == model.key:
        return seat
    return replace(seat, model=model.key, window=model.window, price=model.price)
