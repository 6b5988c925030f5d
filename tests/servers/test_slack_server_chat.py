"""The Slack server's messages, blocks and streams against the real slack_sdk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError

from tests.servers.slack import Ref
from tests.servers.slack.world import Channel
from tests.support.slack_scene import (
    ACTIONS,
    BUTTON,
    Scene,
    make_section,
    open_scene,
)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


async def test_messages_and_threads_stand_in_order(scene: Scene) -> None:
    board = await scene.post("board")
    await scene.post("one", thread_ts=board.ts, username="GPT", icon_emoji=":robot_face:", reply_broadcast=True)
    await scene.post("two", thread_ts=board.ts, metadata={"event_type": "turn", "event_payload": {"seat": "b"}})
    assert [m.text for m in scene.server.world.messages(scene.hall.id)] == ["board", "one"]
    thread = scene.server.world.messages(scene.hall.id, board.ts)
    assert [(m.text, m.username, m.broadcast) for m in thread] == [
        ("board", "", False),
        ("one", "GPT", True),
        ("two", "", False),
    ]
    replies = await scene.client.conversations_replies(channel=scene.hall.id, ts=board.ts, include_all_metadata=True)
    assert [m["text"] for m in replies["messages"]] == ["board", "one", "two"]
    assert replies["messages"][2]["metadata"]["event_payload"] == {"seat": "b"}
    link = await scene.client.chat_getPermalink(channel=scene.hall.id, message_ts=board.ts)
    assert board.ts.replace(".", "") in link["permalink"]


async def test_an_update_with_text_alone_drops_the_blocks(scene: Scene) -> None:
    message = await scene.post("fallback", blocks=[make_section("first")])
    await scene.client.chat_update(channel=message.channel, ts=message.ts, text="b", blocks=[make_section("second")])
    assert not scene.server.world.posts[message].edited
    await scene.client.chat_update(channel=message.channel, ts=message.ts, text="plain")
    stands = scene.server.world.posts[message]
    assert (stands.text, stands.blocks, stands.edited) == ("plain", [], True)
    assert [e.text for e in stands.edits] == ["fallback", "b", "plain"]
    assert [len(e.blocks) for e in stands.edits] == [1, 1, 0]
    assert sorted(e.at for e in stands.edits) == [e.at for e in stands.edits]


async def test_every_refusal_has_slacks_code(scene: Scene) -> None:
    world, here = scene.server.world, scene.hall.id
    away = world.add_channel(scene.team.id, "away", bot=False)
    old = world.add_channel(scene.team.id, "old", archived=True)
    secret = world.add_channel(scene.team.id, "secret", kind="private", bot=False)
    scene.client.token = world.install(scene.team.id, {"chat:write", "channels:read"}).token
    assert await scene.find_error("chat.postMessage", channel="C0", text="x") == "channel_not_found"
    assert await scene.find_error("chat.postMessage", channel=secret.id, text="x") == "channel_not_found"
    assert await scene.find_error("chat.postMessage", channel=away.id, text="x") == "not_in_channel"
    assert await scene.find_error("chat.postMessage", channel=old.id, text="x") == "is_archived"
    assert await scene.find_error("chat.postMessage", channel=here) == "no_text"
    assert await scene.find_error("chat.postMessage", channel=here, text="x", username="GPT") == "missing_scope"
    said = await scene.server.people.say(scene.ann.id, here, "mine")
    ts = said.event["ts"]
    assert await scene.find_error("chat.update", channel=here, ts="1.000000", text="x") == "message_not_found"
    assert await scene.find_error("chat.update", channel=here, ts=ts, text="x") == "cant_update_message"
    assert await scene.find_error("chat.delete", channel=here, ts=ts) == "cant_delete_message"
    mine = await scene.post()
    assert await scene.find_error("chat.update", channel=here, ts=mine.ts, text="x" * 4_001) == "msg_too_long"
    assert await scene.find_error("chat.update", channel=here, ts=mine.ts) == "no_text"
    scene.team.edit_window_s = -1.0
    assert await scene.find_error("chat.update", channel=here, ts=mine.ts, text="x") == "edit_window_closed"
    scene.hall.archived = True
    assert await scene.find_error("chat.update", channel=here, ts=mine.ts, text="x") == "is_inactive"
    assert await scene.find_error("no.suchMethod") == "unknown_method"


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        ([make_section("x")] * 51, "invalid_blocks"),
        ([make_section("x" * 3_001)], "invalid_blocks"),
        ([make_section("")], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "invalid_blocks"),
        ([{"type": "markdown", "text": "x" * 12_001}], "invalid_blocks"),
        ([{"type": "markdown", "text": "x" * 7_000}] * 2, "msg_blocks_too_long"),
        ([{**ACTIONS, "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}]}], "invalid_blocks"),
        ([{**ACTIONS, "elements": [{**BUTTON, "action_id": "x" * 256}]}], "invalid_blocks"),
        ([{**ACTIONS, "elements": [BUTTON, BUTTON]}], "invalid_blocks"),
        ([ACTIONS, ACTIONS], "invalid_blocks"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}], "invalid_blocks"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}], "invalid_blocks"),
        ([{"type": "poem"}], "invalid_blocks"),
        ("not blocks", "invalid_blocks_format"),
    ],
)
async def test_blocks_are_held_to_their_limits(scene: Scene, blocks: object, code: str) -> None:
    assert await scene.find_error("chat.postMessage", channel=scene.hall.id, text="x", blocks=blocks) == code


async def test_blocks_at_their_limits_pass(scene: Scene) -> None:
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100}
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}
    button = {**BUTTON, "text": {"type": "plain_text", "text": "x" * 75}, "action_id": "x" * 255}
    controls = {**ACTIONS, "elements": [button]}
    message = await scene.post(blocks=[header, make_section("x" * 3_000), table, controls, *[make_section("x")] * 46])
    assert len(scene.server.world.posts[message].blocks) == 50
    await scene.post(blocks=[{"type": "markdown", "text": "x" * 12_000}, controls])


async def test_only_live_mentions_notify(scene: Scene) -> None:
    ann = scene.ann.id
    dead = await scene.post(
        f"&lt;@{ann}&gt; &lt;!channel&gt; @channel", blocks=[make_section(f"&lt;@{ann}&gt;"), ACTIONS]
    )
    live = await scene.post(
        "hey", blocks=[make_section(f"<@{ann}> and <!channel>"), {"type": "markdown", "text": "<!here>"}]
    )
    named = await scene.post("@here", link_names=True)
    button = {**BUTTON, "text": {"type": "plain_text", "text": f"<@{ann}>"}}
    plain = await scene.post("hey", blocks=[{**ACTIONS, "elements": [button]}])
    posts = scene.server.world.posts
    assert [posts[m].notified for m in (dead, live, named, plain)] == [(), (ann, "channel", "here"), ("here",), ()]
    await scene.client.chat_update(channel=dead.channel, ts=dead.ts, text=f"<@{ann}>")
    assert (posts[dead].mentions, posts[dead].notified) == ((ann,), ())  # an edit pings nobody


async def test_ephemerals_are_kept_apart(scene: Scene) -> None:
    await scene.client.chat_postEphemeral(channel=scene.hall.id, user=scene.ann.id, text="only you")
    assert [(e.user, e.text) for e in scene.server.world.ephemerals] == [(scene.ann.id, "only you")]
    assert scene.server.world.messages(scene.hall.id) == []
    stranger = scene.server.world.add_user(scene.team.id, "cy")
    refused = await scene.find_error("chat.postEphemeral", channel=scene.hall.id, user=stranger.id, text="x")
    assert refused == "user_not_in_channel"


async def test_a_stream_in_a_direct_message(scene: Scene) -> None:
    opened = await scene.client.conversations_open(users=scene.ann.id)
    channel = opened["channel"]["id"]
    asked = await scene.server.people.say(scene.ann.id, channel, "tabs?")
    stream = await scene.client.chat_stream(channel=channel, thread_ts=asked.event["ts"], buffer_size=1)
    await stream.append(markdown_text="**hello ")
    await stream.append(markdown_text="world**")
    (message,) = [m for m in scene.server.world.messages(channel, asked.event["ts"]) if m.bot_id]
    assert (message.text, message.stream) == ("**hello world**", "streaming")
    assert await scene.find_error("chat.update", channel=channel, ts=message.ts, text="x") == "streaming_state_conflict"
    await stream.stop(blocks=[ACTIONS])
    assert (message.stream, len(message.blocks)) == ("stopped", 1)
    args = {"channel": channel, "ts": message.ts, "markdown_text": "late"}
    assert await scene.find_error("chat.appendStream", **args) == "message_not_in_streaming_state"


async def test_a_stream_ends_by_itself(scene: Scene) -> None:
    scene.server.limits.set_times(stream_s=0.0)
    channel = scene.server.world.im(scene.ann.id)
    stream = await scene.client.chat_stream(
        channel=channel.id, thread_ts=await _post_question(scene, channel), buffer_size=1
    )
    await stream.append(markdown_text="hello")
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await stream.append(markdown_text="world")
    await scene.client.chat_update(channel=channel.id, ts=stream.ts, text="the rest")


async def test_a_stream_in_a_channel_needs_a_recipient(scene: Scene) -> None:
    thread = await _post_question(scene, scene.hall)
    args = {"channel": scene.hall.id, "thread_ts": thread}
    assert await scene.find_error("chat.startStream", **args) == "missing_recipient_user_id"
    args["recipient_user_id"] = scene.ann.id
    assert await scene.find_error("chat.startStream", **args) == "missing_recipient_team_id"
    answer = await scene.client.chat_startStream(**args, recipient_team_id=scene.team.id)
    assert scene.server.world.posts[Ref(scene.hall.id, answer["ts"])].recipient == scene.ann.id


async def _post_question(scene: Scene, channel: Channel) -> str:
    return str((await scene.server.people.say(scene.ann.id, channel.id, "tabs?")).event["ts"])
