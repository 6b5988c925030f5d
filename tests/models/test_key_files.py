"""Keys in files, as Docker hands them over: named by a setting or by NAME_FILE, and what is wrong there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured
from bot.models.catalogue import Model, has_key, key_of, key_state, resolve_models, sent_key
from bot.models.key_files import check_key_files
from bot.settings.settings import ModelSettings
from tests.servers.model_server import ModelServer, answer
from tests.support.answers import ASK, SEAT, hear, open_speaker
from tests.support.doctor import ask_doctor
from tests.support.model_panel import tell_every_seat, write_settings

KEY = "sk-from-a-file-0123456789"
CLAUDE = Model("m", "anthropic/x", "M", "anthropic")


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with a key, in the folder in which the test works."""
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "TAVILY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    return file


async def test_the_key_of_a_file_goes_over_the_wire(path: Path) -> None:
    async with ModelServer() as server:
        server.tell(answer("Tabs."))
        named = ModelSettings.model_validate(
            {"litellm": "openai/x", "api_base": f"{server.url}/v1", "api_key": f"file:{path}"}
        )
        model = resolve_models({"m": named})["m"]
        async with open_speaker(model) as made:
            assert (await hear(made.speak(SEAT, ASK))).text == "Tabs."
    assert server.log[-1].headers["Authorization"] == f"Bearer {KEY}"
    assert key_state(model) == f"in {path}"
    assert KEY not in f"{named!r} {model!r}"


def test_tokens_come_from_files_as_well(path: Path) -> None:
    Path("moot.toml").write_text(f'[discord]\ntoken = "file:{path}"\n')
    settings = load_settings()
    assert settings.discord is not None
    assert settings.discord.token.get_secret_value() == KEY


def test_a_providers_variable_may_name_a_file(path: Path) -> None:
    environ = {"ANTHROPIC_API_KEY_FILE": str(path)}
    assert (key_of(CLAUDE, environ), sent_key(CLAUDE, environ)) == (KEY, KEY)
    assert key_state(CLAUDE, environ) == "in ANTHROPIC_API_KEY_FILE"
    assert key_of(CLAUDE, {**environ, "ANTHROPIC_API_KEY": "nearer"}) == "nearer"


def spoil(path: Path, way: str) -> str:
    """Spoil a key's file in some way; return its path."""
    match way:
        case "missing":
            path.unlink()
        case "a folder":
            path.unlink()
            path.mkdir()
        case "empty":
            path.write_text("\n")
        case "two keys":
            path.write_text(f"{KEY}\n{KEY}\n")
        case "bytes":
            path.write_bytes(b"\xff\xfe\xfa")
    return str(path)


WRONG = {
    "missing": "cannot be read: No such file or directory",
    "a folder": "is no file",
    "empty": "is empty",
    "two keys": "a key has no blanks",
    "bytes": "holds no text in UTF-8",
}


@pytest.mark.parametrize("way", WRONG)
async def test_a_file_that_is_none_is_told_of_at_the_start_and_by_the_doctor(
    path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(path, way)
    Path("moot.toml").write_text(f'[models.a]\nlitellm = "openai/x"\napi_key = "file:{path}"\n')
    with pytest.raises(Misconfigured) as told:
        load_settings()
    assert str(told.value).startswith(f"moot.toml: models.a.api_key: {path}")
    assert WRONG[way] in str(told.value)
    report = await ask_doctor(capsys)
    assert WRONG[way] in report.findings["settings"]["meaning"]
    assert KEY not in f"{told.value} {report.text}"


@pytest.mark.parametrize("way", WRONG)
def test_a_variable_that_names_none_leaves_its_models_away(path: Path, way: str) -> None:
    environ = {"ANTHROPIC_API_KEY_FILE": spoil(path, way)}
    state = key_state(CLAUDE, environ)
    assert state.startswith(f"unusable: ANTHROPIC_API_KEY_FILE: {path}")
    assert WRONG[way] in state
    assert not has_key(CLAUDE, environ)
    assert KEY not in state


async def test_a_file_that_everybody_can_read_is_told_of(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVILY_API_KEY_FILE", str(path))
    async with ModelServer() as server:
        write_settings(server)
        named = Path("moot.toml").read_text() + f'\n[models.z]\nlitellm = "openai/x"\napi_key = "file:{path}"\n'
        Path("moot.toml").write_text(named)
        assert check_key_files(load_settings()) == []
        path.chmod(0o644)
        tell_every_seat(server, answer("yes"))
        report = await ask_doctor(capsys, spend=False)
    assert {name for name, found in report.findings.items() if "everybody" in found["meaning"]} == {
        "models.z.api_key",
        "TAVILY_API_KEY_FILE",
    }
    assert report.findings["models.z.api_key"]["remedy"] == f"`chmod 600 {path}`"
