"""What the doctor tells of Discord, and the invitation: discord.py's REST client against Discord's wire."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import discord
import pytest
from aiohttp.test_utils import unused_port
from pydantic import ValidationError

from adapters.discord import doctor as discord_doctor
from adapters.discord.permissions import INTENTS, PERMISSIONS, missing_permissions, wanted_intents, wanted_permissions
from bot.cli.install import print_discord_invite
from bot.doctor import Finding, run_checks
from bot.settings.platforms import DiscordSettings
from tests.servers.discord import DiscordServer
from tests.servers.discord import server as discord_server
from tests.servers.discord.routing import Route
from tests.servers.model_server import ModelServer, model_list
from tests.support.certificates import VALID, serve_tls
from tests.support.command_line import run_moot
from tests.support.doctor import ask_doctor
from tests.support.model_panel import SEATS, write_settings
from tests.support.paths import ROOT

CONTENT = 1 << 18  # GATEWAY_MESSAGE_CONTENT, as https://discord.com/developers/docs/resources/application has it
Portal = dict[str, Any]  # what the application's page in the portal is set to


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def portal() -> Portal:
    return {}


@pytest.fixture
async def wire(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    """Return Discord, whose answers also carry the portal's settings."""

    def extended(route: Route) -> Route:
        if route.template != "/oauth2/applications/@me":
            return route
        return route._replace(handler=lambda call: {**route.handler(call), **portal})

    monkeypatch.setattr(discord_server, "ROUTES", tuple(map(extended, discord_server.ROUTES)))
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)  # the doctor sets it
    async with DiscordServer() as server:
        yield server


def make_settings(server: DiscordServer, token: str = "", **more: Any) -> DiscordSettings:
    return DiscordSettings(token=token or server.token, api_base=server.api_base, **more)


async def run_check(told: DiscordSettings, now_ahead_s: float = 0.0) -> dict[str, Finding]:
    found = await run_checks([discord_doctor.discord_check(told, lambda: time.time() + now_ahead_s)])
    return {f.what: f for f in found}


async def test_a_bot_that_may_all_is_well(wire: DiscordServer) -> None:
    guild = await wire.create_guild("Home")
    found = await run_check(make_settings(wire, allow=[str(guild.id)]))
    assert {f.state for f in found.values()} == {"ok"}
    assert list(found) == ["discord token", "discord intents", "discord servers", "clock"]
    assert str(wire.bot.id) in found["discord token"].meaning


async def test_a_public_bot_that_answers_everyone_is_warned_of(wire: DiscordServer) -> None:
    found = (await run_check(make_settings(wire)))["discord allow"]
    assert (found.state, "discord.allow" in found.remedy) == ("warning", True)


async def test_missing_permissions_are_told_by_name_for_each_server(wire: DiscordServer) -> None:
    await wire.create_guild("Home")
    for name, lacks in (("Strict", {"manage_webhooks"}), ("Mute", {"send_messages", "manage_webhooks"})):
        guild = await wire.create_guild(name)
        for role in list(guild.roles):
            await wire.edit_role(guild, role, *({p.flag for p in PERMISSIONS} - lacks))
    found = await run_check(make_settings(wire))
    assert found["discord servers"].meaning == "1 of 3 grant all permissions"
    assert found["discord Strict"].state == "warning"
    assert "Permissions: Manage Webhooks." in found["discord Strict"].remedy
    assert found["discord Mute"].state == "broken"
    assert "Send Messages and Create Posts, Manage Webhooks" in found["discord Mute"].remedy


async def test_more_servers_than_a_page_holds_are_all_looked_at(
    wire: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_doctor, "_PAGE", 2)
    for n in range(5):
        await wire.create_guild(f"Guild {n}")
    assert (await run_check(make_settings(wire)))["discord servers"].meaning.startswith("5 of 5")
    assert sum(request.path.endswith("/guilds") for request in wire.requests) == 3


async def test_the_review_of_privileged_intents_is_told_of_by_the_number_of_users(
    wire: DiscordServer, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_doctor, "_REVIEWED_FROM_USERS", 4)
    await wire.create_guild("Home")  # its owner and the bot
    settings = make_settings(wire, listen=True)
    few = (await run_check(settings))["discord review"]
    assert (few.state, few.meaning.startswith("about 2 members")) == ("ok", True)
    await wire.create_guild("Another")
    many = (await run_check(settings))["discord review"]
    assert (many.state, "Message Content Intent, which" in many.meaning) == ("warning", True)
    assert "ask for the review" in many.remedy
    assert "discord review" not in await run_check(make_settings(wire))  # without privileged intents
    portal["flags"] = CONTENT  # granted
    assert "discord review" not in await run_check(settings)


async def test_a_bot_in_no_server_is_pointed_to_its_invitation(wire: DiscordServer) -> None:
    assert "moot invite discord" in (await run_check(make_settings(wire)))["discord servers"].remedy


@pytest.mark.parametrize(
    ("listen", "flags", "state"),
    [(False, 0, "ok"), (True, 0, "broken"), (True, CONTENT, "ok"), (True, CONTENT << 1, "ok")],
)
async def test_the_privileged_intent_is_needed_by_listening_alone(
    wire: DiscordServer, portal: Portal, listen: bool, flags: int, state: str
) -> None:
    portal["flags"] = flags
    found = (await run_check(make_settings(wire, listen=listen)))["discord intents"]
    assert found.state == state
    assert "Message Content Intent" in found.meaning


@pytest.mark.parametrize(
    ("switch", "value", "state"),
    [("interactions_endpoint_url", "https://example.org", "broken"), ("bot_require_code_grant", True, "warning")],
)
async def test_a_switch_of_the_portal_that_keeps_people_away(
    wire: DiscordServer, portal: Portal, switch: str, value: object, state: str
) -> None:
    portal[switch] = value
    found = (await run_check(make_settings(wire)))["discord application"]
    assert (found.state, "discord.com/developers" in found.remedy) == (state, True)


async def test_who_joins_is_noted_with_its_intent_alone(wire: DiscordServer, portal: Portal) -> None:
    portal["flags"] = CONTENT
    found = (await run_check(make_settings(wire, members=True)))["discord intents"]
    assert found.state == "broken"
    assert "members = false" in found.remedy


async def test_of_many_servers_that_lack_permissions_some_are_named(
    wire: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_doctor, "_MAX_NAMED", 1)
    for name in ("One", "Two", "Three"):
        guild = await wire.create_guild(name)
        for role in list(guild.roles):
            await wire.edit_role(guild, role, "view_channel")
    found = await run_check(make_settings(wire))
    assert found["discord One"].state == "broken"
    assert "2 more" in found["discord servers"].meaning


async def test_a_discord_that_does_not_answer_is_not_waited_for(
    wire: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_doctor, "_TIMEOUT_S", 0.0)
    found = (await run_check(make_settings(wire)))["discord"]
    assert (found.state, "no answer in" in found.meaning) == ("broken", True)


async def test_a_token_that_is_refused(wire: DiscordServer) -> None:
    found = await run_check(make_settings(wire, "wrong"))
    assert [(f.what, f.state) for f in found.values()] == [("discord token", "broken")]
    assert "Reset Token" in found["discord token"].remedy
    assert "wrong" not in str(found)


@pytest.mark.parametrize("token", ["wro\nng", "schlüssel"])
def test_a_token_that_no_header_can_carry(wire: DiscordServer, token: str) -> None:
    with pytest.raises(ValidationError):
        make_settings(wire, token)


async def test_a_discord_that_is_not_there_or_fails_is_told_as_that(wire: DiscordServer, tmp_path: Path) -> None:
    await wire.fail("GET", "/users/@me", 403)
    assert "status 403" in (await run_check(make_settings(wire)))["discord"].meaning
    away = DiscordSettings(token=wire.token, api_base=f"http://127.0.0.1:{unused_port()}/api/v10")
    assert "cannot be reached" in (await run_check(away))["discord"].meaning
    async with serve_tls(tmp_path / "own.pem", VALID) as address:
        masked = away.model_copy(update={"api_base": f"{address}/api/v10"})
        assert "does a proxy stand in between?" in (await run_check(masked))["discord"].meaning


async def test_a_clock_that_is_wrong_is_told(wire: DiscordServer) -> None:
    assert (await run_check(make_settings(wire), now_ahead_s=90))["clock"].state == "broken"


async def test_the_whole_command_looks_at_discord(
    wire: DiscordServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOOT_DISCORD__TOKEN", "wrong")
    monkeypatch.setenv("MOOT_DISCORD__API_BASE", wire.api_base)
    async with ModelServer() as server:
        write_settings(server)
        for seat in SEATS:
            server.tell(model_list(seat), path=f"/{seat}/models")
        report = await ask_doctor(capsys, spend=False)
    assert (report.findings["discord token"]["state"], report.status) == ("broken", 1)


async def test_the_invitation_asks_for_what_is_used_and_says_why(
    wire: DiscordServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOOT_DISCORD__TOKEN", wire.token)
    monkeypatch.setenv("MOOT_DISCORD__API_BASE", wire.api_base)
    assert await print_discord_invite() == 0
    link, _, *rest = capsys.readouterr().out.splitlines()
    query = {key: value[0] for key, value in parse_qs(urlsplit(link).query).items()}
    assert query["client_id"] == str(wire.bot.id)
    assert query["scope"].split() == ["bot", "applications.commands"]
    granted = discord.Permissions(int(query["permissions"]))
    assert {name for name, held in granted if held} == {
        name for name, held in discord.Permissions(**{p.flag: True for p in PERMISSIONS}) if held
    }
    assert "as Discord told it" in rest[0]
    for permission in PERMISSIONS:
        assert f"- {permission.label}: {permission.why}" in " ".join(rest).replace("  ", " ")


def test_an_invitation_without_a_network_takes_the_id_from_the_token(tmp_path: Path) -> None:
    token = base64.urlsafe_b64encode(b"123456789012345678").decode().rstrip("=") + ".made.up"
    there = f"http://127.0.0.1:{unused_port()}/api/v10"
    told = run_moot("invite", "discord", cwd=tmp_path, MOOT_DISCORD__TOKEN=token, MOOT_DISCORD__API_BASE=there)
    assert told.returncode == 0
    assert "client_id=123456789012345678" in told.stdout
    assert "read from the token" in told.stdout
    assert token not in told.stdout + told.stderr


@pytest.mark.parametrize(("token", "says"), [("", "is not set"), ("none", "no bot token")])
def test_an_invitation_without_a_usable_token_is_refused(tmp_path: Path, token: str, says: str) -> None:
    set_to = {"MOOT_DISCORD__TOKEN": token} if token else {}
    there = f"http://127.0.0.1:{unused_port()}/api/v10"
    more = {"MOOT_DISCORD__API_BASE": there} if token else {}
    told = run_moot("invite", "discord", cwd=tmp_path, **set_to, **more)
    assert told.returncode == 2
    assert says in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_the_lists_name_what_discord_py_knows() -> None:
    assert missing_permissions(wanted_permissions()) == ()
    assert missing_permissions(discord.Permissions(administrator=True)) == ()
    assert missing_permissions(discord.Permissions.none()) == PERMISSIONS
    asked = {i.flag for i in INTENTS}
    assert {name for name, on in wanted_intents(listen=True, members=True) if on and name in asked} == asked
    assert not wanted_intents(listen=False).message_content
    assert not wanted_intents(listen=True).members


def test_the_guide_lists_the_same_permissions() -> None:
    guide = (ROOT / "docs" / "discord.md").read_text("utf-8")
    rows = [line.strip().strip("|").split(" | ") for line in guide.splitlines() if line.startswith("   | ")]
    assert [(label.strip(), why.strip()) for label, why in rows[1:]] == [(p.label, p.why) for p in PERMISSIONS]
