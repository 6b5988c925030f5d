"""The Slack server's Web API against the real slack_sdk: who may call, limits, faults, contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import ContractBroken, SlackServer, spawn_server
from tests.servers.slack.contract import Contract
from tests.servers.slack.web_api import METHODS
from tests.support.slack_scene import (
    ACTIONS,
    Scene,
    open_scene,
)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


async def test_a_token_says_whose_it_is(scene: Scene) -> None:
    who = await scene.client.auth_test()
    assert (who["team_id"], who["bot_id"]) == (scene.team.id, scene.team.bot_id)
    scene.client.token = "xoxb-never-given"
    assert await scene.find_error("auth.test") == "invalid_auth"
    scene.client.token = None
    assert await scene.find_error("auth.test") == "not_authed"
    assert [r.error for r in scene.server.requests] == ["", "invalid_auth", "not_authed"]


async def test_a_missing_scope_is_named(scene: Scene) -> None:
    scene.client.token = scene.server.world.install(scene.team.id, ["users:read"]).token
    with pytest.raises(SlackApiError) as caught:
        await scene.client.chat_postMessage(channel=scene.hall.id, text="hello")
    assert caught.value.response["needed"] == "chat:write"
    assert caught.value.response["provided"] == "users:read"


async def test_reading_asks_for_the_scope_of_the_kind_of_channel(scene: Scene) -> None:
    scene.client.token = scene.server.world.install(scene.team.id, ["channels:history"]).token
    secret = scene.server.world.add_channel(scene.team.id, "secret", [scene.ann.id], "private")
    assert (await scene.client.conversations_history(channel=scene.hall.id))["messages"] == []
    with pytest.raises(SlackApiError) as caught:
        await scene.client.conversations_history(channel=secret.id)
    assert caught.value.response["needed"] == "groups:history"


async def test_an_oauth_code_is_good_once_and_revoking_ends_the_token(scene: Scene) -> None:
    app = scene.server.world.app
    code = scene.server.world.code(scene.team.id)
    fresh = AsyncWebClient(base_url=scene.server.api_base)
    given = {"client_id": app.client_id, "client_secret": app.client_secret, "code": code}
    installed = await fresh.oauth_v2_access(**given)
    assert installed["team"]["id"] == scene.team.id
    with pytest.raises(SlackApiError, match="invalid_code"):
        await fresh.oauth_v2_access(**given)
    scene.client.token = installed["access_token"]
    assert (await scene.client.auth_revoke())["revoked"]
    assert await scene.find_error("auth.test") == "token_revoked"


async def test_an_org_wide_token_works_in_every_workspace_of_its_enterprise(scene: Scene) -> None:
    world = scene.server.world
    first, second = world.add_team("north", "E1"), world.add_team("south", "E1")
    token = world.install(first.id, org_wide=True)
    room = world.add_channel(second.id, "room", [token.bot_user], bot=False)
    org = AsyncWebClient(token.token, base_url=scene.server.api_base)
    assert (await org.auth_test())["is_enterprise_install"]
    await org.chat_postMessage(channel=room.id, text="hello")
    assert scene.server.requests[-1].team == second.id
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await org.chat_postMessage(channel=scene.hall.id, text="hello")


async def test_updates_are_counted_for_the_whole_workspace(scene: Scene) -> None:
    scene.server.limits.set("chat.update", 2, per_s=60)
    other = scene.server.world.add_channel(scene.team.id, "other")
    elsewhere = scene.server.world.add_team("elsewhere")
    first = await scene.post()
    answer = await scene.client.chat_postMessage(channel=other.id, text="x")
    await scene.client.chat_update(channel=first.channel, ts=first.ts, text="1")
    await scene.client.chat_update(channel=other.id, ts=answer["ts"], text="2")
    with pytest.raises(SlackApiError) as caught:
        await scene.client.chat_update(channel=first.channel, ts=first.ts, text="3")
    assert caught.value.response.status_code == 429
    assert caught.value.response["error"] == "ratelimited"
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 60
    stranger = AsyncWebClient(elsewhere.bot_token, base_url=scene.server.api_base)
    with pytest.raises(SlackApiError, match="channel_not_found"):  # counted for another workspace, so not refused
        await stranger.chat_update(channel=first.channel, ts=first.ts, text="4")


async def test_posting_is_counted_for_each_channel(scene: Scene) -> None:
    other = scene.server.world.add_channel(scene.team.id, "other")
    for _ in range(5):
        await scene.post()
    assert await scene.find_error("chat.postMessage", channel=scene.hall.id, text="x") == "ratelimited"
    await scene.client.chat_postMessage(channel=other.id, text="x")


def test_tiers_and_scopes_are_slacks_own(reference: Path) -> None:
    contract = Contract.load(reference / "specs" / "slack")
    assert contract is not None
    described = contract.methods
    shared = METHODS.keys() & described.keys()
    assert {n: METHODS[n].tier for n in shared} == {n: described[n]["rate_limits"] for n in shared}
    named = {n: METHODS[n].scope for n in shared if METHODS[n].scope and not METHODS[n].scope.startswith("*")}
    assert [n for n, scope in named.items() if scope not in described[n]["scope"]["bot"]] == []


async def test_faults_come_once_and_as_told(scene: Scene) -> None:
    faults, here = scene.server.faults, scene.hall.id
    faults.fail("chat.postMessage", "ratelimited", retry_after_s=30)
    with pytest.raises(SlackApiError) as caught:
        await scene.post()
    assert caught.value.response.headers["Retry-After"] == "30"
    faults.fail("chat.postMessage", "team_not_found")
    assert await scene.find_error("chat.postMessage", channel=here, text="x") == "team_not_found"
    faults.fail("chat.postMessage", status=500)
    with pytest.raises(SlackApiError):
        await scene.post()
    assert scene.server.requests[-1].status == 500
    await scene.post("through")
    assert [m.text for m in scene.server.world.messages(here)] == ["through"]


async def test_an_answer_can_be_lost_after_its_effect(scene: Scene) -> None:
    scene.client.retry_handlers.clear()
    scene.server.faults.reset("chat.postMessage", done=True)
    with pytest.raises(aiohttp.ClientError):
        await scene.post("kept")
    scene.server.faults.reset("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await scene.post("never")
    assert [m.text for m in scene.server.world.messages(scene.hall.id)] == ["kept"]


async def test_a_stalled_call_goes_on_when_released(scene: Scene) -> None:
    scene.server.faults.stall("chat.postMessage")
    async with asyncio.TaskGroup() as group:
        late = group.create_task(scene.post("late"))
        await scene.client.auth_test()
        assert not late.done()
        scene.server.faults.release()
    assert [m.text for m in scene.server.world.messages(scene.hall.id)] == ["late"]


async def test_guests_strangers_and_shared_channels_can_be_told(scene: Scene) -> None:
    world = scene.server.world
    guest = world.add_user(scene.team.id, "guy", "guest")
    outside = world.add_team("outside")
    stranger = world.add_user(outside.id, "sue", "stranger")
    hidden = world.add_user(outside.id, "hugh", "stranger")
    shared = world.add_channel(scene.team.id, "shared", [stranger.id], ext_shared=True)
    assert (await scene.client.users_info(user=guest.id))["user"]["is_restricted"]
    assert (await scene.client.users_info(user=stranger.id))["user"]["is_stranger"]
    assert await scene.find_error("users.info", user=hidden.id) == "user_not_visible"
    assert (await scene.client.users_info(user=scene.ann.id))["user"]["is_admin"]
    assert (await scene.client.conversations_info(channel=shared.id))["channel"]["is_ext_shared"]
    assert stranger.id in (await scene.client.conversations_members(channel=shared.id))["members"]
    assert len((await scene.client.users_list())["members"]) == 3  # ann, the guest, the bot
    assert (await scene.client.team_info())["team"]["id"] == scene.team.id
    assert (await scene.client.bots_info(bot=scene.team.bot_id))["bot"]["user_id"] == scene.team.bot_user


async def test_a_bot_joins_what_is_public(scene: Scene) -> None:
    away = scene.server.world.add_channel(scene.team.id, "away", bot=False)
    secret = scene.server.world.add_channel(scene.team.id, "secret", kind="private", bot=False)
    await scene.client.conversations_join(channel=away.id)
    await scene.client.chat_postMessage(channel=away.id, text="here")
    assert await scene.find_error("conversations.join", channel=secret.id) == "channel_not_found"
    listed = await scene.client.users_conversations()
    assert {c["id"] for c in listed["channels"]} == {scene.hall.id, away.id}


async def test_lists_come_in_pages(scene: Scene) -> None:
    for n in range(3):
        await scene.post(str(n))
    pages = [
        page["messages"] async for page in await scene.client.conversations_history(channel=scene.hall.id, limit=2)
    ]
    assert [[m["text"] for m in page] for page in pages] == [["2", "1"], ["0"]]


async def test_reactions(scene: Scene) -> None:
    message = await scene.post()
    args = {"channel": message.channel, "timestamp": message.ts, "name": "thumbsup"}
    await scene.client.reactions_add(**args)
    assert await scene.find_error("reactions.add", **args) == "already_reacted"
    await scene.server.people.react(scene.ann.id, message, "thumbsup")
    found = await scene.client.reactions_get(channel=message.channel, timestamp=message.ts)
    assert found["message"]["reactions"][0]["users"] == [scene.team.bot_user, scene.ann.id]
    await scene.client.reactions_remove(**args)
    assert scene.server.world.posts[message].reactions == {"thumbsup": [scene.ann.id]}


async def test_files_go_up_and_come_down(scene: Scene) -> None:
    done = await scene.client.files_upload_v2(
        channel=scene.hall.id, filename="debate.md", content="# Tabs", initial_comment="the record"
    )
    file = done["files"][0]
    (message,) = scene.server.world.messages(scene.hall.id)
    assert (message.text, message.files) == ("the record", [file["id"]])
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {scene.team.bot_token}"}
        async with session.get(file["url_private_download"], headers=headers) as response:
            assert await response.text() == "# Tabs"
        unscoped = scene.server.world.install(scene.team.id, ["chat:write"]).token
        for headers in ({}, {"Authorization": f"Bearer {unscoped}"}):
            async with session.get(file["url_private_download"], headers=headers) as response:
                assert response.content_type == "text/html"  # a sign-in page, not the file


async def test_calls_outside_the_contract_are_violations(reference: Path) -> None:
    async with open_scene(reference / "specs" / "slack") as scene:
        await scene.client.api_call("chat.postMessage", json={"channel": scene.hall.id, "text": "x", "colour": "red"})
        await scene.find_error("chat.update", channel=scene.hall.id, text="x")
        scene.server.faults.fail("chat.postMessage", "too_sleepy")
        await scene.find_error("chat.postMessage", channel=scene.hall.id, text="x")
        found = list(scene.server.violations)
        scene.server.violations.clear()
    assert found == [
        "chat.postMessage: argument colour is unknown",
        "chat.update: ts is required",
        "chat.postMessage: error too_sleepy is not one of its own",
    ]


async def test_without_descriptions_nothing_is_checked(tmp_path: Path) -> None:
    async with SlackServer(contract=tmp_path / "absent") as server:
        client = AsyncWebClient(server.world.add_team("acme").bot_token, base_url=server.api_base)
        await client.api_call("auth.test", json={"why": "not"})
        assert server.contract is None


async def test_leaving_with_violations_raises(reference: Path) -> None:
    with pytest.raises(ContractBroken, match=r"auth\.test: argument why is unknown"):
        async with open_scene(reference / "specs" / "slack") as scene:
            await scene.client.api_call("auth.test", json={"why": "not"})


async def test_the_server_works_from_another_process() -> None:
    async with spawn_server() as slack:
        team = await slack.world.add_team("acme")
        ann = await slack.world.add_user(team["id"], "ann")
        hall = await slack.world.add_channel(team["id"], "hall", [ann["id"]])
        client = AsyncWebClient(team["bot_token"], base_url=slack.api_base)
        posted = await client.chat_postMessage(channel=hall["id"], text="hello", blocks=[ACTIONS])
        delivery = await slack.people.click(ann["id"], (hall["id"], posted["ts"]), "skip")
        assert delivery["error"] == "dispatch_failed"
        await slack.limits.set("chat.update", 0)
        with pytest.raises(SlackApiError, match="ratelimited"):
            await client.chat_update(channel=hall["id"], ts=posted["ts"], text="x")
        assert [m["text"] for m in await slack.world.messages(hall["id"])] == ["hello"]
        assert [r["error"] for r in await slack.server.requests()] == ["", "ratelimited"]
        with pytest.raises(ValueError, match="AttributeError"):
            await slack.world.no_such_thing()


async def test_leaving_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with SlackServer() as server:
        team = server.world.add_team("acme")
        ann = server.world.add_user(team.id, "ann")
        hall = server.world.add_channel(team.id, "hall", [ann.id])
        client = AsyncWebClient(team.bot_token, base_url=server.api_base)
        client.retry_handlers.clear()
        server.faults.stall("auth.test")
        stalled = asyncio.create_task(client.auth_test())
        undelivered = await server.people.say(ann.id, hall.id, "debate", mention=True)
        while len(undelivered.attempts) < 2 or not server.requests:
            await asyncio.sleep(0)
    await asyncio.gather(stalled, return_exceptions=True)
    assert asyncio.all_tasks() == before
