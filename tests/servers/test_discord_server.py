"""The Discord wire server, tested with the real discord.py."""

from __future__ import annotations

import asyncio
import json
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import discord
import pytest
from discord import app_commands

from tests.servers.discord import (
    CannotAct,
    ContractBroken,
    DiscordServer,
    RemoteDiscord,
    Upload,
)
from tests.servers.discord.client import log_in, redirect_clients
from tests.support.discord_scene import open_scene, send_request


def commands(client: discord.Client) -> None:
    """Register the commands and the menu that the tests of interactions use."""
    tree = app_commands.CommandTree(client)

    @client.event
    async def setup_hook() -> None:
        await tree.sync()

    @tree.command()
    async def debate(
        interaction: discord.Interaction, question: str, rounds: app_commands.Range[int, 1, 5] = 1
    ) -> None:
        await interaction.response.send_message(f"{question} x{rounds}", view=Buttons())

    @tree.command()
    async def slow(interaction: discord.Interaction, file: discord.Attachment) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send((await file.read()).decode())

    moot = app_commands.Group(name="moot", description="everything else")
    panel = app_commands.Group(name="panel", description="panels", parent=moot)

    @panel.command(name="show")
    async def show(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_modal(Form(title=name))

    @show.autocomplete("name")
    async def names(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=current + "!", value="v")]

    tree.add_command(moot)

    @tree.context_menu(name="Ask about this")
    async def ask(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(message.content, ephemeral=True)


class Buttons(discord.ui.View):
    @discord.ui.button(label="Skip", custom_id="skip")
    async def skip(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
        await interaction.response.edit_message(content="skipped")

    @discord.ui.select(custom_id="seat", options=[discord.SelectOption(label="A"), discord.SelectOption(label="B")])
    async def seat(self, interaction: discord.Interaction, chosen: discord.ui.Select[Buttons]) -> None:
        await interaction.response.send_message(chosen.values[0], ephemeral=True)


class Form(discord.ui.Modal):
    words: discord.ui.TextInput[Form] = discord.ui.TextInput(label="Words", custom_id="words", max_length=10)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"got {self.words.value}")


async def test_a_command_is_answered_and_its_controls_work() -> None:
    async with open_scene() as s, s.log_in(setup=commands):
        asked = await s.server.slash(s.ada, s.channel, "debate", question="tea?", rounds=2)
        answer = await asked.answer()
        assert (answer.kind, answer.content, answer.ephemeral) == ("message", "tea? x2", False)
        assert answer.acknowledged_after_s is not None
        (board,) = await s.server.messages(s.channel)
        chosen = await (await s.server.select(s.ada, board, "seat", "B")).answer()
        assert (chosen.content, chosen.ephemeral) == ("B", True)
        clicked = await (await s.server.click(s.ada, board, "skip")).answer()
        assert clicked.kind == "update"
        assert [board.content, board.edits[0].content] == ["skipped", "tea? x2"]
        assert await s.server.messages(s.channel) == [board]  # the ephemeral one is not there


async def test_subcommands_autocomplete_modals_menus_and_files() -> None:
    async with open_scene() as s, s.log_in(setup=commands):
        typed = await s.server.autocomplete(s.ada, s.channel, "moot panel show", "name", name="a")
        assert (await typed.answer()).choices == [{"name": "a!", "value": "v"}]
        shown = await s.server.slash(s.ada, s.channel, "moot panel show", name="Mine")
        assert ((await shown.answer()).modal or {})["title"] == "Mine"
        sent = await s.server.submit(s.ada, shown, {"words": "hi"})
        assert (await sent.answer()).content == "got hi"
        said = await s.server.say(s.ada, s.channel, "what of this")
        assert (await (await s.server.menu(s.ada, said, "Ask about this")).answer()).content == "what of this"
        slow = await s.server.slash(s.ada, s.channel, "slow", file=Upload("a.txt", b"inside"))
        assert (await slow.answer()).kind == "deferred"
        await s.server.until(lambda: s.server.requests[-1].route == "/webhooks/{webhook_id}/{webhook_token}")
        filled = await slow.answer()
        assert (filled.content, filled.ephemeral, filled.followups) == ("inside", True, [])


async def test_what_a_client_refuses_before_sending() -> None:
    async with open_scene() as s, s.log_in(setup=commands):
        for name, options in (
            ("debate", {}),
            ("debate", {"question": "a", "rounds": 6}),
            ("debate", {"question": "a", "colour": "red"}),
            ("moot panel", {"name": "a"}),
            ("council", {}),
        ):
            with pytest.raises(CannotAct):
                await s.server.slash(s.ada, s.channel, name, **options)
        shown = await s.server.slash(s.ada, s.channel, "moot panel show", name="Mine")
        await shown.answer()
        with pytest.raises(CannotAct):
            await s.server.submit(s.ada, shown, {"words": "longer than ten"})


async def test_an_interaction_is_answered_once_in_time_and_followed_up_for_fifteen_minutes() -> None:
    seen: list[discord.Interaction] = []

    def listen(client: discord.Client) -> None:
        commands(client)

        async def on_interaction(interaction: discord.Interaction) -> None:
            seen.append(interaction)

        client.event(on_interaction)

    async with open_scene() as s, s.log_in(setup=listen):
        asked = await s.server.slash(s.ada, s.channel, "debate", question="tea?")
        await asked.answer()
        await s.server.redeliver(asked)
        await s.server.until(lambda: s.server.requests[-1].code == 40060)
        assert seen[0].id == seen[1].id
        await s.server.expire(asked)
        with pytest.raises(discord.HTTPException) as expired:
            await seen[0].followup.send("late")
        assert expired.value.code == 50027
        await s.server.fail("POST", "/interactions/*", 404, code=10062)  # as after 3 s
        late = await s.server.slash(s.ada, s.channel, "debate", question="tea?")
        await s.server.until(lambda: s.server.requests[-1].code == 10062)
        with pytest.raises(TimeoutError):
            await late.answer(timeout_s=0.0)


async def test_webhooks_speak_and_edit_in_threads() -> None:
    async with open_scene() as s, s.log_in() as client:
        board = await s.find_text_channel(client).send("board")
        thread = await board.create_thread(name="debate")
        hook = await s.find_text_channel(client).create_webhook(name="moot")
        sent = await hook.send("thinking", username="Claude", thread=thread, wait=True, silent=True)
        await sent.edit(content="done")
        (turn,) = await s.server.messages(thread)
        assert (turn.author.name, turn.content, [e.content for e in turn.edits]) == ("Claude", "done", ["thinking"])
        assert turn.flags == 1 << 12
        assert [m.content async for m in thread.history()] == ["done"]
        with pytest.raises(discord.HTTPException) as refused:
            await hook.send("hi", username="My Discord friend")
        assert refused.value.code == 50035
        await s.server.delete_webhook(hook)
        with pytest.raises(discord.NotFound) as gone:
            await hook.send("hi")
        assert gone.value.code == 10015
        for n in range(15):
            await s.find_text_channel(client).create_webhook(name=f"w{n}")
        with pytest.raises(discord.HTTPException) as full:
            await s.find_text_channel(client).create_webhook(name="w")
        assert full.value.code == 30007


async def test_a_nonce_posts_once_even_when_the_answer_is_lost() -> None:
    async with open_scene() as s, s.log_in() as client:
        await s.server.fail("POST", "/channels/*/messages", 0, acts=True)
        with pytest.raises(aiohttp.ClientError):
            await s.find_text_channel(client).send("once", nonce="n-1")
        again = await s.find_text_channel(client).send("once", nonce="n-1")
        assert [m.id for m in await s.server.messages(s.channel)] == [again.id]
        await s.find_text_channel(client).send("once", nonce="n-2")
        assert len(await s.server.messages(s.channel)) == 2


async def test_permissions_are_computed_from_roles_and_overwrites() -> None:
    async with open_scene() as s, s.log_in() as client:
        await s.server.deny(s.channel, "send_messages", "manage_webhooks")
        for refused in (
            s.find_text_channel(client).send("hi"),
            s.find_text_channel(client).create_webhook(name="moot"),
        ):
            with pytest.raises(discord.Forbidden) as forbidden:
                await refused
            assert forbidden.value.code == 50013
        await s.server.allow(s.channel, "send_messages")
        await s.find_text_channel(client).send("hi")
        await s.server.deny(s.channel, "view_channel")
        with pytest.raises(discord.Forbidden) as unseen:
            await s.find_text_channel(client).send("hi")
        assert unseen.value.code == 50001
        await s.server.allow(s.channel, "view_channel")
        bots = s.guild.members[s.server.bot.id].role_ids[0]
        await s.server.edit_role(s.guild, s.guild, "view_channel")
        await s.server.edit_role(s.guild, bots, "send_messages")
        with pytest.raises(discord.Forbidden):
            await (await s.find_text_channel(client).send("hi")).create_thread(name="t")


async def test_lengths_are_refused_with_their_field() -> None:
    async with open_scene() as s, s.log_in() as client:
        channel = s.find_text_channel(client)
        layout = discord.ui.LayoutView()
        layout.add_item(discord.ui.TextDisplay("x" * 3000)).add_item(discord.ui.TextDisplay("x" * 900))
        shown = await channel.send(view=layout)
        assert len((await s.server.message(shown)).text) == 3901
        with pytest.raises(discord.HTTPException, match=r"In content: Must be 2000"):
            await channel.send("x" * 2001)
        with pytest.raises(discord.HTTPException, match="6000"):
            await channel.send(embeds=[discord.Embed(description="x" * 3001), discord.Embed(description="x" * 3000)])
        path = f"/channels/{s.channel.id}/messages"
        text = {"type": 10, "content": "x" * 2001}
        twice = {"type": 2, "style": 1, "label": "a", "custom_id": "same"}
        for body in (
            {"flags": 1 << 15, "components": [text, text]},
            {
                "flags": 1 << 15,
                "components": [{"type": 10, "content": "x"}] * 39 + [{"type": 1, "components": [twice]}],
            },
            {"flags": 1 << 15, "content": "no", "components": [{"type": 10, "content": "x"}]},
            {"content": "a", "components": [{"type": 1, "components": [twice, twice]}]},
            {"content": "a", "components": [{"type": 10, "content": "x"}]},
        ):
            status, _, answer = await send_request(s.server, "POST", path, body)
            assert (status, answer["code"]) == (400, 50035), body
        status, _, answer = await send_request(
            s.server, "PATCH", f"{path}/{shown.id}", {"content": "plain", "flags": 0}
        )
        assert (status, answer["code"]) == (400, 50035)  # Components V2 cannot be taken back


async def test_archived_locked_and_deleted_threads() -> None:
    async with open_scene() as s, s.log_in() as client:
        thread = await (await s.find_text_channel(client).send("board")).create_thread(name="debate")
        turn = await thread.send("turn")
        await s.server.archive(thread)
        with pytest.raises(discord.HTTPException) as archived:
            await turn.edit(content="more")
        assert archived.value.code == 50083
        await thread.send("this opens it again")
        await turn.edit(content="more")
        await s.server.deny(s.channel, "manage_threads")
        await s.server.lock(thread)
        with pytest.raises(discord.HTTPException) as locked:
            await thread.send("no")
        assert locked.value.code == 160005
        await s.server.delete_channel(thread)
        with pytest.raises(discord.NotFound) as gone:
            await thread.send("no")
        assert gone.value.code == 10003


async def test_who_is_really_pinged() -> None:
    async with open_scene() as s, s.log_in() as client:
        role = await s.server.create_role(s.guild, "judges")
        judge = await s.server.create_member(s.guild, "judge", role)
        text = f"<@{s.ada.id}> <@&{role.id}> @everyone"
        for sent in (
            {},
            {"silent": True},
            {"allowed_mentions": discord.AllowedMentions.none()},
            {"allowed_mentions": discord.AllowedMentions(users=[s.ada], everyone=False, roles=False)},
        ):
            await s.find_text_channel(client).send(text, **sent)
        notified = [m.notified for m in await s.server.messages(s.channel)]
        assert notified == [[s.ada.id, judge.id], [], [], [s.ada.id]]  # a bot without the right pings no @everyone


async def test_forums_reactions_files_and_members() -> None:
    heard: list[tuple[str, str]] = []
    taken = asyncio.Event()

    def listen(client: discord.Client) -> None:
        async def on_raw_reaction_add(event: discord.RawReactionActionEvent) -> None:
            heard.append(("add", str(event.emoji)))

        async def on_raw_reaction_remove(event: discord.RawReactionActionEvent) -> None:
            heard.append(("remove", str(event.emoji)))
            taken.set()

        client.event(on_raw_reaction_add)
        client.event(on_raw_reaction_remove)

    async with open_scene() as s, s.log_in(setup=listen) as client:
        forum = await s.server.create_forum(s.guild)
        place = await client.fetch_channel(forum.id)
        assert isinstance(place, discord.ForumChannel)
        post = await place.create_thread(name="post", content="first", file=discord.File(BytesIO(b"abc"), "a.txt"))
        assert await post.message.attachments[0].read() == b"abc"
        await post.message.add_reaction("👍")
        await s.server.react(s.ada, post.message, "👍")
        await s.server.unreact(s.ada, post.message, "👍")
        async with asyncio.timeout(60):
            await taken.wait()
        assert heard == [("add", "👍"), ("add", "👍"), ("remove", "👍")]
        await post.thread.add_user(discord.Object(s.ada.id))
        assert (await s.server.channel(post.thread)).member_ids == [s.server.bot.id, s.ada.id]


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "/channels/{}/messages", {"content": "a", "tts": "loud"}, r"body \$\.tts: 'loud' is not"),
        ("POST", "/channels/{}/messages", None, "body: this operation needs one"),
        ("POST", "/channels/{}/typing", {"for": 5}, "body: this operation takes none"),
        ("GET", "/channels/{}/messages?limit=many", None, "query limit: 'many' is not of type 'integer'"),
        ("GET", "/channels/{}/messages?colour=red", None, "query colour: unknown"),
        ("GET", "/channels/here/messages", None, "path channel_id: 'here' does not match"),
        ("GET", "/nowhere", None, "path: this server does not serve it"),
    ],
)
async def test_a_request_against_the_contract_is_not_overlooked(
    method: str, path: str, body: object, told: str, reference: Path
) -> None:
    with pytest.raises(ContractBroken, match=told):
        async with open_scene(contract=reference / "specs" / "discord-openapi.json") as s:
            await send_request(s.server, method, path.format(s.channel.id), body)


async def test_a_request_as_the_contract_says_is_served(reference: Path) -> None:
    async with open_scene(contract=reference / "specs" / "discord-openapi.json") as s:
        path = f"/channels/{s.channel.id}/messages"
        status, _, made = await send_request(s.server, "POST", path, {"content": "a", "tts": False, "nonce": 7})
        assert (status, made["content"]) == (200, "a")
        reply = {"content": "b", "message_reference": {"message_id": int(str(made["id"]))}}
        assert (await send_request(s.server, "POST", path, reply))[0] == 200, "an id may be a number as well"
        assert (await send_request(s.server, "GET", f"{path}?limit=5&before={made['id']}"))[0] == 200


async def test_without_the_document_nothing_is_validated(tmp_path: Path) -> None:
    async with DiscordServer(contract=tmp_path / "absent.json") as server:
        assert server.contract is None
        channel = await server.create_channel(await server.create_guild())
        assert (
            await send_request(server, "POST", f"/channels/{channel.id}/messages", {"content": "a", "tts": "loud"})
        )[0] == 200


async def test_another_process_serves_and_is_driven_the_same_way() -> None:
    command = [sys.executable, "-m", "tests.servers.discord", "--limit", "message.create=1/60"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30.0):
            urls = json.loads(await process.stdout.readline())
        async with RemoteDiscord(urls["origin"]) as server:
            guild = await server.create_guild()
            channel = await server.create_channel(guild)
            ada = await server.create_member(guild, "ada")
            said = await server.say(ada, channel, "hi", attachments=[Upload("a.txt", b"\xff\x00")])
            assert [m.attachments[0].data for m in await server.messages(channel)] == [b"\xff\x00"]
            assert (await server.message(said)).author == ada
            with pytest.raises(CannotAct):
                await server.slash(ada, channel, "debate")
            with redirect_clients(SimpleNamespace(api_base=urls["api_base"], gateway_url=urls["gateway_url"])):
                async with log_in(urls["token"], setup=commands):
                    asked = await server.slash(ada, channel, "debate", question="tea?")
                    assert (await asked.answer()).content == "tea? x1"
            assert (await server.read_requests())[-1].status == 200
            assert await server.read_violations() == []
    finally:
        process.terminate()
        assert await process.wait() == 0
