"""The Slack server's buttons, menus, modals and answers against the real slack_bolt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.support.slack_scene import (
    ACTIONS,
    HOME,
    MODAL,
    ROUNDS,
    Scene,
    connect_sockets,
    listen,
    make_bolt,
    make_section,
    open_scene,
)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


async def test_a_click_and_its_message(scene: Scene) -> None:
    app, seen = make_bolt(scene), []

    @listen(app.action("skip"))
    async def skip(ack: Any, body: Any, respond: Any) -> None:
        await ack()
        seen.append((body["user"]["id"], body["actions"][0]["value"], body["message"]["ts"]))
        await respond(text="skipped", replace_original=True)

    message = await scene.post("turn", blocks=[ACTIONS])
    async with connect_sockets(scene, app):
        await (await scene.server.people.click(scene.ann.id, message, "skip"))
        while scene.server.world.posts[message].text != "skipped":
            await asyncio.sleep(0)
    assert seen == [(scene.ann.id, "gpt", message.ts)]
    with pytest.raises(ValueError, match="nothing called 'skip'"):
        await scene.server.people.click(scene.ann.id, message, "skip")


async def test_a_modal_from_its_trigger_to_its_submission(scene: Scene) -> None:
    app, seen = make_bolt(scene), []

    @listen(app.shortcut("ask"))
    async def ask(ack: Any, shortcut: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=MODAL)

    @listen(app.view("debate"))
    async def debate(ack: Any, view: Any) -> None:
        values = view["state"]["values"]
        topic, rounds = values["t"]["topic"]["value"], values["r"]["rounds"]["selected_option"]["value"]
        seen.append((topic, rounds))
        if topic:
            await ack()
        else:
            await ack(response_action="errors", errors={"t": "Say what about."})

    message, people, views = await scene.post(), scene.server.people, scene.server.world.views
    async with connect_sockets(scene, app):
        await (await people.shortcut(scene.ann.id, message, "ask"))
        while not views:
            await asyncio.sleep(0)
        (view,) = views.values()
        refused = await (await people.submit(scene.ann.id, view.id, {"rounds": "2"}))
        assert refused.answer is not None
        assert refused.answer["response_action"] == "errors"
        assert view.open
        await (await people.submit(scene.ann.id, view.id, {"topic": "tabs"}))
        assert not view.open
    assert seen == [(None, "2"), ("tabs", "1")]
    with pytest.raises(ValueError, match="no open view"):
        await people.submit(scene.ann.id, view.id, {})


async def test_triggers_are_short_and_hashes_guard(scene: Scene) -> None:
    world = scene.server.world
    trigger = world.trigger(scene.team.id, scene.ann.id)
    opened = (await scene.client.views_open(trigger_id=trigger, view=MODAL))["view"]
    assert await scene.find_error("views.open", trigger_id=trigger, view=MODAL) == "exchanged_trigger_id"
    changed = await scene.client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)
    stale = {"view_id": opened["id"], "hash": opened["hash"], "view": MODAL}
    assert await scene.find_error("views.update", **stale) == "hash_conflict"
    assert changed["view"]["hash"] != opened["hash"]
    await scene.client.views_push(trigger_id=world.trigger(scene.team.id, scene.ann.id), view=MODAL)
    assert await scene.find_error("views.update", view_id="V0", view=MODAL) == "not_found"
    scene.server.limits.set_times(trigger_s=0.0)
    late = world.trigger(scene.team.id, scene.ann.id)
    assert await scene.find_error("views.open", trigger_id=late, view=MODAL) == "expired_trigger_id"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"private_metadata": "x" * 3_001},
        {"blocks": [make_section("x")] * 101},
        {"type": "home"},
        {"submit": {"type": "plain_text", "text": "x" * 25}},
    ],
)
async def test_views_are_held_to_their_limits(scene: Scene, wrong: dict[str, Any]) -> None:
    trigger = scene.server.world.trigger(scene.team.id, scene.ann.id)
    assert await scene.find_error("views.open", trigger_id=trigger, view=MODAL | wrong) == "invalid_arguments"


async def test_the_home_tab(scene: Scene) -> None:
    app = make_bolt(scene)

    @listen(app.event("app_home_opened"))
    async def on_home_opened(event: Any, client: Any) -> None:
        await client.views_publish(user_id=event["user"], view=HOME)

    async with connect_sockets(scene, app):
        await (await scene.server.people.open_home(scene.ann.id))
        while scene.ann.id not in scene.server.world.homes:
            await asyncio.sleep(0)
        await (await scene.server.people.open_home(scene.ann.id))
    stale = {"user_id": scene.ann.id, "hash": "hash.0", "view": HOME}
    assert await scene.find_error("views.publish", **stale) == "hash_conflict"


async def test_menus_home_buttons_and_closed_modals(scene: Scene) -> None:
    app, seen = make_bolt(scene), []

    @listen(app.action("rounds"))
    async def rounds(ack: Any, action: Any) -> None:
        await ack()
        seen.append(action["selected_option"]["value"])

    @listen(app.action("skip"))
    async def skip(ack: Any, body: Any) -> None:
        await ack()
        seen.append(body["container"]["type"])

    @listen(app.view_closed("debate"))
    async def on_view_closed(ack: Any, body: Any) -> None:
        await ack()
        seen.append(body["type"])

    world, people, ann = scene.server.world, scene.server.people, scene.ann.id
    message = await scene.post("which?", blocks=[{**ACTIONS, "elements": [ROUNDS]}])
    home = (await scene.client.views_publish(user_id=ann, view={**HOME, "blocks": [ACTIONS]}))["view"]
    modal = (await scene.client.views_open(trigger_id=world.trigger(scene.team.id, ann), view=MODAL))["view"]
    async with connect_sockets(scene, app):
        await (await people.choose(ann, message, "rounds", "2"))
        await (await people.click_in_view(ann, home["id"], "skip"))
        await (await people.close_view(ann, modal["id"]))
    assert seen == ["2", "view", "view_closed"]
    with pytest.raises(ValueError, match="'3' is not offered"):
        await people.choose(ann, message, "rounds", "3")


async def test_a_response_url_is_good_five_times(scene: Scene) -> None:
    scene.server.courier.hold()
    delivery = await scene.server.people.command(scene.ann.id, scene.hall.id, "/debate")
    hook = AsyncWebhookClient(delivery.payload["response_url"])
    statuses = [(await hook.send(text=str(n))).status_code for n in range(6)]
    assert statuses == [200] * 5 + [404]
    assert len(scene.server.world.ephemerals) == 5
    scene.server.limits.set_times(response_url_s=0.0)
    late = await scene.server.people.command(scene.ann.id, scene.hall.id, "/debate")
    expired = await AsyncWebhookClient(late.payload["response_url"]).send(text="late")
    assert (expired.status_code, expired.body) == (404, "expired_url")


@pytest.mark.parametrize(
    ("answer", "open_views", "error"),
    [
        ({}, [], ""),
        ({"response_action": "update", "view": MODAL}, ["first"], ""),
        ({"response_action": "push", "view": MODAL}, ["first", "second"], ""),
        ({"response_action": "clear"}, [], ""),
        ({"response_action": "update", "view": HOME}, ["first"], "invalid_arguments"),
    ],
)
async def test_what_an_answer_makes_of_a_modal(
    scene: Scene, answer: dict[str, Any], open_views: list[str], error: str
) -> None:
    app, world, ann = make_bolt(scene), scene.server.world, scene.ann.id

    @listen(app.view("debate"))
    async def debate(ack: Any) -> None:
        await ack(**answer)

    modal = (await scene.client.views_open(trigger_id=world.trigger(scene.team.id, ann), view=MODAL))["view"]
    async with connect_sockets(scene, app):
        delivery = await scene.server.people.submit(ann, modal["id"], {"topic": "tabs"})
        await delivery.wait_until_over()
    assert delivery.error == error
    assert [name for name, v in zip(("first", "second"), world.views.values(), strict=False) if v.open] == open_views
