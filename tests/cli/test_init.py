"""`moot init`: the file it writes, from keys and servers that are there, and what it asks."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.doctor import run_doctor
from bot.cli.first_settings import KNOWN, ROUTED, Choice, make_local_choices, render_settings, take_newest
from bot.cli.init import write_first_settings
from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured, Refused
from bot.models import prices
from bot.models.catalogue import LOCAL, Model, resolve_models
from bot.settings.settings import ModelSettings, PanelSettings, Settings
from tests.servers.model_server import ModelServer, model_list
from tests.support.command_line import NO_KEYS, Terminal, open_terminal, run_moot

pytestmark = pytest.mark.usefixtures("folder", "no_keys")


async def init(*seats: str, chair: str | None = None, force: bool = False, ports: tuple[int, ...] = ()) -> Settings:
    """Write the first settings and return them as they are loaded."""
    assert await write_first_settings(seats=seats, chair=chair, ask=False, force=force, ports=ports) == 0
    return load_settings()


@pytest.mark.parametrize("choice", KNOWN, ids=lambda c: c.key)
def test_each_known_model_is_in_the_price_map(choice: Choice) -> None:
    known = prices.read_map()
    assert prices.find_entry(choice.litellm, known)["mode"] == "chat"
    assert prices.find_price(choice.litellm, known) is not None
    assert "deprecation_date" not in prices.find_entry(choice.litellm, known)


@pytest.mark.parametrize("choice", ROUTED, ids=lambda c: c.key)
def test_what_one_key_opens_has_prices_too(choice: Choice) -> None:
    assert resolve_models({choice.key: ModelSettings(litellm=choice.litellm)})[choice.key].price is not None


@pytest.mark.parametrize("choice", [*KNOWN, *ROUTED], ids=lambda c: c.litellm)
def test_a_known_name_is_one_of_its_own_versions(choice: Choice) -> None:
    assert take_newest(choice, [choice.litellm]) == choice
    assert take_newest(choice, ["other/model", f"{choice.litellm}-preview", f"{choice.litellm}:free"]) == choice
    if choice.versions:
        newer = re.sub(r"(\d+)([.-]\d+)?", "99", choice.litellm, count=1)
        assert take_newest(choice, [choice.litellm, newer, ""]).litellm == newer


async def test_one_key_of_openrouter_makes_a_panel_of_three_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer() as server:
        listed = ("anthropic/claude-sonnet-6", "anthropic/claude-sonnet-6:free", "openai/gpt-4.1", "x/y")
        server.tell(model_list(*listed), path="/v1/models")
        monkeypatch.setenv("OPENROUTER_API_KEY", "k")
        monkeypatch.setenv("OPENROUTER_API_BASE", f"{server.url}/v1")
        settings = await init()
    assert [model.litellm for model in settings.models.values()] == [
        "openrouter/anthropic/claude-sonnet-6",
        "openrouter/openai/gpt-4.1",
        "openrouter/google/gemini-3.8-flash",  # not listed: as it is known here
    ]
    assert [seat.model for seat in settings.panels["default"].seats] == ["claude", "gpt", "gemini"]
    assert len(server.log) == 1


async def test_a_makers_own_key_goes_before_openrouters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "k")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    models = (await init()).models
    assert {key: model.litellm.partition("/")[0] for key, model in models.items()} == {
        "gpt": "openai",
        "claude": "openrouter",
        "gemini": "openrouter",
    }


async def test_the_newest_that_a_key_lists_is_taken_and_a_run_has_a_price(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ModelServer() as server:
        server.tell(model_list("gpt-5", "gpt-6-sol", "gpt-5.9", "gpt-7-mini"), path="/v1/models")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        assert (await init()).models["gpt"].litellm == "openai/gpt-6-sol"
    assert "A council of them: about $" in capsys.readouterr().out


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
    assert "--seat and --chair choose" in ended.stdout
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
        await terminal.wait_for("is written", "Discord: the bot's token")
        await terminal.type_unseen("\n")
        await terminal.wait_for("Slack: the bot token")
        await terminal.type_unseen("\n")
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
        await terminal.wait_for("Slack: the bot token")
        await terminal.type_unseen("\n")
        assert await terminal.wait_for_end() == 0
    assert tomllib.loads(Path("moot.toml").read_text("utf-8"))["discord"] == {"allow": allow}


async def answer(terminal: Terminal, question: str, typed: str) -> None:
    """Type an answer; to questions for tokens, and to what is said of one that is none, unseen."""
    if "token" in question or question.startswith("It "):
        await terminal.type_unseen(typed)
    else:
        terminal.type(typed)


async def test_tokens_of_both_platforms_go_into_dotenv_unseen() -> None:
    Path(".env").write_text("MISTRAL_API_KEY=k")
    async with open_terminal("init", columns=120, **{**NO_KEYS, "OPENAI_API_KEY": "k"}) as terminal:
        for question, typed in (
            ("Discord: the bot's token", "a b\n"),
            ("It has letters", "abc.def-g.h_i\n"),
            ("Discord servers", "10001\n"),
            ("Slack: the bot token", "xapp-1\n"),
            ("It begins with xoxb-", "xoxb-1\n"),
            ("Slack: the app-level token", "xapp-1\n"),
            ("Slack workspaces", "\n"),
        ):
            await terminal.wait_for(question)
            await answer(terminal, question, typed)
        await terminal.wait_for("moot invite discord", "moot run")
        assert await terminal.wait_for_end() == 0
    assert not terminal.has_printed("abc.def")
    assert Path(".env").read_text("utf-8").splitlines() == [
        "MISTRAL_API_KEY=k",
        "MOOT_DISCORD__TOKEN=abc.def-g.h_i",
        "MOOT_SLACK__BOT_TOKEN=xoxb-1",
        "MOOT_SLACK__APP_TOKEN=xapp-1",
    ]
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600
    settings = load_settings()
    assert settings.discord is not None
    assert settings.slack is not None
    assert (settings.discord.allow, settings.slack.allow) == (["10001"], "everyone")


@pytest.mark.parametrize(
    ("typed", "until", "kept"),
    [
        ((), "Who sits at the table?", "Nothing is written."),
        (("\n", "\n"), "Discord: the bot's token", "moot.toml is written. `moot init --force` asks anew."),
        (
            ("\n", "\n", "abc\n"),
            "Discord servers",
            "moot.toml is written. MOOT_DISCORD__TOKEN is in .env. `moot init --force` asks anew.",
        ),
    ],
)
async def test_whoever_leaves_is_told_what_was_kept(typed: tuple[str, ...], until: str, kept: str) -> None:
    keys = {**NO_KEYS, "OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    async with open_terminal("init", columns=120, **keys) as terminal:
        for question, line in zip(("Who sits", "Who sums up", "Discord: the bot's token"), typed, strict=False):
            await terminal.wait_for(question)
            await answer(terminal, question, line)
        await terminal.wait_for(until)
        await terminal.interrupt_until(kept)
        assert await terminal.wait_for_end() == 130
    assert Path("moot.toml").exists() is bool(typed)
