"""Discord as a Surface: its budgets, names, lengths and addresses, on the wire server without any run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest

from adapters.discord.addresses import Address, message_ref, read_address, read_ref
from adapters.discord.api import Rest
from adapters.discord.budgets import ADDRESS_CEILING, BOT_CEILING, discord_budget, old_bucket_name
from adapters.discord.layout import TEXT_CHARS, build_body, build_layout
from adapters.discord.surface import DiscordSurface
from adapters.discord.webhooks import Webhooks, webhook_username
from bot.domain.controls import Control, SeatRef
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.live.budget import Budgets
from bot.ports.process import holding
from bot.ports.store import PostedPage
from bot.ports.surface import Message, RateLimited, SurfaceError
from tests.servers.discord import Channel, DiscordServer
from tests.servers.discord.checks import check_message
from tests.servers.discord.client import redirect_clients
from tests.servers.discord.world import Message as Sent
from tests.servers.discord.world import User
from tests.support.discord_bot import UNLIMITED
from tests.support.discord_guild import is_silent

BOARD, TURN = LaneId("board", 1, ""), LaneId("answer", 1, "ada")


def message(lane: LaneId = TURN, text: str = "Tea.", **more: Any) -> Message:
    made = Message(lane, 0, "board" if lane == BOARD else "turn", "Ada", text, final=False)
    return replace(made, **more)


class Scene:
    def __init__(self, server: DiscordServer, channel: Channel, rest: Rest, budgets: Budgets, spot: Address) -> None:
        self.server, self.channel, self.rest, self.budgets, self.spot = server, channel, rest, budgets, spot

    def surface(
        self, words: WordFilter | None = None, *, faces: bool = True, placed: Sequence[PostedPage] = ()
    ) -> DiscordSurface:
        return DiscordSurface(
            self.rest,
            Webhooks(self.rest, self.server.bot.id),
            self.spot,
            run="run",
            title="Tea or coffee?",
            words=words or WordFilter([]),
            may_use_webhooks=faces,
            posted=placed,
        )


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Return a channel with the means to show runs there."""
    now = asyncio.get_running_loop().time
    async with DiscordServer(UNLIMITED) as server:
        channel = await server.create_channel(guild := await server.create_guild())
        budgets = Budgets(discord_budget, now())
        rest = Rest(budgets, now)
        with redirect_clients(server):
            async with discord.Client(intents=discord.Intents.none(), http_trace=rest.trace) as client:
                await client.login(server.token)
                rest.use_client(client)
                yield Scene(server, channel, rest, budgets, Address(guild.id, channel.id, channel.id, "channel", "n"))


async def test_a_seat_speaks_by_the_webhook_in_the_boards_thread(scene: Scene) -> None:
    surface = scene.surface()
    board = await surface.post(message(BOARD, "> Tea?"))
    channel, at, face = read_ref(await surface.post(message()))
    sent = await scene.server.message(at)
    assert (sent.author.name, sent.text, face, is_silent(sent)) == ("Ada · Moot", "Tea.", True, True)
    assert channel == read_ref(board)[1]


async def test_whoever_loses_its_runs_while_it_makes_a_webhook_posts_nothing_by_it(scene: Scene) -> None:
    async def lose() -> None:
        if any(seen.method == "POST" and seen.route.endswith("/webhooks") for seen in scene.server.requests):
            raise SurfaceError("another process has taken the run over")

    surface = scene.surface()
    await surface.post(message(BOARD, "> Tea?"))
    with pytest.raises(SurfaceError, match="another process"), holding(lose):
        await surface.post(message())
    assert not any("{webhook_token}" in seen.route for seen in scene.server.requests)


async def test_an_answer_that_was_lost_is_found_by_its_nonce(scene: Scene) -> None:
    surface = scene.surface(faces=False)
    await surface.post(message(BOARD, "> Tea?"))
    first = await surface.post(message())
    assert await surface.post(message()) == first
    assert await surface.post(message(LaneId("answer", 1, "bob"))) != first


async def test_what_a_webhook_sends_does_not_count_as_the_bots(scene: Scene) -> None:
    surface = scene.surface()
    await surface.post(message(BOARD, "> Tea?"))
    ref = await surface.post(message())
    await surface.edit(ref, message(text="Tea!"))
    counted = {r.ceiling for r in scene.server.requests if "{webhook_token}" in r.route}
    assert counted == {"address"}
    assert {r.ceiling for r in scene.server.requests if "{webhook_token}" not in r.route} == {"bot"}


@pytest.mark.parametrize(("faces", "ceiling"), [(True, ADDRESS_CEILING), (False, BOT_CEILING)])
async def test_a_refusal_over_all_buckets_pauses_all_that_count_together(
    scene: Scene, faces: bool, ceiling: str
) -> None:
    surface = scene.surface(faces=faces)
    await surface.post(message(BOARD, "> Tea?"))
    ref = await surface.post(message())
    await scene.server.fail("PATCH", "*", 429, 1, scope="global")
    with pytest.raises(RateLimited) as refused:
        await surface.edit(ref, message(text="Tea!"))
    assert refused.value.bucket == ceiling == surface.draws("edit", message().lane)[-1]


async def test_a_call_that_no_lane_bids_for_waits_for_room_below_the_ceiling(scene: Scene) -> None:
    now = asyncio.get_running_loop().time
    spent = [scene.budgets[BOT_CEILING].take(now()) for _ in range(50)]
    asked = asyncio.create_task(scene.rest.call("GET", "/channels/{channel_id}/webhooks", channel_id=scene.channel.id))
    await asyncio.sleep(0.2)
    assert not asked.done()
    for ticket in spent:
        scene.budgets[BOT_CEILING].record_answer(ticket, now())
    assert await asked == {"list": []}


async def test_edits_of_old_messages_pause_the_limit_beneath_their_bucket(scene: Scene) -> None:
    surface = scene.surface()
    await surface.post(message(BOARD, "> Tea?"))
    ref = await surface.post(message())
    await scene.server.age(read_ref(ref)[1], 3_700.0)
    for n in range(3):
        await surface.edit(ref, message(text=f"Tea {n}"))
    with pytest.raises(RateLimited) as refused:
        await surface.edit(ref, message(text="Tea!"))
    assert refused.value.bucket == old_bucket_name(surface.draws("edit", TURN)[0])
    assert 5.0 < refused.value.retry_after_s <= 6.0


async def test_what_an_earlier_process_has_posted_draws_on_that_limit_as_well(scene: Scene) -> None:
    for age_s, count in ((3_000, 3), (4_000, 4)):
        sent = discord.utils.time_snowflake(discord.utils.utcnow() - timedelta(seconds=age_s))
        placed = [PostedPage(scene.spot.text, lane, 0, message_ref(scene.channel.id, sent)) for lane in (BOARD, TURN)]
        surface = scene.surface(placed=placed)
        for lane in (BOARD, TURN):
            assert len(surface.draws("edit", lane)) == count
            assert old_bucket_name(surface.draws("delete", lane)[0]) not in surface.draws("delete", lane)


async def test_a_thread_that_may_not_be_opened_yet_holds_its_own_run_alone(scene: Scene) -> None:
    surface = scene.surface()
    await surface.post(message(BOARD, "> Tea?"))
    await scene.server.fail("POST", "*/threads", 429, 1, retry_after_s=136)
    with pytest.raises(RateLimited) as refused:
        await surface.post(message())
    assert refused.value.retry_after_s == 136
    assert refused.value.bucket == surface.draws("post", TURN)[0]
    assert refused.value.bucket not in surface.draws("edit", BOARD)


async def test_a_failure_is_told_after_one_try(scene: Scene) -> None:
    surface = scene.surface()
    ref = await surface.post(message(BOARD, "> Tea?"))
    await scene.server.fail("PATCH", "*", 503, None)
    with pytest.raises(SurfaceError):
        await surface.edit(ref, message(BOARD, "> Tea!"))
    assert len([r for r in scene.server.requests if r.method == "PATCH"]) == 1


async def test_a_forum_gets_a_post_of_its_own(scene: Scene) -> None:
    forum = await scene.server.create_forum(scene.spot.guild or 0)
    scene.spot = replace(scene.spot, channel=forum.id, parent=forum.id, kind="forum")
    surface = scene.surface()
    board = await surface.post(message(BOARD, "> Tea?"))
    ref = await surface.post(message())
    (post,) = await scene.server.threads(forum)
    assert post.name == "Tea or coffee?"
    assert read_ref(board)[0] == read_ref(ref)[0] == post.id


def test_old_messages_have_a_limit_of_their_own_beneath() -> None:
    old = discord_budget(old_bucket_name("discord edit channels/1"), 0.0)
    for _ in range(3):
        old.record_answer(old.take(0.0), 0.0)
    assert old.free_at(0.0) == 6.0


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Claude", "Claude · Moot"),
        ("Clyde of Discord", "Cl-yde of Dis-cord · Moot"),
        ("discordCLYDE", "dis-cordcl-yde · Moot"),
        ("x" * 200, "x" * 73 + " · Moot"),
    ],
)
def test_names_are_such_as_webhooks_may_have(title: str, name: str) -> None:
    made = webhook_username(title)
    assert made.lower() == name.lower()
    assert len(made) <= 80
    assert not {"clyde", "discord"} & set(made.lower().split())
    assert "clyde" not in made.lower()
    assert "discord" not in made.lower()


def test_a_message_with_all_that_it_may_carry_is_taken() -> None:
    controls = tuple(Control("vote", f"👍 {'seat' * 40} {n}", SeatRef(f"seat{n}")) for n in range(12))
    full = message(kind="end", text="x" * 5000, to="discord:1", controls=controls)
    made = build_body(full, "run12345", 7, head="**Result**")
    check_message(Sent(1, 1, User(1, "moot", bot=True), "", 0.0, components=made["components"], flags=made["flags"]))
    assert made["allowed_mentions"] == {"parse": [], "users": ["1"]}
    shown = [c for c in build_layout(full, "run12345", 7).walk_children() if isinstance(c, discord.ui.TextDisplay)]
    assert sum(len(c.content) for c in shown) <= TEXT_CHARS


def test_only_the_end_card_tells_anybody() -> None:
    for kind in ("turn", "card", "board"):
        made = build_body(message(kind=kind, to="discord:1"), "run", 7)
        assert made["flags"] & 1 << 12
        assert made["allowed_mentions"] == {"parse": []}
    assert not build_body(message(kind="end", to="discord:1"), "run", 7)["flags"] & 1 << 12


async def test_listed_words_are_blanked_in_what_is_shown(scene: Scene) -> None:
    (page,) = scene.surface(WordFilter(["darn"])).pages("turn").update("That darn tea.", final=True)
    assert page.text == "That ████ tea."


def test_addresses_and_references_are_read_back() -> None:
    for spot in (
        Address(1, 2, 3, "inside", "ab"),
        Address(None, 2, 2, "inside", "ab"),
        Address(1, 2, 2, "forum", "ab"),
    ):
        assert read_address(spot.text) == spot
    assert read_address("slack:T1:C1") is None
    assert read_ref(message_ref(1, 2, by_webhook=True)) == (1, 2, True)
    assert read_ref(message_ref(1, 2)) == (1, 2, False)
