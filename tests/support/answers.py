"""Answers of models as tests ask for them: a seat, a question, a speaker, and what its listener hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

from bot.domain.asks import Ask, Part
from bot.domain.run import Seat, Usage
from bot.domain.spending import NOBODY, Payer
from bot.models.catalogue import Model
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.models.transforms import Deltas, Transform
from bot.ports.process import Hold, hold_alone
from bot.ports.store import PictureStore
from bot.settings.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import ModelServer, Reply

ASK = Ask((Part("user", "Tabs or spaces?"),))
SEAT = Seat("a", "m", "A")
AT_ONCE = RetrySettings(tries=3, base_s=0.001, cap_s=0.001)


class Heard(NamedTuple):
    text: str
    thinking: str
    ending: str | None
    usage: Usage | None
    error: ProviderError | None


async def hear(deltas: Deltas) -> Heard:
    text = thinking = ""
    ending = usage = error = None
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                assert ending is None, "nothing comes after the ending"
                if delta.restarts:
                    text, thinking = "", thinking + text
                text += delta.text
                thinking += delta.thinking
                ending = delta.ending
                usage = delta.usage or usage
    except ProviderError as raised:
        error = raised
    return Heard(text, thinking, ending, usage, error)


def make_model(base: str, prefix: str = "hosted_vllm") -> Model:
    return Model("m", f"{prefix}/test", "M", "p", api_base=f"{base}/v1")


@asynccontextmanager
async def open_speaker(
    *models: Model,
    deadlines: DeadlineSettings | None = None,
    retries: RetrySettings = AT_ONCE,
    pictures: PictureStore | None = None,
    hold: Hold = hold_alone,
) -> AsyncIterator[Speaker]:
    by_key = {m.key: m for m in models}
    made = Speaker(by_key, deadlines or DeadlineSettings(), retries, pictures=pictures, hold=hold)
    try:
        await made.warm_up()
        yield made
    finally:
        await made.aclose()


async def collect_deltas(made: Speaker, seat: Seat = SEAT, ask: Ask = ASK, payer: Payer = NOBODY) -> list[Delta]:
    return [delta async for delta in made.speak(seat, ask, payer)]


async def wait_until_left(server: ModelServer) -> None:
    """Until every connection to the server is done with."""
    async with asyncio.timeout(60):
        while any(seen.ended_at is None for seen in server.log):
            await asyncio.sleep(0.001)  # what is waited for is a socket
    assert all(seen.left_early for seen in server.log)


def assert_for_people(text: str) -> None:
    assert "\n" not in text
    for technical in ("Exception", "Error", "litellm", "<", "{", "sk-", "b'", "0x"):
        assert technical not in text


async def said(*deltas: Delta, error: ProviderError | None = None) -> Deltas:
    """Yield deltas, and raise the error after them, if any."""
    for delta in deltas:
        yield delta
    if error is not None:
        raise error


def texts(pieces: Iterable[str]) -> list[Delta]:
    """Return the deltas of a text in pieces, with its end."""
    return [*(Delta(0.0, piece) for piece in pieces), Delta(0.0, ending="done")]


def through(stage: Transform, deltas: Sequence[Delta], error: ProviderError | None = None) -> Heard:
    """Return what is heard of deltas that go through a stage."""
    return asyncio.run(hear(stage(said(*deltas, error=error))))


async def answered(
    *replies: Reply,
    prefix: str = "hosted_vllm",
    deadlines: DeadlineSettings | None = None,
    retries: RetrySettings = AT_ONCE,
) -> tuple[Heard, ModelServer]:
    """Ask a seat of a server with these replies; return what was heard, and the server."""
    async with ModelServer() as server:
        server.tell(*replies)
        async with open_speaker(make_model(server.url, prefix), deadlines=deadlines, retries=retries) as made:
            return await hear(made.speak(SEAT, ASK)), server


def divided(text: str, at: Iterable[int]) -> list[str]:
    """Return a text in pieces, cut at these places, of which large ones begin again at its start."""
    places = [0, *sorted(n % (len(text) + 1) for n in at), len(text)]
    return [text[a:b] for a, b in pairwise(places)]


async def count_nothing() -> int:
    """Count the tokens of a prompt that has none."""
    return 0
