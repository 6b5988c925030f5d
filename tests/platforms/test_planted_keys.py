"""Keys planted at every way in, in a real process at its most talkative: none is in anything that is written."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.domain.facts import RunFinished
from storage import SqlStore
from tests.servers.discord import User
from tests.servers.model_server import answer, error, model_list
from tests.support.own_keys import MASTER
from tests.support.planted import PLANTED as EVERYWHERE
from tests.support.planted import find_planted_files
from tests.support.processes import Town, open_town

WAYS = ("variable", "file", "variable-file", "toml", "address", "own", "question", "answered", "search")
NEEDS_SHAPE = ("question", "answered")  # what nobody has configured is known by an issuer's prefix alone
PLANTED = {way: f"{'sk-' if way in NEEDS_SHAPE else ''}Zq7-{way}-{n}f3Qz81Lk0w7Tn2" for n, way in enumerate(WAYS)}


def plant_keys(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a key in the environment, in files, in moot.toml and in an address."""
    files = {way: town.path / f"secret-{way}" for way in ("file", "variable-file")}
    for way, file in files.items():
        file.write_text(PLANTED[way])
        file.chmod(0o600)
    host = town.models.url.removeprefix("http://")
    monkeypatch.setenv("PLANTED_VARIABLE", PLANTED["variable"])
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(files["variable-file"]))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.setenv(name, f"{town.models.url}/own")
    spare = f'litellm = "openai/spare"\napi_base = "{town.models.url}/spare"\napi_key = "{PLANTED["toml"]}"\n'
    (town.path / "moot.toml").write_text(f"[models.spare]\n{spare}")
    models = {
        "claude": {
            "litellm": "openai/claude",
            "api_base": f"{town.models.url}/claude",
            "api_key": "env:PLANTED_VARIABLE",
        },
        "gpt": {"litellm": "openai/gpt", "api_base": f"{town.models.url}/gpt", "api_key": f"file:{files['file']}"},
        "odd": {"litellm": "hosted_vllm/odd", "api_base": f"http://user:{PLANTED['address']}@{host}/odd"},
        "own": {"litellm": "openai/own"},
    }
    town.change_settings(
        models=models,
        panels={"default": {"seats": [*models, "spare"]}},
        search={"provider": "tavily", "api_key": PLANTED["search"], "api_base": f"{town.models.url}/tavily"},
        own_keys={"master_key": MASTER},
        log={"level": "debug"},
        discord={**town.make_tables()["discord"], "operator_channel": str(town.channel.id)},
    )


def script_echoes(town: Town) -> None:
    """Have each provider give back the key that it got: in an answer, in errors of several kinds, in a search."""
    repeated = PLANTED["variable"]
    town.script_model("claude", answer("My key is ", repeated[:14], repeated[14:], f" and {PLANTED['answered']}."))
    town.script_model("gpt", error(401, f"Incorrect API key provided: {PLANTED['file']}.", code="invalid_api_key"))
    town.script_model("odd", error(500, f"user:{PLANTED['address']} is not known"))
    town.script_model("own", error(402, f"No credit is left for {PLANTED['own']}"))
    town.script_model("spare", error(400, f"Bearer {PLANTED['toml']} may not use this"))
    town.models.tell(model_list("own"), path="/own/models")
    town.models.tell(error(403, f"no searches for {PLANTED['search']}"), path="/tavily/search")


async def give_own_key(town: Town, boss: User) -> None:
    asked = await town.discord.slash(boss, town.channel, "moot key set")
    await asked.answer()
    sent = await town.discord.submit(boss, asked, {"provider": ["openai"], "key": PLANTED["own"]})
    assert "openai takes it" in await read_told(sent)


async def read_told(interaction: Any) -> str:
    """Return the sentence with which an interaction is answered, once it is there."""
    seen = await interaction.answer()
    async with asyncio.timeout(60):
        while not (told := [m.text for m in (seen.message, *seen.followups) if m is not None and m.text]):
            await asyncio.sleep(0.01)
    return str(told[0])


async def list_outputs(town: Town) -> Mapping[str, str]:
    """Return what each command of the console prints about all that has happened."""
    commands = {
        "doctor": ("doctor", "--json"),
        "models": ("models",),
        "models available": ("models", "--available"),
        "runs": ("runs",),
        "cost": ("cost",),
        "backup": ("db", "backup", "copy.db"),
        "try": ("try", "Tea?", "--format", "compare", "--events", "events.jsonl"),
    }
    return {name: (await town.run_command(*words))[1] for name, words in commands.items()}


async def is_over(store: SqlStore, run: str) -> bool:
    return any(isinstance(entry.fact, RunFinished) for entry in await store.read(run))


def find_planted(text: str) -> list[str]:
    return [way for way, key in PLANTED.items() if key in text or key[:24] in text]


def read_written(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what stands in each file that was written by Moot, not by this test."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "moot.toml" and not path.name.startswith("secret-"):
            yield path.name, path.read_bytes().decode("latin-1")


async def test_no_planted_key_is_in_anything_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with open_town(tmp_path) as town:
        plant_keys(town, monkeypatch)
        script_echoes(town)
        managers = await town.discord.create_role(town.guild, "managers", "manage_guild")
        boss = await town.discord.create_member(town.guild, "boss", managers)
        await town.start()
        await give_own_key(town, boss)
        refused = await town.discord.slash(
            town.ada, town.channel, "compare", question=f"What is {PLANTED['question']} for?"
        )
        assert "looks like a key" in await read_told(refused)
        await town.ask("council", search="on")
        await town.wait_for_texts("My key is", "key removed")
        await town.wait_for_store(is_over)
        written = dict(read_written(tmp_path))  # with the write-ahead log, while the bot runs
        await town.end(signal.SIGTERM)
        town.script_model("own", error(402, f"No credit is left for {PLANTED['variable-file']}"))  # in no server
        outputs = await list_outputs(town)
        written |= outputs
        written |= dict(read_written(tmp_path))
        written["log"] = "".join(capfd.readouterr())
        written["Discord"] = json.dumps([(r.path, r.query, r.body) for r in town.discord.requests], default=str)
        sent = {str(seen.headers.get("Authorization")) for seen in town.models.log}
    used = ("variable", "file", "variable-file", "toml", "own")
    assert {f"Bearer {PLANTED[way]}" for way in used} <= sent
    assert {"moot.db", "moot.db-wal", "copy.db", "events.jsonl"} <= written.keys()
    assert "[info" in written["log"], "of the level that is set"
    assert all(outputs.values())
    for name, text in written.items():
        assert find_planted(text) == [], name
        assert MASTER not in text, name
        assert name == "Discord" or town.discord.token not in text, name


def test_the_check_of_each_session_finds_a_stored_key(tmp_path: Path) -> None:
    for name, text in (("moot.db-wal", f"… {EVERYWHERE} …"), ("moot.db", "nothing"), ("moot.toml", EVERYWHERE)):
        (tmp_path / name).write_text(text)
    assert [path.name for path in find_planted_files(tmp_path)] == ["moot.db-wal"]
    (tmp_path / "moot.db-wal").unlink()  # or the session itself would fail
