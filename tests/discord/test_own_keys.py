"""/moot key on Discord: in a form alone, for who manages the server, and its runs are paid with it from then on."""

from __future__ import annotations

import pytest

from adapters.discord.definitions import Json, define_commands
from commands import COMMANDS
from tests.servers.discord import User
from tests.servers.model_server import answer
from tests.support.discord_bot import Moot, StartMoot
from tests.support.own_keys import MASTER, OWN_KEY, take_keys


@pytest.fixture
async def moot(start_moot: StartMoot, monkeypatch: pytest.MonkeyPatch) -> Moot:
    """Return the bot with two seats that are asked at OpenAI's own host, and without any key of the operator's."""
    made = await start_moot(started=False, own_keys={"master_key": MASTER})
    for name, value in {**take_keys(made.models), "OPENAI_API_KEY": ""}.items():
        monkeypatch.setenv(name, value)
    made.models.tell(answer("Tabs."))
    own_host = {"litellm": "openai/test", "api_base": None, "api_key": None}
    models = {key: model.model_copy(update=own_host) for key, model in made.settings.models.items()}
    made.settings = made.settings.model_copy(update={"models": models})
    await made.start()
    return made


async def find_manager(moot: Moot) -> User:
    managers = await moot.server.create_role(moot.guild, "managers", "manage_guild")
    return await moot.server.create_member(moot.guild, "boss", managers)


def find_subcommands(group: str) -> list[Json]:
    [top] = [made for made in define_commands(COMMANDS, ()) if made["name"] == "moot"]
    return next(option["options"] for option in top["options"] if option["name"] == group)


def test_no_command_takes_a_key_as_an_argument() -> None:
    assert {leaf["name"]: leaf["options"] for leaf in find_subcommands("key")} == {"set": [], "list": [], "remove": []}


async def test_a_key_pays_from_the_form_on_until_it_is_removed(moot: Moot) -> None:
    boss = await find_manager(moot)
    refused = await moot.server.slash(moot.ada, moot.channel, "compare", question="Tea?")
    assert "there are 0" in await moot.read_answer(refused), "nobody has given a key"

    asked = await moot.server.slash(boss, moot.channel, "moot key set")
    form = (await asked.answer()).modal
    assert form is not None
    provider, key = (part["component"] for part in form["components"])
    assert [option["value"] for option in provider["options"]] == ["openai"]
    assert (provider["required"], key["required"]) == (True, True)
    sent = await moot.server.submit(boss, asked, {"provider": ["openai"], "key": OWN_KEY})
    assert "openai takes it" in await moot.read_answer(sent)
    assert "ends in 6789; given by boss" in await moot.call_command(boss, "moot key list")

    await moot.ask()
    await moot.wait_until_over()
    sent_keys = {asked.headers["Authorization"] for asked in moot.models.log if asked.path.endswith("completions")}
    assert sent_keys == {f"Bearer {OWN_KEY}"}

    asked = await moot.server.slash(boss, moot.channel, "moot key remove")
    await asked.answer()
    assert "Forgotten" in await moot.read_answer(await moot.server.submit(boss, asked, {"provider": ["openai"]}))
    assert "has given no key" in await moot.call_command(boss, "moot key remove")


async def test_members_and_moderators_see_no_form(moot: Moot) -> None:
    for person in (moot.ada, moot.mod):
        for command in ("set", "list", "remove"):
            assert "for somebody who manages this server" in await moot.call_command(person, f"moot key {command}")
