"""What people do on Discord, in virtual time: the real discord.py in simcord's Discord, and speakers by a script.

Simcord knows no webhook of an application's own, and lets none carry buttons: here it refuses to make one, so that the
bot speaks itself. It has no limits and no wire either; those are the wire server's (test_discord_trouble.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context, copy_context
from functools import partial
from random import Random
from typing import Any

import aiohttp
import discord
import pytest
import simcord

from adapters.discord.api import Rest
from adapters.discord.budgets import discord_budget
from adapters.discord.client import DiscordBot, make_client
from bot.actions.actions import Actions
from bot.actions.panels import PanelBook
from bot.actions.pipeline_files import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.concurrency import TaskGroup
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.live.budget import Budgets
from bot.live.schedule import Scheduler
from bot.models.catalogue import resolve_models
from bot.settings.settings import Settings
from tests.support.speakers import ScriptedSpeaker, Step
from tests.support.stores import MemoryStore
from tests.support.virtual_time import run_virtual

SETTINGS = Settings.model_validate(
    {
        "models": {key: {"litellm": f"hosted_vllm/{key}", "name": key.capitalize()} for key in ("ada", "bob", "cyd")},
        "panels": {"default": {"seats": ["ada", "bob", "cyd"]}},
        "discord": {"token": "a.b.c"},
    }
)
PROMPTS = {name: "Answer." for form in FORMATS.values() for name in form.PROMPTS}


class Beside(TaskGroup):
    """A task group whose tasks have a context of their own.

    Simcord waits after each act until all tasks of its context rest, but cannot tell that a task rests that waits for
    an event. In a context of its own a run goes on beside that.
    """

    context: Context

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        return self.context.copy().run(partial(super().create_task, coro, name=name, context=context))


class Town:
    """A guild with a channel, and `eve` and `tom` in it."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.env: simcord.Env
        self.supervisor: RunSupervisor
        self.bot: DiscordBot
        self.channel: simcord.ChannelHandle
        self.eve: simcord.MemberActor
        self.tom: simcord.MemberActor

    def make_client(self, lines: Mapping[str, Sequence[Step]]) -> tuple[discord.Client, Scheduler]:
        """Make the client of a bot that is not connected yet, and its scheduler."""
        now = asyncio.get_running_loop().time
        assert SETTINGS.discord is not None
        budgets = Budgets(discord_budget, now())
        scheduler = Scheduler(budgets)
        self.supervisor = RunSupervisor(
            store=self.store,
            speaker=ScriptedSpeaker(lines),
            scheduler=scheduler,
            clock=now,
            trace=NoTrace(),
            owner="test",
        )
        services = Services(
            settings=SETTINGS,
            panels=PanelBook(SETTINGS.panels, self.store),
            pipelines=PipelineBook({}, self.store),
            models=resolve_models(SETTINGS.models),
        )
        resolver = RequestResolver(
            services,
            prompts=PROMPTS,
            vote_s=60.0,
            why_absent=lambda model: None,
            random=Random(1),
        )
        actions = Actions(services, resolver, store=self.store, supervisor=self.supervisor, clock=now)
        rest = Rest(budgets, now)
        client = make_client(SETTINGS.discord, rest)
        self.bot = DiscordBot(client, rest, actions, self.store, self.store, SETTINGS.discord)
        return client, scheduler

    @asynccontextmanager
    async def run_core(self, scheduler: Scheduler) -> AsyncIterator[None]:
        """Run the part of a process that is not discord.py's. Leaving the context is as SIGTERM."""
        with self.env.time_context():
            Beside.context = copy_context()
        up, down = asyncio.Event(), asyncio.Event()

        async def run() -> None:
            async with scheduler, self.supervisor:
                up.set()
                await down.wait()
                raise asyncio.CancelledError

        running = asyncio.create_task(run())
        await up.wait()
        try:
            yield
        finally:
            down.set()
            await asyncio.wait([running])

    async def find_message(self, words: str) -> discord.Message:
        """Return the first message of the thread with these words, once everything is shown."""
        await asyncio.sleep(5)
        (thread,) = self.channel.threads
        found = [m for m in thread.history() if words in read_text(m)]
        assert found, [read_text(m) for m in thread.history()]
        return found[0]


def read_text(message: discord.Message) -> str:
    return "\n".join(_collect_texts(message.components))


def _collect_texts(components: Sequence[Any]) -> list[str]:
    found = []
    for part in components:
        found += (
            [part.content] if isinstance(part, discord.TextDisplay) else _collect_texts(getattr(part, "children", ()))
        )
    return found


Scene = Callable[[Town], Awaitable[None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that plays a scene in virtual time; its `lines` are as for `ScriptedSpeaker`."""
    monkeypatch.setattr("bot.engine.supervisor.TaskGroup", Beside)
    monkeypatch.setattr("bot.live.schedule.TaskGroup", Beside)

    async def scene(act: Scene, lines: Mapping[str, Sequence[Step]]) -> None:
        town = Town(MemoryStore(asyncio.get_running_loop().time))
        client, scheduler = town.make_client(lines)
        async with aiohttp.ClientSession() as town.bot.session, simcord.run(client) as town.env:
            guild = town.env.create_guild()
            town.channel = guild.create_text_channel("general")
            town.eve, town.tom = [guild.add_member(town.env.create_user(name)) for name in ("eve", "tom")]
            town.env.inject_error("POST", "/channels/*/webhooks", status=403, code=50013, times=None)
            async with town.run_core(scheduler):
                await act(town)

    return lambda act, **lines: run_virtual(scene(act, lines))


def test_a_command_is_answered_by_the_board_and_its_thread(play: Callable[..., None]) -> None:
    async def act(town: Town) -> None:
        asked = await town.eve.slash(town.channel, "compare", question="Tea?")
        assert not asked.ephemeral
        assert "All three answered." in read_text(await town.find_message("**Result**"))
        (board,) = [m for m in town.channel.history() if m.components]
        assert "All three answered. Vote in the thread." in read_text(board)
        (thread,) = town.channel.threads
        said = [read_text(m).splitlines()[0] for m in thread.history() if m.components]
        assert said[:3] == ["**Ada**", "**Bob**", "**Cyd**"]

    play(act)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("moot help", {}, "Models: ada (Ada)"),
        ("moot runs", {}, "There are no runs yet"),
        ("moot panel list", {}, "**default** (usual here): ada, bob, cyd"),
        ("moot stop", {}, "Which run?"),
        ("moot show", {"run": "nothing"}, "There is no run nothing here."),
        ("moot watch", {"run": "nothing"}, "There is no run nothing here."),
        ("compare", {"question": "Tea?", "panel": "none"}, "There is no panel “none”."),
    ],
)
def test_commands_that_only_tell_tell_that_person_alone(
    play: Callable[..., None], name: str, options: dict[str, str], told: str
) -> None:
    async def act(town: Town) -> None:
        answered = await town.tom.slash(town.channel, name, **options)
        assert answered.ephemeral
        assert answered.response is not None
        assert told in answered.response.content
        assert not [m for m in town.channel.history(viewer=town.eve) if m.components]

    play(act)


def test_a_button_skips_and_a_majority_is_needed_of_others(play: Callable[..., None]) -> None:
    async def act(town: Town) -> None:
        await town.eve.slash(town.channel, "compare", question="Tea?")
        turn = await town.find_message("So far")
        noted = await town.tom.click(turn, label="Skip")
        assert noted.response is not None
        assert noted.response.content.startswith("Noted. One more press skips Bob.")
        assert noted.ephemeral
        skipped = await town.eve.click(turn, label="Skip")
        assert skipped.response is not None
        assert skipped.response.content == "Bob is skipped."
        assert "Bob did not finish its answer (skipped)" in read_text(await town.find_message("**Result**"))

    play(act, bob=["So far", 600.0])


def test_reactions_and_buttons_are_the_same_vote(play: Callable[..., None]) -> None:
    async def act(town: Town) -> None:
        await town.eve.slash(town.channel, "compare", question="Tea?")
        end = await town.find_message("**Result**")
        ada, bob = await town.find_message("**Ada**"), await town.find_message("**Bob**")
        await town.eve.react(ada, "👍")
        await town.eve.click(end, label="👍 Bob")
        await town.tom.react(bob, "👍")
        await town.tom.unreact(bob, "👍")
        assert "Votes" not in read_text(await town.find_message("**Result**"))
        await asyncio.sleep(61)  # the vote closes by itself
        assert "Votes: Bob 1" in read_text(await town.find_message("**Result**"))

    play(act)


def test_the_rest_of_the_options_stands_behind_more(play: Callable[..., None]) -> None:
    async def act(town: Town) -> None:
        form = await town.eve.slash(town.channel, "debate", question="Tea?", panel="More…", rounds=1)
        await town.eve.submit_modal(form, {"question": "Tea?", "models": "ada, bob"})
        await town.find_message("**Result**")
        assert any("debate of Ada, Bob" in read_text(m) for m in town.channel.history())

    play(act)


def test_buttons_and_runs_survive_a_restart(play: Callable[..., None]) -> None:
    async def act(town: Town) -> None:
        await town.eve.slash(town.channel, "compare", question="Tea?")
        before = await town.find_message("So far")
        session = town.bot.session
        client, scheduler = town.make_client({"bob": ["So far, so good", 600.0]})  # it takes over from the first
        town.bot.session = session
        await town.env.restart_bot(client)
        async with town.run_core(scheduler):
            await town.supervisor.resume_in_places(FORMATS, town.bot.name, town.bot.places.reopen)
            after = await town.find_message("So far, so good")
            assert after.id == before.id
            skipped = await town.eve.click(after, label="Skip")
            assert skipped.response is not None
            assert skipped.response.content == "Bob is skipped."
            await town.find_message("**Result**")

    play(act, bob=["So far", 600.0])
