"""`moot init`: the file it writes, from keys and servers that are there, and what it asks."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli import first_settings as starter
from bot.cli import setup
from bot.cli.first_settings import KNOWN, Choice
from bot.errors import Misconfigured, Refused
from bot.models import prices
from bot.models.catalogue import LOCAL, Model, resolve_models
from bot.settings import PanelSettings, Settings, load_settings
from tests.cli.test_command_line import moot
from tests.servers.model_server import ModelServer, Reply
from tests.support.paths import ROOT

NO_KEYS = {name: "" for choice in KNOWN for name in starter.key_variables(choice)}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory, and no keys."""
    monkeypatch.chdir(tmp_path)
    for name in NO_KEYS:
        monkeypatch.delenv(name, raising=False)


async def init(*seats: str, chair: str | None = None, force: bool = False, ports: tuple[int, ...] = ()) -> Settings:
    assert await setup.write_first_settings(seats=seats, chair=chair, ask=False, force=force, ports=ports) == 0
    return load_settings()


def listing(*names: str) -> Reply:
    body = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})
    return Reply((body.encode(),), headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("choice", KNOWN, ids=lambda c: c.key)
def test_each_known_model_is_in_the_price_map(choice: Choice) -> None:
    if choice.key == "openrouter":
        pytest.skip("a router: the model behind it, and so its price, is chosen by each question")
    known = prices.read_map()
    assert prices.find_entry(choice.litellm, known)["mode"] == "chat"
    assert prices.find_price(choice.litellm, known) is not None
    assert "deprecation_date" not in prices.find_entry(choice.litellm, known)


async def test_keys_in_the_environment_become_models_and_stay_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.setenv(name, f"secret-{name}")
    monkeypatch.setenv("GROQ_API_KEY", "")
    settings = await init()
    assert list(settings.models) == ["claude", "gpt", "gemini", "mistral"]
    assert settings.models["gemini"].resolve_key() == "secret-GOOGLE_API_KEY"
    assert [seat.model for seat in settings.panels["default"].seats] == ["claude", "gpt", "gemini"]
    assert "secret" not in Path("moot.toml").read_text("utf-8")


async def test_a_server_on_this_machine_becomes_models(capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer() as server:
        server.tell(listing("qwen/Qwen3.5 8B", "llama4:8b", "third", "fourth"), path="/v1/models")
        settings = await init(ports=(int(server.url.rpartition(":")[2]),))
        assert list(settings.models) == ["qwen3-5-8b", "llama4-8b", "third"]
        model = resolve_models(settings.models)["qwen3-5-8b"]
        assert (model.litellm, model.api_base, model.price) == (
            "hosted_vllm/qwen/Qwen3.5 8B",
            f"{server.url}/v1",
            LOCAL,
        )
        capsys.readouterr()
        assert await setup.run_doctor(spend=False, json_object=False) == 0
    assert "broken" not in capsys.readouterr().out


async def test_one_model_takes_three_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    seats = (await init()).panels["default"].seats
    assert [seat.model for seat in seats] == ["gpt"] * 3
    assert len({seat.persona for seat in seats}) == 3


async def test_nothing_found_is_a_file_that_loads_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert (await init()).models == {}
    told = capsys.readouterr().out
    assert "No model was found" in told or "small model" in told
    assert "MOOT_DISCORD__TOKEN" in told
    text = Path("moot.toml").read_text("utf-8").replace("# [models", "[models")
    for key in ("litellm", "name", "api_key"):
        text = text.replace(f"# {key} =", f"{key} =")
    assert "claude" in tomllib.loads(text)["models"]


async def test_seats_and_chair_by_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MISTRAL_API_KEY"):
        monkeypatch.setenv(name, "k")
    panel = (await init("mistral", "claude", chair="gpt")).panels["default"]
    assert [seat.model for seat in panel.seats] == ["mistral", "claude"]
    assert panel.chair == "gpt"


@pytest.mark.parametrize(("seat", "told"), [("gemini", "GEMINI_API_KEY"), ("nobody", "found: gpt.")])
async def test_a_seat_that_is_not_here_is_told_and_nothing_is_written(
    seat: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with pytest.raises(Refused, match=told):
        await init(seat)
    assert not Path("moot.toml").exists()


async def test_a_file_that_is_there_is_replaced_by_force_alone() -> None:
    Path("moot.toml").write_text("# mine")
    with pytest.raises(Refused, match="--force"):
        await init()
    assert Path("moot.toml").read_text() == "# mine"
    await init(force=True)
    assert Path("moot.toml").read_text() != "# mine"


async def test_a_place_that_cannot_be_written_is_told() -> None:
    Path("moot.toml").mkdir()
    with pytest.raises(Misconfigured, match="cannot be written"):
        await init(force=True)


async def test_a_token_that_is_set_is_known_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("MOOT_DISCORD__TOKEN=very.secret.token\n")
    await init()
    told = capsys.readouterr().out
    assert "its token is set" in told
    assert "secret" not in told + Path("moot.toml").read_text("utf-8")


names = st.text(max_size=60)


@given(st.lists(names, max_size=6))
def test_whatever_a_server_calls_its_models_the_file_means_it(named: list[str]) -> None:
    models = [
        Model(name, f"hosted_vllm/{name}", name, "x", api_base="http://127.0.0.1:1/v1", window=4096) for name in named
    ]
    found = starter.name_local(models, taken=["gpt"])
    written = tomllib.loads(starter.render_settings(found, found[:3], next(iter(found), None)))
    settings = Settings.model_validate(written)
    assert [m.litellm for m in settings.models.values()] == [m.litellm for m in models if m.litellm.isprintable()]
    assert "gpt" not in settings.models
    assert all(isinstance(panel, PanelSettings) for panel in settings.panels.values())


def test_a_pipe_is_asked_nothing(tmp_path: Path) -> None:
    told = moot("init", cwd=tmp_path, **{**NO_KEYS, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"})
    assert (told.returncode, told.stderr) == (0, "")
    assert "?" not in told.stdout
    assert "claude" in tomllib.loads((tmp_path / "moot.toml").read_text("utf-8"))["models"]


async def test_a_narrow_terminal_is_asked_for_seats_and_chair(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    keys = {**NO_KEYS, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "init"),
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "32", "TERM": "xterm", **keys},
    )
    os.close(theirs)
    seen = b""

    async def until(text: str) -> None:
        nonlocal seen
        async with asyncio.timeout(60):
            while text.encode() not in seen:
                seen += await asyncio.to_thread(os.read, ours, 65536)

    await until("Who sits at the table?")
    os.write(ours, b"9\n")
    await until("Numbers from")
    os.write(ours, b"3 1\n")
    await until("Who sums up")
    os.write(ours, b"claude\n")
    await until("is written")
    assert await process.wait() == 0
    os.close(ours)
    panel = tomllib.loads((tmp_path / "moot.toml").read_text("utf-8"))["panels"]["default"]
    assert panel == {"seats": ["gemini", "claude"], "chair": "claude"}
