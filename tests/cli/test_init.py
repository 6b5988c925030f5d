"""`moot init`: the file it writes, from keys and servers that are there, and what it asks."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.doctor import run_doctor
from bot.cli.first_settings import KNOWN, Choice, make_local_choices, render_settings
from bot.cli.init import write_first_settings
from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured, Refused
from bot.models import prices
from bot.models.catalogue import LOCAL, Model, resolve_models
from bot.settings import PanelSettings, Settings
from tests.servers.model_server import ModelServer, model_list
from tests.support.command_line import NO_KEYS, open_terminal, run_moot

pytestmark = pytest.mark.usefixtures("folder", "no_keys")


async def init(*seats: str, chair: str | None = None, force: bool = False, ports: tuple[int, ...] = ()) -> Settings:
    """Write the first settings and return them as they are loaded."""
    assert await write_first_settings(seats=seats, chair=chair, ask=False, force=force, ports=ports) == 0
    return load_settings()


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
        server.tell(model_list("qwen/Qwen3.5 8B", "llama4:8b", "third", "fourth"), path="/v1/models")
        settings = await init(ports=(int(server.url.rpartition(":")[2]),))
        assert list(settings.models) == ["qwen3-5-8b", "llama4-8b", "third"]
        model = resolve_models(settings.models)["qwen3-5-8b"]
        assert (model.litellm, model.api_base, model.price) == (
            "hosted_vllm/qwen/Qwen3.5 8B",
            f"{server.url}/v1",
            LOCAL,
        )
        capsys.readouterr()
        assert await run_doctor(spend=False, json_object=False) == 0
    assert "broken" not in capsys.readouterr().out


async def test_one_model_takes_three_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    seats = (await init()).panels["default"].seats
    assert [seat.model for seat in seats] == ["gpt"] * 3
    assert len({seat.persona for seat in seats}) == 3


async def test_nothing_found_is_a_file_that_loads_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert (await init()).models == {}
    printed = capsys.readouterr().out
    assert "No model was found" in printed or "small model" in printed
    assert "MOOT_DISCORD__TOKEN" in printed
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


@pytest.mark.parametrize(("seat", "hint"), [("gemini", "GEMINI_API_KEY"), ("nobody", "found: gpt.")])
async def test_a_seat_that_is_not_here_is_refused_and_nothing_is_written(
    seat: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with pytest.raises(Refused, match=hint):
        await init(seat)
    assert not Path("moot.toml").exists()


async def test_a_file_that_is_there_is_replaced_by_force_alone() -> None:
    Path("moot.toml").write_text("# mine")
    with pytest.raises(Refused, match="--force"):
        await init()
    assert Path("moot.toml").read_text() == "# mine"
    await init(force=True)
    assert Path("moot.toml").read_text() != "# mine"


async def test_a_place_that_cannot_be_written_is_refused() -> None:
    Path("moot.toml").mkdir()
    with pytest.raises(Misconfigured, match="cannot be written"):
        await init(force=True)


async def test_a_token_that_is_set_is_known_and_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("MOOT_DISCORD__TOKEN=very.secret.token\n")
    await init()
    printed = capsys.readouterr().out
    assert "its token is set" in printed
    assert "secret" not in printed + Path("moot.toml").read_text("utf-8")


names = st.text(max_size=60)


@given(st.lists(names, max_size=6))
def test_whatever_a_server_calls_its_models_the_file_means_it(named: list[str]) -> None:
    models = [
        Model(name, f"hosted_vllm/{name}", name, "x", api_base="http://127.0.0.1:1/v1", window=4096) for name in named
    ]
    found = make_local_choices(models, taken=["gpt"])
    written = tomllib.loads(render_settings(found, found[:3], next(iter(found), None)))
    settings = Settings.model_validate(written)
    assert [m.litellm for m in settings.models.values()] == [m.litellm for m in models if m.litellm.isprintable()]
    assert "gpt" not in settings.models
    assert all(isinstance(panel, PanelSettings) for panel in settings.panels.values())


def test_a_pipe_is_asked_nothing(tmp_path: Path) -> None:
    ended = run_moot("init", cwd=tmp_path, **{**NO_KEYS, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "?" not in ended.stdout
    assert "claude" in tomllib.loads((tmp_path / "moot.toml").read_text("utf-8"))["models"]


async def test_a_narrow_terminal_is_asked_for_seats_and_chair() -> None:
    keys = {**NO_KEYS, "ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k"}
    async with open_terminal("init", columns=32, **keys) as terminal:
        await terminal.wait_for("Who sits at the table?")
        terminal.type("9\n")
        await terminal.wait_for("Numbers from")
        terminal.type("3 1\n")
        await terminal.wait_for("Who sums up")
        terminal.type("claude\n")
        await terminal.wait_for("is written")
        assert await terminal.wait_for_end() == 0
    panel = tomllib.loads(Path("moot.toml").read_text("utf-8"))["panels"]["default"]
    assert panel == {"seats": ["gemini", "claude"], "chair": "claude"}


@pytest.mark.parametrize(
    ("typed", "allow"),
    [
        ("\n", "everyone"),
        ("Home\n100, my server\n10001, 10002\n", ["10001", "10002"]),  # names are asked for again
        ("\x04", "everyone"),  # the end of the input
    ],
)
async def test_whose_bot_it_is_is_asked_where_a_platform_is_set_up(typed: str, allow: object) -> None:
    keys = {**NO_KEYS, "ANTHROPIC_API_KEY": "k", "MOOT_DISCORD__TOKEN": "a.b.c"}
    async with open_terminal("init", columns=80, **keys) as terminal:
        await terminal.wait_for("that may use it")
        for line in typed.splitlines(keepends=True):
            terminal.type(line)
        assert await terminal.wait_for_end() == 0
    assert tomllib.loads(Path("moot.toml").read_text("utf-8"))["discord"] == {"allow": allow}
