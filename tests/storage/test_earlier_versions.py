"""What an earlier version has written goes on working; `data/README.md` says how it was made."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from bot.cli.settings_file import load_settings
from bot.domain.codec import decode, encode
from storage import open_store
from tests.servers.discord import Channel, DiscordServer, Message, User, Webhook
from tests.servers.discord.world import V2, ChannelKind
from tests.servers.model_server import Reply, answer, error
from tests.servers.slack.world import Message as SlackMessage
from tests.support.discord_guild import find_button
from tests.support.processes import Town, open_town
from tests.support.slack_app import make_settings, open_workspace, serve_app

DATA = Path(__file__).parent / "data"
VERSION = "before_0_2_0"
OPEN = "Sail or motor for the ferry?"
OVER = {"Tea or coffee in the morning?": "judged", "Is a hot dog a sandwich?": "synthesised"}
DELETED = "Cats or dogs?"
SAID = {
    "Tea or coffee in the morning?": (
        "Tea wakes slowly.",
        "GPT, what of the cost?",
        "Removed by a moderator.",
        "Round two: tea, as the cost is lower.",
        "Claude wins; scores: ",
    ),
    "Is a hot dog a sandwich?": (
        "Claude (was Speaker A)",
        "Opinion number 2.",
        "In sum: it depends.",
        "Votes: Claude 1.",
    ),
    OPEN: ("Sail, for the quiet.", "Claude, what in a calm?", "Sail still: the wind"),
}
A_DAY_S = 86_400.0

Row = tuple[Any, ...]


def read_data(ending: str) -> str:
    return (DATA / f"{VERSION}.{ending}").read_text("utf-8")


def restore(path: Path, ending: str) -> None:
    with closing(sqlite3.connect(path / "moot.db")) as raw:
        raw.executescript(read_data(ending))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a bot as that version left it: its database, its settings, and the keys that these name."""
    restore(tmp_path, "sql")
    discord_alone, _, _ = read_data("toml").partition("[slack]")
    (tmp_path / "moot.toml").write_text(discord_alone, "utf-8")
    (tmp_path / "prompts").mkdir()
    monkeypatch.setenv("CLAUDE_API_KEY", "none")
    monkeypatch.setenv("SEARCH_API_KEY", "none")
    return tmp_path


def query_rows(path: Path, query: str, *values: str) -> list[Row]:
    with closing(sqlite3.connect(f"file:{path / 'moot.db'}?mode=ro", uri=True)) as raw:
        return raw.execute(query, values).fetchall()


def find_run(path: Path, question: str) -> str:
    [(run,)] = query_rows(path, "SELECT run FROM runs WHERE question = ?", json.dumps(question))
    return str(run)


def find_pages(path: Path, run: str) -> dict[str, tuple[str, str]]:
    """Where each lane stands, and the digest of what it lastingly reads."""
    found = query_rows(path, "SELECT lane, page, ref, reads FROM messages WHERE run = ?", run)
    return {f"{lane}#{page}": (ref, reads) for lane, page, ref, reads in found}


def flatten(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Everything inside a value of JSON, each under its path; the items of a list share one."""
    match value:
        case dict():
            for key, item in value.items():
                yield from flatten(item, f"{where}.{key}")
        case list():
            for item in value:
                yield from flatten(item, f"{where}[]")
        case _:
            yield where, repr(value)


async def test_every_fact_reads_and_is_written_under_the_same_names(path: Path) -> None:
    stored = query_rows(path, "SELECT run, seq, kind, data FROM facts ORDER BY run, seq")
    for _, _, kind, data in stored:
        name, now = encode(decode(kind, json.loads(data)))
        assert name == kind
        assert set(flatten(json.loads(data))) <= set(flatten(now))
    async with open_store(path / "moot.db", clock=time.time, read_only=True) as store:
        for run in {run for run, *_ in stored}:
            kinds = [type(entry.fact).__name__ for entry in await store.read(run)]
            assert kinds == [kind for name, _, kind, _ in stored if name == run]


def test_its_settings_load(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path)
    Path("moot.toml").write_text(read_data("toml"), "utf-8")
    settings = load_settings()
    assert settings.discord is not None
    assert settings.slack is not None
    assert settings.slack.public_url == "https://example.org"
    assert settings.servers["42"].channels == ["general"]
    assert settings.limits.vote_s == 900.0
    assert settings.models["claude"].resolve_key() == "none"


@asynccontextmanager
async def old_town(path: Path) -> AsyncIterator[Town]:
    """Give the wire server what stood there: the guild, its channel, whoever asked, and every message of the runs."""
    async with open_town(path) as t:
        take_addresses(t)
        world, stood = t.discord.hub.world, json.loads(read_data("discord.json"))
        [(address,)] = query_rows(path, "SELECT DISTINCT address FROM messages WHERE run = ?", find_run(path, OPEN))
        [(start,)] = query_rows(
            path, "SELECT data FROM facts WHERE kind = 'RunStarted' AND run = ?", find_run(path, OPEN)
        )
        _, guild, channel, *_ = address.split(":")
        _, _, ada = json.loads(start)["by"].partition(":")
        take_ids(t, int(guild), int(channel), int(ada))
        hook = Webhook(world.new_id(), t.channel.id, "Moot", "token-of-the-webhook", world.bot.id)
        world.webhooks[hook.id] = hook
        for (ref,) in query_rows(path, "SELECT ref FROM messages WHERE ref IS NOT NULL ORDER BY ref"):
            if ref in stood:  # those of the run that was deleted are gone
                place_message(t.discord, t.channel, ref, stood[ref], hook)
        yield t


def take_addresses(t: Town) -> None:
    """Let the environment say where the servers of this test are; all else comes from its moot.toml."""
    addresses = {key: {"api_base": f"{t.models.url}/{key}"} for key in ("claude", "gpt", "gemini", "chair")}
    t.change_settings(models=addresses, panels={}, retries={})


def take_ids(t: Town, guild: int, channel: int, ada: int) -> None:
    """Give what the town is furnished with the ids of that time."""
    world, everyone, member = t.discord.hub.world, t.guild.roles.pop(t.guild.id), t.guild.members.pop(t.ada.id)
    del world.guilds[t.guild.id], world.channels[t.channel.id], world.users[t.ada.id]
    t.guild.id = everyone.id = t.channel.guild_id = guild
    t.channel.id, t.ada.id, member.user_id = channel, ada, ada
    t.guild.roles[guild], t.guild.members[ada] = everyone, member
    world.guilds[guild], world.channels[channel], world.users[ada] = t.guild, t.channel, t.ada


def place_message(discord: DiscordServer, parent: Channel, ref: str, read: Mapping[str, Any], hook: Webhook) -> None:
    """Let a message stand there, in a thread under a board's id where it is not in the channel itself."""
    world = discord.hub.world
    found = re.fullmatch(r"discord:(\d+)/(\d+)(@face)?", ref)
    assert found is not None
    channel, number, face = int(found[1]), int(found[2]), found[3] is not None
    if channel not in world.channels:
        world.channels[channel] = Channel(
            *(channel, ChannelKind.PUBLIC_THREAD, "a run"),
            guild_id=parent.guild_id,
            parent_id=parent.id,
            owner_id=world.bot.id,
            member_ids=[world.bot.id],
        )
    author = User(hook.id, read["author"], bot=True) if face else world.bot
    world.messages[channel][number] = Message(
        *(number, channel, author, "", world.now() - A_DAY_S),
        components=read["components"],
        flags=V2,
        webhook_id=hook.id if face else None,
    )


def requests_by_model(t: Town) -> dict[str, list[str]]:
    """What each model was asked, as JSON."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for request in t.models.log:
        if request.path.endswith("/chat/completions"):
            found[request.path.split("/")[1]].append(json.dumps(request.body, ensure_ascii=False))
    return found


SCORES = [
    {"debater": name, "argument": points, "evidence": 6, "rebuttal": 6, "clarity": 6}
    for name, points in (("Claude", 9), ("GPT", 6), ("Gemini", 5))
]
LAST_WORDS: Mapping[str, tuple[Reply, ...]] = {
    "gpt": (answer("Motor, and nothing else."),),
    "gemini": (answer("Row, and nothing else."),),
    "chair": (answer("Weighed.\nVERDICT: Claude"), answer(json.dumps({"scores": SCORES, "winner": "Claude"}))),
}


async def test_a_run_that_was_cut_off_ends_in_the_same_messages(path: Path) -> None:
    run = find_run(path, OPEN)
    async with old_town(path) as t:
        stood = find_pages(path, run)
        thread = int(stood["before/0/#0"][0].partition(":")[2].partition("/")[0])
        before = [m.id for m in await t.discord.messages(thread)]
        boards = [m.id for m in await t.discord.messages(t.channel)]
        for seat, replies in LAST_WORDS.items():
            t.script_model(seat, *replies)
        await t.start()
        await t.wait_for_texts(
            r"Motor, and nothing else.\n-# ", r"Row, and nothing else.\n-# ", "Claude wins; scores: "
        )

        assert [m.id for m in await t.discord.messages(t.channel)] == boards
        after = await t.discord.messages(thread)
        assert [m.id for m in after[: len(before)]] == before
        [claude, gpt, gemini] = [m.text for m in after[len(before) - 3 : len(before)]]
        assert claude.startswith("Sail still: the wind costs nothing.\n-# ")
        assert gpt.startswith("Motor, and nothing else.\n-# ")
        assert gemini.startswith("Row, and nothing else.\n-# ")
        pages = [ref for lane, (ref, reads) in stood.items() if reads and not lane.startswith("round/")]
        ends = {ref.partition("/")[2].removesuffix("@face") for ref in pages}  # a vote's outcome is worded anew
        assert not [r for r in t.requests_since_start("PATCH") if r.path.rpartition("/")[2] in ends], (
            "what had ended is left"
        )

        said = requests_by_model(t)
        assert {seat: len(texts) for seat, texts in said.items()} == {"gpt": 1, "gemini": 1, "chair": 2}
        assert all("There is little wind in July." in said[seat][0] for seat in ("gpt", "gemini"))
        assert all("what in a calm?" in said[seat][0] for seat in ("gpt", "gemini"))

        stands = await wait_until_stored(path, run)
        assert {lane: stands[lane][0] for lane in stood} == {lane: ref for lane, (ref, _) in stood.items()}
        new = stands.keys() - stood.keys()
        assert {lane.partition("/")[0] for lane in new} == {"verdict", "scoring", "end"}
        assert len(await t.discord.messages(thread)) == len(before) + len(new)


async def wait_until_stored(path: Path, run: str) -> dict[str, tuple[str, str]]:
    """The pages of the run, once its end card stands and where each stands is stored."""
    async with asyncio.timeout(30):
        while not (stands := find_pages(path, run)).get("end/1/#0") or not all(ref for ref, _ in stands.values()):
            await asyncio.sleep(0.01)
    return stands


async def test_on_slack_as_well(tmp_path: Path) -> None:
    restore(tmp_path, "slack.sql")
    run, database = find_run(tmp_path, "tabs or spaces?"), tmp_path / "moot.db"
    with closing(sqlite3.connect(database)) as raw, raw:  # a run that has lain still for a day would be closed
        raw.execute("UPDATE facts SET at = at + ? - (SELECT max(at) FROM facts)", [time.time()])
    stood = find_pages(tmp_path, run)
    async with open_workspace(listen=True) as (slack, team):
        for read in json.loads(read_data("slack.json")):
            slack.world.put(SlackMessage(**read, at=slack.world.now()))
        async with serve_app(slack, team, database, make_settings(slack, team, listen=True)) as here:
            boards = here.channel_messages()
            [ada, bob] = here.thread_messages(boards[1])
            stands = await wait_until_stored(tmp_path, run)
            assert stands.keys() - stood.keys() == {"end/1/#0"}
            assert {lane: stands[lane][0] for lane in stood} == {lane: ref for lane, (ref, _) in stood.items()}
            assert here.channel_messages() == boards
            assert here.thread_messages(boards[1])[:-1] == [ada, bob]
            assert len(ada.edits) == 1, "what had ended is left"
            assert "Tabs win." in ada.text
            assert "Spaces win." in bob.text
            assert [seat for seat, _ in here.speaker.asked] == ["bob"]


async def test_its_runs_are_listed_and_shown(path: Path) -> None:
    async with open_town(path) as t:
        status, listed = await t.run_command("runs")
        assert status == 0
        for question, outcome in {**OVER, OPEN: "open"}.items():
            [line] = [line for line in listed.splitlines() if find_run(path, question) in line]
            assert outcome in line
        assert find_run(path, DELETED) not in listed
        for question, said in SAID.items():
            status, shown = await t.run_command("show", find_run(path, question))
            assert status == 0
            assert [text for text in (question, *said) if text not in shown] == []


async def test_its_buttons_panels_and_pipelines_work(path: Path) -> None:
    async with old_town(path) as t:
        await t.start()
        [board, *_] = await t.discord.messages(t.channel)
        end = next(m for m in await t.discord.messages(board.id) if "**Result**" in m.text)
        exported = await (await t.discord.click(t.ada, end, find_button(end, "export"))).answer()
        assert exported.message is not None
        text = exported.message.attachments[0].data.decode()
        assert "Tea **wakes** slowly." in text
        assert "> GPT, what of the cost?" in text
        for command, line in (
            ("panel", "**pair**: claude (skeptic), gpt (You answer as a cook.)"),
            ("pipeline", "**two** (not used yet)"),
        ):
            listed = await (await t.discord.slash(t.ada, t.channel, f"moot {command} list")).answer()
            assert listed.message is not None
            assert line in listed.message.text


async def test_every_field_of_its_events_file_is_still_written(path: Path) -> None:
    ranking = answer("FINAL RANKING:\n1. B\n2. A\n3. C")
    async with open_town(path) as t:
        take_addresses(t)
        t.script_model("claude", answer("Tea, ", "for the calm."), ranking)
        t.script_model("gpt", answer("Coffee, ", "for the speed."), ranking)
        t.script_model("gemini", answer("Water."), error(503, "overloaded"))
        t.script_model("chair", answer("In sum: ", "both."))
        status, said = await t.run_command(
            *("try", "--format", "council", "Tea or coffee?", "--blind", "yes", "--events", "events.jsonl")
        )
        assert status == 0, said
    now = field_names((path / "events.jsonl").read_text("utf-8"))
    for kind, names in field_names(read_data("events.jsonl")).items():
        assert names - now[kind] == set(), kind


def field_names(lines: str) -> dict[str, set[str]]:
    """What is written of each type of event and kind of fact, with what is inside it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines.splitlines():
        event = json.loads(line)
        found[event.get("fact", event["type"])] |= {key for key, _ in flatten(event)}
    return found
