"""Live counts of turns that are cut off, beside what the provider itself counts in the recording of that stream.

Each recording is streamed through litellm and the speaker up to a random piece of its text; then nothing more comes,
and the turn is skipped. A recording whose pieces are about as many as its tokens says how many had come by then; of
others the reported tokens are shared out by characters. Where thinking is told apart it is left out on both sides, else
it is in both. Points before `LEAST_TOKENS` are not looked at.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.report import Bar, Scene
from bot.domain.asks import Ask, Part
from bot.domain.run import Seat, TurnId, Usage
from bot.engine.draft import Draft
from bot.formats.plan import Want
from bot.models.catalogue import Model
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import ModelServer, Recording, Reply, replay
from tests.support.recorded_streams import LITELLM_MODELS

ASK = Ask((Part("user", "How do I cross the street?"),))
LEAST_TOKENS = 50
SAME = 0.1  # pieces are tokens where their numbers differ by no more, as some tokens have no text
# What these write to their tools is in their output and nobody sees it, or what tools brought is seen and not in it.
UNSEEN = ("anthropic-web-search", "groq-web-search")
IDLE_S = 0.2  # without a delta: all that was sent has come


@dataclass(frozen=True, slots=True)
class Cut:
    """Tokens of visible text at one point of a recording: as counted live, and by the provider's own figures."""

    recording: str
    counted: int
    real: float

    @property
    def error_percent(self) -> float:
        return 100 * (self.counted / self.real - 1)


@dataclass(frozen=True, slots=True)
class Whole:
    """A recording as the speaker makes it: tokens of its text (and of its thinking, where that is not told apart)."""

    tokens: int
    chars: int
    pieces: int
    is_apart: bool

    def share(self, heard: Sequence[Delta]) -> float:
        """Return the tokens of what has been heard, by the provider's own figures."""
        lengths = self.lengths(heard)
        a_piece_a_token = abs(self.pieces - self.tokens) <= SAME * self.tokens
        return float(sum(map(bool, lengths))) if a_piece_a_token else self.tokens * sum(lengths) / self.chars

    def lengths(self, heard: Sequence[Delta]) -> list[int]:
        return [len(delta.text) + (0 if self.is_apart else len(delta.thinking)) for delta in heard]


def cut_streams(streams: Mapping[str, Recording], *, points: int) -> list[Cut]:
    """Cut every recording that says what its visible text took, at so many points."""
    names = sorted(set(streams) & set(LITELLM_MODELS) - set(UNSEEN))
    return [cut for name in names for cut in asyncio.run(_cut_stream(name, streams[name], points))]


async def _cut_stream(name: str, recording: Recording, points: int) -> list[Cut]:
    reply, dice = replay(recording), random.Random(name)
    whole = _measure(await _play(name, recording, reply))
    if whole is None or whole.tokens < LEAST_TOKENS:
        return []
    found: list[Cut] = []
    while len(found) < points:
        pieces = reply.pieces[: dice.randint(1, len(reply.pieces))]
        heard = await _play(name, recording, replace(reply, pieces=pieces, then="hang"))
        used, real = _last_count(heard), whole.share(heard)
        if real >= LEAST_TOKENS:
            found.append(Cut(name, used.output - (used.thinking if whole.is_apart else 0), real))
    return found


def _measure(heard: Sequence[Delta]) -> Whole | None:
    """Return what a whole recording comes to; None where its provider says nothing of its tokens."""
    used = next((d.usage for d in reversed(heard) if d.usage and d.usage.source == "reported"), None)
    if used is None:
        return None
    whole = Whole(used.output - used.thinking, 0, 0, used.thinking > 0)
    lengths = whole.lengths(heard)
    return replace(whole, chars=sum(lengths), pieces=sum(map(bool, lengths)))


async def _play(name: str, recording: Recording, reply: Reply) -> list[Delta]:
    """Return what the speaker makes of a recording, until its end or until nothing more comes."""
    called, base = LITELLM_MODELS[name]
    heard: list[Delta] = []
    async with ModelServer() as server:
        server.tell(reply, path=recording["path"].partition("?")[0].partition("#")[0])
        model = Model("m", called, "M", "p", api_key="k-1", api_base=server.url + base)
        speaker = Speaker({"m": model}, DeadlineSettings(), RetrySettings(tries=1))
        await speaker.warm_up()
        try:
            async with aclosing(speaker.speak(Seat("a", "m", "A"), ASK)) as deltas:
                while delta := await _read_next(deltas, IDLE_S if reply.then == "hang" else None):
                    heard.append(delta)
        except ProviderError:
            return []  # it has no visible text
        finally:
            await speaker.aclose()
    return heard


async def _read_next(deltas: AsyncGenerator[Delta, None], idle_s: float | None) -> Delta | None:
    try:
        async with asyncio.timeout(idle_s):
            return await anext(deltas, None)
    except TimeoutError:
        return None


def _last_count(heard: Sequence[Delta]) -> Usage:
    """Return the usage that is stored of a turn whose stream is cut off, as the engine's draft keeps it."""
    draft = Draft(Want(TurnId("answer", 1, "a")), Seat("a", "m", "A"), None, 0.0, hidden=False)
    for delta in heard:
        draft.add_delta(delta)
    return draft.usage_so_far()


def list_scenes(cuts: Sequence[Cut]) -> Iterator[Scene]:
    for name in dict.fromkeys(cut.recording for cut in cuts):
        own = [cut for cut in cuts if cut.recording == name]
        yield {
            "scene": f"cut off: {name}",
            "cuts": len(own),
            "error_percent": round(median(cut.error_percent for cut in own), 1),
        }


def make_bars(cuts: Sequence[Cut]) -> list[Bar]:
    worst = max(abs(float(scene["error_percent"])) for scene in list_scenes(cuts))
    return [Bar("live counts of turns cut off, median error of the worst recording", worst, 5.0, "%")]
