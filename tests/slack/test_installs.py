"""Many workspaces: installing by OAuth, tokens that nobody reads in the database, organisations, uninstalling."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Installation

from adapters.slack.installs import SETTING, SealedStates
from adapters.slack.workspaces import FRESH_S, Workspaces
from bot.errors import Misconfigured
from bot.sealing import make_sealer
from tests.support.clocks import ManualClock
from tests.support.slack_app import App, wait_until
from tests.support.slack_installs import KEY, serve_installable
from tests.support.slack_messages import read_text


async def install(a: App, code: str, state: str | None = None) -> int:
    """Walk through Slack's pages; return the status of the last one."""
    base = a.bot.url
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(f"{base}/slack/install") as page:
            cookies = {name: cookie.value for name, cookie in page.cookies.items()}
            text = await page.text()
        (link,) = re.findall(r'href="([^"]*/oauth/v2/authorize[^"]*)"', text)
        given = parse_qs(urlsplit(link.replace("&amp;", "&")).query)
        assert "channels:history" not in given["scope"][0]
        query = {"code": code, "state": state or given["state"][0]}
        async with browser.get(f"{base}/slack/oauth_redirect", params=query, cookies=cookies) as page:
            return page.status


async def test_a_workspace_is_installed_and_its_token_is_sealed(tmp_path: Path) -> None:
    async with serve_installable(tmp_path / "moot.db") as a:
        assert await install(a, a.server.world.code(a.team.id)) == 200
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        assert "tabs or spaces" in read_text(board)
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"slack_installations" in kept
    assert b"xoxb" not in kept


async def test_a_stranger_s_state_installs_nothing(tmp_path: Path) -> None:
    async with serve_installable(tmp_path / "moot.db") as a:
        assert await install(a, a.server.world.code(a.team.id), state="forged") != 200
        await a.server.people.command(a.ann.id, a.hall.id, "/compare", "tabs?")
        assert await a.store.runs() == []


async def test_an_installation_for_the_whole_organisation(tmp_path: Path) -> None:
    async with serve_installable(tmp_path / "moot.db") as a:
        world = a.server.world
        north = world.add_team("north", enterprise="E1", installed=False)
        south = world.add_team("south", enterprise="E1", installed=False)
        sue = world.add_user(south.id, "sue")
        assert await install(a, world.code(north.id, org_wide=True)) == 200
        room = world.add_channel(south.id, "room", [sue.id])
        await (await a.server.people.command(sue.id, room.id, "/compare", "tabs?"))
        await wait_until(lambda: bool(world.messages(room.id)))
        await a.wait_until_over()
        (run,) = await a.store.runs()
        (start, *_) = await a.store.read(run.run)
        assert start.fact.server == f"slack:{south.id}"  # type: ignore[union-attr]  # the first fact is the start


async def test_an_uninstalled_workspace_is_forgotten(tmp_path: Path) -> None:
    async with serve_installable(tmp_path / "moot.db") as a:
        await install(a, a.server.world.code(a.team.id))
        await a.ask()
        await a.find_board()
        await a.wait_until_over()
        await (await a.server.people.uninstall(a.team.id))
        store = await a.bot._open_installations()
        assert store is not None

        async def gone() -> bool:
            return await store.async_find_bot(enterprise_id=None, team_id=a.team.id) is None

        while not await gone():
            pass


async def test_another_process_takes_the_new_token_of_a_workspace_that_was_installed_anew(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with serve_installable(path) as a:
        store, clock = await a.bot._open_installations(), ManualClock()
        other = Workspaces(a.bot._api, "", store, clock)
        assert store is not None
        await install(a, a.server.world.code(a.team.id))
        before = await other.find("", a.team.id)
        assert before is not None
        await (await a.server.people.uninstall(a.team.id))
        while await store.async_find_bot(enterprise_id=None, team_id=a.team.id) is not None:
            pass
        clock.now += FRESH_S
        assert await other.find("", a.team.id) is None
        await install(a, a.server.world.code(a.team.id))
        after = await other.find("", a.team.id)
        assert after is not None
        assert after.token != before.token
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("DROP TABLE slack_bots")
        clock.now += FRESH_S
        assert await other.find("", a.team.id) == after, "the store cannot be read now"


async def test_another_key_does_not_open_what_is_stored(tmp_path: Path) -> None:
    async with serve_installable(tmp_path / "moot.db") as a:
        sealed = await a.bot._open_installations()
        assert sealed is not None
        await sealed.async_save(
            Installation(app_id="A1", user_id="U1", team_id="T9", bot_token="xoxb-secret", bot_user_id="UB", bot_id="B")
        )
        found = await sealed.async_find_installation(enterprise_id=None, team_id="T9")
        assert found is not None
        assert found.bot_token == "xoxb-secret"
    async with serve_installable(tmp_path / "moot.db", Fernet.generate_key().decode()) as a:
        sealed = await a.bot._open_installations()
        assert sealed is not None
        with pytest.raises(Misconfigured, match="installations_key"):
            await sealed.async_find_bot(enterprise_id=None, team_id="T9")
    async with serve_installable(tmp_path / "moot.db", f"{Fernet.generate_key().decode()}, {KEY}") as a:
        sealed = await a.bot._open_installations()
        assert sealed is not None
        bot = await sealed.async_find_bot(enterprise_id=None, team_id="T9")
        assert bot is not None
        assert bot.bot_token == "xoxb-secret"


async def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="installations_key"):
        async with serve_installable(tmp_path / "moot.db", "secret"):
            pass


async def test_installations_that_are_only_begun_leave_nothing_behind(tmp_path: Path) -> None:
    async with serve_installable(tmp_path / "moot.db") as a:

        async def count_rows() -> int:
            with closing(sqlite3.connect(tmp_path / "moot.db")) as raw:
                made = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
                tables = [name for name, sql in made if "CREATE VIRTUAL" not in sql]  # an index, which cannot be read
                return sum(raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)

        before = await count_rows()
        async with aiohttp.ClientSession() as anybody:
            for _ in range(20):
                async with anybody.get(f"{a.bot.url}/slack/install") as page:
                    assert page.status == 200
        assert await count_rows() == before
        for _ in range(3):
            assert await install(a, a.server.world.code(a.team.id)) == 200
        assert await count_rows() == before + 2  # one installation and its bot


async def test_a_state_counts_once_and_not_for_long() -> None:
    states, later = (SealedStates(make_sealer(KEY, SETTING), age_s) for age_s in (600, -1))
    state = await states.async_issue()
    assert [await states.async_consume(text) for text in (state, state, "", "é", state[:-1])] == [True] + [False] * 4
    assert not await later.async_consume(await later.async_issue())
    assert not await states.async_consume(make_sealer(KEY, SETTING).encrypt(b"xoxb-1").decode())  # sealed, but no state
