"""The Slack server's deliveries to the real slack_bolt: acknowledged, repeated, signed, over sockets and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import Ref, Unacknowledged
from tests.support.slack_scene import (
    ACTIONS,
    Scene,
    connect_sockets,
    listen,
    make_bolt,
    open_scene,
    serve_http,
)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


async def test_a_command_is_acknowledged_and_answered(scene: Scene) -> None:
    app = make_bolt(scene)

    @listen(app.command("/debate"))
    async def debate(ack: Any, say: Any, command: Any, respond: Any) -> None:
        await ack("opening…")
        await say(f"*{command['text']}*")
        await respond("only for you")
        await respond("for all", response_type="in_channel")

    async with connect_sockets(scene, app):
        delivery = await (await scene.server.people.command(scene.ann.id, scene.hall.id, "/debate", "tabs or spaces"))
        assert delivery.acknowledged_after_s is not None
        assert delivery.answer == {"text": "opening…"}
        while len(scene.server.world.messages(scene.hall.id)) < 2:
            await asyncio.sleep(0)
    assert [m.text for m in scene.server.world.messages(scene.hall.id)] == ["*tabs or spaces*", "for all"]
    assert {e.text for e in scene.server.world.ephemerals} == {"opening…", "only for you"}


async def test_a_command_nobody_knows_times_out(scene: Scene) -> None:
    scene.server.limits.set_times(acknowledge_s=0.1)
    async with connect_sockets(scene, make_bolt(scene)):
        delivery = await scene.server.people.command(scene.ann.id, scene.hall.id, "/poem")
        with pytest.raises(Unacknowledged, match="operation_timeout"):
            await delivery
    with pytest.raises(Unacknowledged, match="dispatch_failed"):
        await (await scene.server.people.command(scene.ann.id, scene.hall.id, "/debate"))


async def test_what_the_app_hears_depends_on_events_and_scopes(scene: Scene) -> None:
    app, seen = make_bolt(scene), []

    @listen(app.event("app_mention"))
    async def mention(event: Any) -> None:
        seen.append(("mention", event["text"]))

    @listen(app.event("message"))
    async def message(event: Any) -> None:
        seen.append(("message", event["text"]))

    people, world = scene.server.people, scene.server.world
    async with connect_sockets(scene, app):
        plain = await people.say(scene.ann.id, scene.hall.id, "hello")
        with pytest.raises(Unacknowledged, match="not_subscribed"):
            await plain
        await (await people.say(scene.ann.id, scene.hall.id, "debate", mention=True))
        world.subscribe("message.channels")
        await (await people.say(scene.ann.id, scene.hall.id, "heard"))
        world.tokens[scene.team.bot_token].scopes.discard("channels:history")
        with pytest.raises(Unacknowledged, match="not_subscribed"):
            await (await people.say(scene.ann.id, scene.hall.id, "unheard"))
        while len(seen) < 2:
            await asyncio.sleep(0)
    assert seen == [("mention", f"<@{scene.team.bot_user}> debate"), ("message", "heard")]


async def test_every_other_event_arrives(scene: Scene) -> None:
    app, seen = make_bolt(scene), []
    scene.server.world.subscribe("channel_archive", "message.channels")

    @listen(app.event({"type": "message", "subtype": "message_deleted"}))
    async def on_deletion(event: Any) -> None:
        seen.append("message_deleted")

    for kind in ("reaction_added", "reaction_removed", "member_joined_channel", "channel_archive"):

        @listen(app.event(kind))
        async def on_event(event: Any) -> None:
            seen.append(event["type"])

    @listen(app.event("message"))
    async def message() -> None:
        """Ignore plain messages."""

    people, here, bob = scene.server.people, scene.hall.id, scene.server.world.add_user(scene.team.id, "bob")
    async with connect_sockets(scene, app):
        said = await (await people.say(scene.ann.id, here, "hello"))
        where = Ref(here, said.event["ts"])
        await (await people.react(scene.ann.id, where, "thumbsup"))
        await (await people.unreact(scene.ann.id, where, "thumbsup"))
        await (await people.join(bob.id, here))
        await (await people.delete_message(where))
        await (await people.archive(scene.ann.id, here))
        while len(seen) < 5:
            await asyncio.sleep(0)
    expected = ["reaction_added", "reaction_removed", "member_joined_channel", "message_deleted", "channel_archive"]
    assert sorted(seen) == sorted(expected)


async def test_uninstalling_ends_the_token_and_is_told(scene: Scene) -> None:
    app, seen = make_bolt(scene), []
    for kind in ("app_uninstalled", "tokens_revoked"):

        @listen(app.event(kind))
        async def on_removal(event: Any) -> None:
            seen.append(event["type"])

    async with connect_sockets(scene, app):
        await (await scene.server.people.uninstall(scene.team.id))
        while len(seen) < 2:
            await asyncio.sleep(0)
        assert await scene.find_error("chat.postMessage", channel=scene.hall.id, text="x") == "token_revoked"
    assert [d.event["type"] for d in scene.server.courier.deliveries] == ["tokens_revoked", "app_uninstalled"]


async def test_an_event_that_nobody_acknowledges_comes_again(scene: Scene) -> None:
    app, seen = make_bolt(scene, process_before_response=True), []
    scene.server.limits.set_times(acknowledge_s=0.1, redeliver_after_s=(0.0, 0.01, 0.02))

    @listen(app.event("app_mention"))
    async def mention(body: Any, request: Any) -> None:
        seen.append((body["event_id"], request.headers.get("x-slack-retry-num")))
        if len(seen) < 3:
            await asyncio.sleep(0.15)  # longer than the time to acknowledge

    async with connect_sockets(scene, app):
        delivery = await (await scene.server.people.say(scene.ann.id, scene.hall.id, "debate", mention=True))
    assert len(delivery.attempts) == 3
    assert len({event_id for event_id, _ in seen}) == 1
    assert [retry for _, retry in seen] == [["0"], ["1"], ["2"]]


async def test_duplicates_and_another_order_on_demand(scene: Scene) -> None:
    app, seen = make_bolt(scene), []

    @listen(app.event("app_mention"))
    async def mention(body: Any) -> None:
        seen.append((body["event_id"], body["event"]["text"].split()[-1]))

    courier, people = scene.server.courier, scene.server.people
    async with connect_sockets(scene, app):
        courier.hold()
        said = [await people.say(scene.ann.id, scene.hall.id, word, mention=True) for word in ("one", "two")]
        courier.release(backwards=True)
        for delivery in said:
            await delivery
        await courier.send_again(said[0])
        while len(seen) < 3:
            await asyncio.sleep(0)
    assert [word for _, word in seen] == ["two", "one", "one"]
    assert seen[1][0] == seen[2][0]


async def test_sockets_come_back_after_notices_and_drops(scene: Scene) -> None:
    app = make_bolt(scene)

    @listen(app.command("/debate"))
    async def debate(ack: Any) -> None:
        await ack()

    sockets = scene.server.sockets
    async with connect_sockets(scene, app, sockets=3):
        await sockets.disconnect("refresh_requested")
        await sockets.wait_for_connections(3)
        await (await scene.server.people.command(scene.ann.id, scene.hall.id, "/debate"))
        sockets.drop()
        while sockets.count:
            await asyncio.sleep(0)
        await sockets.wait_for_connections(3)
        for _ in range(6):
            await (await scene.server.people.command(scene.ann.id, scene.hall.id, "/debate"))
    opened = [r for r in scene.server.requests if r.method == "apps.connections.open"]
    assert len(opened) >= 9


async def test_http_deliveries_are_signed(scene: Scene) -> None:
    app, seen = make_bolt(scene), []

    @listen(app.command("/debate"))
    async def debate(ack: Any, command: Any) -> None:
        seen.append(command["text"])
        await ack("opening…")

    @listen(app.event("app_mention"))
    async def mention(event: Any) -> None:
        seen.append(event["text"].split()[-1])

    @listen(app.action("skip"))
    async def skip(ack: Any, action: Any) -> None:
        await ack()
        seen.append(action["value"])

    people, here = scene.server.people, scene.hall.id
    message = await scene.post("turn", blocks=[ACTIONS])
    async with serve_http(scene, app):
        answered = await (await people.command(scene.ann.id, here, "/debate", "a & b"))
        assert answered.answer == {"text": "opening…"}
        await (await people.say(scene.ann.id, here, "debate", mention=True))
        await (await people.click(scene.ann.id, message, "skip"))
        while len(seen) < 3:
            await asyncio.sleep(0)
        for signing in ("wrong", "old"):
            scene.server.http.signing = signing
            with pytest.raises(Unacknowledged, match="http_error"):
                await (await people.command(scene.ann.id, here, "/debate", "forged"))
    assert seen == ["a & b", "debate", "gpt"]


async def test_outsiders_in_a_shared_channel_are_told_apart(scene: Scene) -> None:
    outside = scene.server.world.add_team("outside")
    sue = scene.server.world.add_user(outside.id, "sue", "stranger")
    shared = scene.server.world.add_channel(scene.team.id, "shared", [sue.id], ext_shared=True)
    scene.server.courier.hold()
    said = await scene.server.people.say(sue.id, shared.id, "debate", mention=True)
    assert said.payload["is_ext_shared_channel"]
    assert (said.payload["team_id"], said.event["user_team"]) == (scene.team.id, outside.id)


async def test_one_app_serves_many_workspaces(scene: Scene, tmp_path: Path) -> None:
    world, server = scene.server.world, scene.server
    north, south = (world.add_team(name, "E1", installed=False) for name in ("north", "south"))
    settings = AsyncOAuthSettings(
        client_id=world.app.client_id,
        client_secret=world.app.client_secret,
        installation_store=FileInstallationStore(base_dir=str(tmp_path)),
    )
    app = make_bolt(scene, client=AsyncWebClient(base_url=server.api_base), oauth_settings=settings)

    @listen(app.command("/debate"))
    async def debate(ack: Any, client: Any, command: Any) -> None:
        await client.chat_postMessage(channel=command["channel_id"], text="board")
        await ack()

    for code in (world.code(scene.team.id), world.code(north.id, org_wide=True)):
        await settings.installation_store.async_save(await app.oauth_flow.run_installation(code))
    places = [(team, world.add_user(team.id, "bob")) for team in (scene.team, north, south)]
    rooms = [world.add_channel(team.id, "room", [bob.id]) for team, bob in places]
    async with connect_sockets(scene, app):
        for (_, bob), room in zip(places, rooms, strict=True):
            await (await server.people.command(bob.id, room.id, "/debate"))
    assert [[m.user for m in world.messages(room.id)] for room in rooms] == [
        [scene.team.bot_user],
        [north.bot_user],
        [north.bot_user],
    ]
    assert [r.team for r in server.requests if r.method == "chat.postMessage"] == [scene.team.id, north.id, south.id]


async def test_no_more_than_ten_sockets(scene: Scene) -> None:
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        greetings = []
        for _ in range(11):
            url = (await scene.client.apps_connections_open(app_token=scene.server.world.app.app_token))["url"]
            socket = await stack.enter_async_context(session.ws_connect(url))
            greetings.append(await socket.receive_json())
    assert [g["type"] for g in greetings] == ["hello"] * 10 + ["disconnect"]
    assert greetings[-1]["reason"] == "too_many_websockets"
