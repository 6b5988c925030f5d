"""A newcomer's way: README and the guides, followed word for word in an empty home to the first debate."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from tests.servers.discord import DiscordServer
from tests.servers.model_server import ModelServer, Reply, Request, answer, model_list
from tests.servers.slack import SlackServer
from tests.support.debates import make_scores
from tests.support.discord_bot import PATIENCE_S, UNLIMITED
from tests.support.forked_moot import find_moot
from tests.support.homes import Block, Home, read_sections
from tests.support.slack_app import wait_until

yaml = pytest.importorskip("yaml")

LISTED = {"Claude": "anthropic/claude-sonnet-5.5", "GPT": "openai/gpt-6.1-sol", "Gemini": "google/gemini-3.8-flash"}
VERDICT = "GPT, by a hair."

Register = Callable[[str], Mapping[str, str]]  # takes what was printed so far; returns tokens and addresses


def speak(request: Request) -> Reply:
    """Answer what each part of a debate is asked."""
    asked = str(request.body["messages"])
    if "Give only JSON" in asked:
        return answer(make_scores("GPT", *LISTED))
    return answer(f"Weighed.\nVERDICT: {VERDICT}" if "VERDICT:" in asked else "Tabs win.")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """Return a home with one key, where `moot` is installed, as in a checkout too."""
    for folder in (".local/bin", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "moot").symlink_to(find_moot())
    async with ModelServer() as server:
        server.tell(model_list(*LISTED.values()), path="/v1/models")
        server.tell(speak)
        yield Home(tmp_path, {"OPENROUTER_API_KEY": "k", "OPENROUTER_API_BASE": f"{server.url}/v1"})


async def follow(home: Home, blocks: list[Block], register: Register) -> tuple[str, list[str]]:
    """Follow the blocks of a section, line by line, and return what they printed, and what is typed on the platform.

    A last `moot run` is left to the caller. Where a page has "…", it is what `register` returns, whose further
    variables join the environment.
    """
    printed, typed, given = "", list[str](), dict[str, str]()

    def fill_in(name: re.Match[str]) -> str:
        given.update(given or register(printed))
        return f"{name[1]}={given[name[1]]}"

    for block in blocks:
        for line in block.text.splitlines():
            filled = re.sub(r"(MOOT_\w+)=[\w-]*…", fill_in, line)
            home.env.update({name: value for name, value in given.items() if "TOKEN" not in name})
            if block.kind == "ini":
                with (home.path / block.title).open("a", encoding="utf-8") as file:
                    file.write(f"{filled}\n")
            elif block.kind == "text" or re.match(r"\S*moot run\b", line):
                typed += re.findall(r"(?<!\S)/\w.*", line)
            else:
                printed += await home.succeed(filled)
    return printed, typed


def refuse(_: str) -> Mapping[str, str]:
    raise AssertionError("this page asks for no token")


@pytest.mark.parametrize(
    ("page", "section"), [("README.md", "Your own models"), ("docs/terminal.md", "Setting up")], ids=["readme", "guide"]
)
async def test_in_the_terminal(home: Home, page: str, section: str) -> None:
    printed, _ = await follow(home, read_sections(page)[section], refuse)
    assert f"VERDICT: {VERDICT}" in printed
    assert "broken" not in printed


@pytest.mark.parametrize(
    ("page", "section"), [("README.md", "On Discord"), ("docs/discord.md", "Setting up")], ids=["readme", "guide"]
)
async def test_on_discord(home: Home, page: str, section: str) -> None:
    async with DiscordServer(UNLIMITED, deadline_s=PATIENCE_S) as discord:
        guild = await discord.create_guild()
        channel, ada = await discord.create_channel(guild), await discord.create_member(guild, "ada")
        wire = {
            "MOOT_DISCORD__TOKEN": discord.token,
            "MOOT_DISCORD__API_BASE": discord.api_base,
            "MOOT_DISCORD__GATEWAY_URL": discord.gateway_url,
        }
        if page == "README.md":
            await home.succeed("moot init")
        printed, typed = await follow(home, read_sections(page)[section], lambda _: wire)
        assert f"client_id={discord.bot.id}" in printed
        assert "broken" not in printed
        [command, option, text] = re.findall(r"/(\w+) (\w+): (.+)", typed[-1])[0]
        async with home.running("moot run", "· ready"):
            await discord.slash(ada, channel, command, **{option: text})
            said = discord.hub.world.messages
            await discord.until(lambda: any(VERDICT in m.text for place in said.values() for m in place.values()), 60)


@pytest.mark.parametrize(
    ("page", "section"), [("README.md", "On Slack"), ("docs/slack.md", "Setting up")], ids=["readme", "guide"]
)
async def test_on_slack(home: Home, page: str, section: str) -> None:
    async with SlackServer() as slack:
        slack.limits.set("chat.postMessage", None)

        def register(printed: str) -> Mapping[str, str]:
            """Make the app from the manifest that was printed, and install it."""
            manifest = yaml.safe_load(printed[printed.index("display_information:") :])
            slack.world.app.events = set(manifest["settings"]["event_subscriptions"]["bot_events"])
            team = slack.world.add_team("acme", scopes=manifest["oauth_config"]["scopes"]["bot"])
            return {
                "MOOT_SLACK__BOT_TOKEN": team.bot_token,
                "MOOT_SLACK__APP_TOKEN": slack.world.app.app_token,
                "MOOT_SLACK__API_BASE": slack.api_base,
            }

        if page == "README.md":
            await home.succeed("moot init")
        printed, typed = await follow(home, read_sections(page)[section], register)
        assert "broken" not in printed
        [team] = slack.world.teams.values()
        ann = slack.world.add_user(team.id, "ann")
        hall = slack.world.add_channel(team.id, "hall", [ann.id])
        command, _, question = typed[-1].partition(" ")
        async with home.running("moot run", "· ready"):
            await slack.people.join(team.bot_user, hall.id)
            await (await slack.people.command(ann.id, hall.id, command, question))
            await wait_until(lambda: any(VERDICT in m.text for m in slack.world.posts.values()), 60)
