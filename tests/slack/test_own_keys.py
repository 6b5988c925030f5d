"""/moot key on Slack: in a form alone, never behind the command, and for admins."""

from __future__ import annotations

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.slack.world import User
from tests.support.own_keys import MASTER, OWN_KEY, take_keys
from tests.support.slack_app import App, StartApp, wait_until


def add_boss(app: App) -> User:
    boss = app.server.world.add_user(app.team.id, "boss", "admin")
    app.hall.members.append(boss.id)
    return boss


async def test_an_admin_gives_a_key_in_a_form(start_app: StartApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await start_app(master_key=MASTER)
    boss = add_boss(app)
    async with ModelServer() as provider:
        for name, value in take_keys(provider).items():
            monkeypatch.setenv(name, value)
        await app.ask("key set", "/moot", boss.id)
        await wait_until(lambda: bool(app.server.world.views))
        (view,) = app.server.world.views.values()
        assert [(block["block_id"], block["optional"]) for block in view.body["blocks"]] == [
            ("provider", False),
            ("key", False),
        ]
        await (await app.server.people.submit(boss.id, view.id, {"provider": "openai", "key": OWN_KEY}))
        assert "openai takes it" in (await app.read_ephemerals())[0]
        assert [asked.headers["Authorization"] for asked in provider.log] == [f"Bearer {OWN_KEY}"]
    await app.ask("key list", "/moot", boss.id)
    assert "ends in 6789; given by boss" in (await app.read_ephemerals(2))[1]


@pytest.mark.parametrize("typed", [f"--key {OWN_KEY}", OWN_KEY, f"openai {OWN_KEY}"])
async def test_a_key_behind_the_command_is_not_taken(start_app: StartApp, typed: str) -> None:
    app = await start_app(master_key=MASTER)
    boss = add_boss(app)
    await app.ask(f"key set {typed}", "/moot", boss.id)
    [told] = await app.read_ephemerals()
    assert "Nothing was taken" in told
    assert OWN_KEY not in told
    assert await app.store.documents("own-key/") == {}


@pytest.mark.parametrize("typed", ["moot key set --key {}", "moot key set {}", "key set {}"])
async def test_a_key_behind_a_mention_is_not_taken(start_app: StartApp, typed: str) -> None:
    app = await start_app(master_key=MASTER)
    boss = add_boss(app)
    await (await app.server.people.say(boss.id, app.hall.id, typed.format(OWN_KEY), mention=True))
    [told] = await app.read_ephemerals()
    assert "was taken" in told
    assert "revoke" in told
    assert OWN_KEY not in told
    assert (await app.store.documents("own-key/"), await app.store.runs()) == ({}, [])


async def test_members_see_no_form(start_app: StartApp) -> None:
    app = await start_app(master_key=MASTER)
    await app.ask("key set", "/moot")
    assert "for somebody who manages this server" in (await app.read_ephemerals())[0]
