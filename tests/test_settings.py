"""Settings: sources and their order, the example file, and every mistake in one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured
from bot.models import prices
from bot.settings.settings import ModelSettings, Settings
from tests.support.paths import ROOT

EXAMPLE = ROOT / "moot.example.toml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)


def write_settings(text: str) -> None:
    Path("moot.toml").write_text(text, "utf-8")


def find_mistakes() -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    return str(caught.value).splitlines()


def test_without_any_file_there_are_defaults() -> None:
    assert load_settings() == Settings()
    assert load_settings().models == {}


def test_the_example_is_valid() -> None:
    write_settings(EXAMPLE.read_text("utf-8"))
    settings = load_settings()
    assert [s.model for s in settings.panels["default"].seats] == ["claude", "gpt", "gemini"]
    assert settings.panels["one-model"].seats[2].persona == "You answer as a mathematician."


def test_each_model_of_the_example_is_served_and_has_a_price() -> None:
    known = prices.read_map()
    for model in tomllib.loads(EXAMPLE.read_text("utf-8"))["models"].values():
        entry = prices.find_entry(model["litellm"], known)
        assert entry["mode"] == "chat"
        assert "deprecation_date" not in entry, model["litellm"]
        assert prices.find_price(model["litellm"], known) is not None


def test_the_example_documents_every_key() -> None:
    text = EXAMPLE.read_text("utf-8")
    for shown in ("api_base", "prompts", "master_key", "port", "url"):
        text = text.replace(f"# {shown}", shown)
    written = tomllib.loads(text + "\n[discord]\n[slack]\n")
    assert set(Settings.model_fields) == set(written)
    for table in (
        "deadlines",
        "retries",
        "limits",
        "council",
        "search",
        "money",
        "own_keys",
        "storage",
        "log",
        "metrics",
        "tracing",
    ):
        assert set(type(getattr(Settings(), table)).model_fields) == set(written[table]), table
    assert set(written["models"]["claude"]) == set(ModelSettings.model_fields)


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings("[deadlines]\nidle_timeout_s = 1\ntotal_timeout_s = 1\nfirst_token_timeout_s = 1")
    Path(".env").write_text("MOOT_DEADLINES__IDLE_TIMEOUT_S=2\nMOOT_DEADLINES__TOTAL_TIMEOUT_S=2\nOTHER=x\n")
    monkeypatch.setenv("MOOT_DEADLINES__IDLE_TIMEOUT_S", "3")
    deadlines = load_settings().deadlines
    assert (deadlines.idle_timeout_s, deadlines.total_timeout_s, deadlines.first_token_timeout_s) == (3, 2, 1)


def test_all_mistakes_are_found_at_once_with_file_and_key() -> None:
    write_settings(
        """
        nonsense = 1
        [models.claude]
        litelm = "anthropic/x"
        temperature = 7
        [panels.default]
        seats = ["claude", {model = "x", persno = "skeptic"}]
        chair = "cloude"
        """
    )
    assert find_mistakes() == [
        "moot.toml: nonsense: there is no such setting.",
        "moot.toml: models.claude.litellm: is missing.",
        "moot.toml: models.claude.temperature: input should be less than or equal to 2 (found 7).",
        "moot.toml: models.claude.litelm: there is no such setting.",
        "moot.toml: panels.default.seats.1.persno: there is no such setting.",
        "moot.toml: panels.default.seats.1: there is no model “x”; the models are: claude.",
        "moot.toml: panels.default.chair: there is no model “cloude”; the models are: claude.",
    ]


def test_fallbacks_are_models_and_go_round_in_no_circle() -> None:
    model = '[models.{}]\nlitellm = "x/y"\nfallbacks = {}\n'
    write_settings("".join(model.format(*m) for m in [("a", '["b", "c"]'), ("b", '["c"]'), ("c", "[]")]))
    assert load_settings().models["a"].fallbacks == ["b", "c"]
    circles = [("a", '["a"]'), ("b", '["x", "c"]'), ("c", '["d"]'), ("d", '["b"]')]
    write_settings("".join(model.format(*m) for m in circles))
    assert find_mistakes() == [
        "moot.toml: models.b.fallbacks: there is no model “x”; the models are: a, b, c, d.",
        "moot.toml: models.a.fallbacks: it falls back to itself (a → a): take one out.",
        "moot.toml: models.b.fallbacks: it falls back to itself (b → c → d → b): take one out.",
    ]


def test_a_mistake_in_the_environment_names_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOT_LOG__LEVEL", "loud")
    [line] = find_mistakes()
    assert line.startswith("environment: log.level: ")
    assert "'loud'" in line


def test_a_key_is_never_shown() -> None:
    write_settings('[models.a]\nlitellm = "x/y"\napi_key = ["sk-secret"]')
    assert "sk-secret" not in "\n".join(find_mistakes())
    write_settings('[models.a]\nlitellm = "x/y"\napi_key = "sk-secret"')
    assert "sk-secret" not in repr(load_settings())


@pytest.mark.parametrize(("content", "mistake"), [(b"a = [", "not valid TOML"), (b"\xff\xfe", "cannot be read")])
def test_a_file_that_is_no_toml_is_refused(content: bytes, mistake: str) -> None:
    Path("moot.toml").write_bytes(content)
    [line] = find_mistakes()
    assert line.startswith("moot.toml")
    assert mistake in line


def test_a_key_may_name_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings('[models.a]\nlitellm = "x/y"\napi_key = "env:SOME_KEY"')
    model = load_settings().models["a"]
    assert model.resolve_key() is None
    monkeypatch.setenv("SOME_KEY", "k")
    assert model.resolve_key() == "k"


@pytest.mark.parametrize(
    ("quorum", "counts"),
    [("0.8", [2, 3, 4, 4, 10]), ("4", [2, 3, 4, 4, 4]), ("1.0", [2, 3, 4, 5, 12]), ("1", [2, 2, 2, 2, 2])],
)
def test_a_quorum_is_a_share_or_a_count_and_two_at_least(quorum: str, counts: list[int]) -> None:
    write_settings(f"[council]\nquorum = {quorum}")
    assert [load_settings().council.answers_needed(seats) for seats in (2, 3, 4, 5, 12)] == counts


@pytest.mark.parametrize("quorum", ["0", "-1", "1.5"])
def test_a_quorum_that_is_none_is_refused(quorum: str) -> None:
    write_settings(f"[council]\nquorum = {quorum}")
    assert find_mistakes()[0].startswith("moot.toml: council.quorum")


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("0", "input should be greater than or equal to"),
        ("-5", "input should be greater than or equal to"),
        ("2000000000", "input should be less than or equal to"),
        ("1.5", "input should be a valid integer"),
        ('"many"', "input should be a valid integer"),
    ],
)
def test_a_minute_that_is_none_is_refused(name: str, value: str, mistake: str) -> None:
    write_settings(f'[models.a]\nlitellm = "x/y"\n{name} = {value}')
    [line] = find_mistakes()
    assert f"models.a.{name}: {mistake}" in line


@pytest.mark.parametrize(
    ("shards", "told"),
    [
        ('{"shard_ids": [0]}', "shard_ids needs shard_count beside it"),
        ('{"shard_count": 2, "shard_ids": [0, 2]}', "shard_ids counts from 0 up to shard_count"),
    ],
)
def test_a_shard_that_there_is_not_is_refused(shards: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOT_DISCORD", shards)
    monkeypatch.setenv("MOOT_DISCORD__TOKEN", "t")
    with pytest.raises(Misconfigured, match=told):
        load_settings()
