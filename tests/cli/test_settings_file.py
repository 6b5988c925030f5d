"""Files and variables as people write them: odd encodings, forgotten quotes and underscores, secrets in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured
from tests.support.command_line import run_moot

MODEL = '[models.claude]\nlitellm = "anthropic/x"\n'
TOKEN = "MOOT_DISCORD__TOKEN=tok-1\n"
SECRET = "xoxb-1-secret"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def find_mistakes() -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    return str(caught.value).splitlines()


ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 of PowerShell": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, the other way round": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 behind UTF-8": lambda text: b"# mine\n" + text.encode("utf-16-le"),
    "UTF-8 behind UTF-16": lambda text: "# mine\n".encode("utf-16") + text.encode(),
    "line ends of Windows": lambda text: text.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_are_read_in_any_usual_encoding(encoding: str) -> None:
    Path(".env").write_bytes(ENCODINGS[encoding](TOKEN))
    Path("moot.toml").write_bytes(ENCODINGS[encoding](MODEL))
    found = load_settings()
    assert found.discord
    assert found.discord.token.get_secret_value() == "tok-1"
    assert list(found.models) == ["claude"]


def test_a_name_beyond_ascii_in_utf_16_is_read() -> None:
    Path("moot.toml").write_bytes((MODEL + 'name = "Клод"').encode("utf-16"))
    assert load_settings().models["claude"].name == "Клод"


@pytest.mark.parametrize("name", [".env", "moot.toml"])
def test_a_file_that_is_no_text_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    Path(name).write_bytes(b"A=\xff\xfa\n")
    for command in ("models", "runs", "doctor"):
        done = run_moot(command, "--no-spend", cwd=tmp_path) if command == "doctor" else run_moot(command, cwd=tmp_path)
        assert done.returncode in (1, 2)
        assert "Traceback" not in done.stderr
        assert f"{name} cannot be read" in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (
            '[models.gpt-4.1]\nlitellm = "x/y"',
            'models.gpt-4.1: a name with a dot stands in quotes: [models."gpt-4.1"].',
        ),
        ('[models.a.b.c]\nlitellm = "x/y"', 'models.a.b.c: a name with a dot stands in quotes: [models."a.b.c"].'),
        ('[panels.v1.5]\nseats = ["a"]', 'panels.v1.5: a name with a dot stands in quotes: [panels."v1.5"].'),
    ],
)
def test_a_dotted_name_without_quotes_is_told_of_them(written: str, line: str) -> None:
    Path("moot.toml").write_text(written)
    assert find_mistakes()[0] == f"moot.toml: {line}"
    assert len(find_mistakes()) == 1 or written.startswith("[panels")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MOOT_DISCORD_TOKEN", "MOOT_DISCORD__TOKEN"),
        ("MOOT__DISCORD__TOKEN", "MOOT_DISCORD__TOKEN"),
        ("moot_discord_token", "MOOT_DISCORD__TOKEN"),
        ("MOOT_SLACK_BOT_TOKEN", "MOOT_SLACK__BOT_TOKEN"),
        ("MOOT_MODELS_CLAUDE__API_KEY", "MOOT_MODELS__CLAUDE__API_KEY"),
        ("MOOT_LOG_LEVEL", "MOOT_LOG__LEVEL"),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_variable_with_one_underscore_is_told_of(
    name: str, meant: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setenv(name, SECRET)
    else:
        Path(".env").write_text(f"{name}={SECRET}\n")
    [line] = find_mistakes()
    assert line.endswith(f"{name}: there is no such setting. Two underscores stand between levels: {meant}.")


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_variable_without_a_value_is_not_set(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if place == "environment":
        monkeypatch.setenv("MOOT_DISCORD__TOKEN", "")
    else:
        Path(".env").write_text("MOOT_DISCORD__TOKEN=\n")
    assert load_settings().discord is None
    Path("moot.toml").write_text('discord.token = " "')
    assert find_mistakes() == ["moot.toml: discord.token: it is empty: write it, or leave the setting out."]


def test_a_variable_of_no_table_is_told_of_and_other_programs_have_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOT_DISCRD__TOKEN", SECRET)
    monkeypatch.setenv("MOOT_TEST_SHARED", "elsewhere")
    monkeypatch.setenv("DISCORD_TOKEN", "theirs")
    assert find_mistakes() == ["environment: MOOT_DISCRD__TOKEN: there is no such setting."]


@pytest.mark.parametrize(
    "environ",
    [
        {"MOOT_SLACK": f'{{"bot_token": "{SECRET}"'},  # cut off
        {"MOOT_SLACK": f"bot_token={SECRET}"},
        {"MOOT_SLACK": f'"{SECRET}"'},
        {"MOOT_SLACK": f'["{SECRET}"]'},
        {"MOOT_SLACK": f'{{"bot_tokn": "{SECRET}"}}'},
        {"MOOT_SLACK": f'{{"bot_token": {{"v": "{SECRET}"}}}}'},
        {"MOOT_SLACK": f'{{"bot_token": "{SECRET} {SECRET}", "app_token": "x"}}'},
        {"MOOT_SLACK__MODE": SECRET, "MOOT_SLACK__BOT_TOKEN": "x"},
        {"MOOT_SLACK__PORT": SECRET, "MOOT_SLACK__BOT_TOKEN": "x"},
        {"MOOT_DISCORD": SECRET},
        {"MOOT_DISCORD__LISTEN": SECRET},
        {"MOOT_DISCORD__API_BASE": f"u:{SECRET}@h"},
        {"MOOT_MODELS": f'{{"a": "{SECRET}"}}'},
        {"MOOT_MODELS__A": SECRET},
        {"MOOT_MODELS__A__API_KEY": f"{SECRET}\n{SECRET}"},
        {"MOOT_MODELS__A__API_BASE": f"u:{SECRET}@h/v1"},
        {"MOOT_SEARCH__API_KEY": f"[{SECRET}", "MOOT_SEARCH__RESULTS": "x"},
    ],
)
def test_no_mistake_shows_a_secret(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for line in find_mistakes():
        assert SECRET not in line
        assert line.startswith("environment: ")
        assert not any(name in line for name in ("Settings", "pydantic", "constrained", "Source"))


def test_no_command_prints_a_secret_of_a_mistake(tmp_path: Path) -> None:
    for args in (("models",), ("doctor", "--no-spend", "--json")):
        done = run_moot(*args, cwd=tmp_path, MOOT_SLACK=f'{{"bot_token": "{SECRET}"')
        assert SECRET not in done.stdout + done.stderr
        assert "environment: MOOT_SLACK holds a whole table" in done.stdout + done.stderr


@pytest.mark.parametrize("value", ["0", "-1", '"x"', "true", "[1]"])
def test_no_name_of_a_library_is_in_a_mistake(value: str) -> None:
    Path("moot.toml").write_text(f'[council]\nquorum = {value}\n[models]\n"a b" = {{litellm = "x"}}\nc = 3\n')
    for line in find_mistakes():
        assert not any(word in line for word in ("constrained", "[key]", "ModelSettings", "instance", "pattern"))


REMEDIES = {  # a file → what is said of it, behind where the mistake stands
    "[models.x]\nlitellm = “openai/x”": 'values stand in plain quotes, "…".',
    "[models.x]\nlitellm = openai/x": 'a text stands in quotes, name = "value".',
    "[models.x]\nlitellm: openai": 'a setting is written name = "value".',
    "[models.x]\nlitellm\u00a0= 'a/b'": "it holds an invisible character that was copied with it: type the line anew.",
    "[models.qwen3:8b]\nlitellm = 'a/b'": 'a name with such signs stands in quotes, [models."qwen3:8b"].',
    "[discord]\nlisten = True": "it is true or false, in small letters.",
    '[storage]\npath = "C:\\Users\\ann"': "a path of Windows stands in single quotes.",
    "[models.x]\nlitellm = 'a/b'\nlitellm = 'c/d'": "the same name stands there twice.",
    "[models.x]\ninput_usd_per_mtok = $3.00": "US dollars are written as a number alone, 3.0.",
    "[models.x]\ninput_usd_per_mtok = 3.00$": "US dollars are written as a number alone, 3.0.",
    "[models.x]\ninput_usd_per_mtok = USD 3": "US dollars are written as a number alone, 3.0.",
    "[models.x]\ninput_usd_per_mtok = 3,00": "a fraction has a point, 3.0, and thousands have nothing, 1000.",
    f"{MODEL}{MODEL}": "the same name stands there twice.",
}


NO_PRICES = {  # what stands for a price → what is said of it
    '"$3.00"': "“$3.00” is no number: write US dollars without a sign or unit, 3.00.",
    '"3,50 €"': "“3,50 €” is no number: write US dollars without a sign or unit, 3.50.",
    '"US$ 1,250.50"': "“US$ 1,250.50” is no number: write US dollars without a sign or unit, 1250.50.",
    '"free"': "“free” is no number: write US dollars without a sign or unit, 3.0.",
    "0.000003": "3e-06 is the price of one token: write that of a million, 3.",
    "-1": "a price is 0 to 1,000 US dollars a million tokens, not -1.",
    "3000000": "a price is 0 to 1,000 US dollars a million tokens, not 3e+06.",
    "nan": "a price is 0 to 1,000 US dollars a million tokens, not nan.",
    "inf": "a price is 0 to 1,000 US dollars a million tokens, not inf.",
}


@pytest.mark.parametrize("value", NO_PRICES)
def test_a_price_that_is_none_says_how_it_is_written(value: str) -> None:
    Path("moot.toml").write_text(f"[money]\nfallback_usd_per_mtok = {{ input = {value} }}", "utf-8")
    assert find_mistakes() == [f"moot.toml: money.fallback_usd_per_mtok.input: {NO_PRICES[value]}"]


def test_a_price_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOT_MONEY__FALLBACK_USD_PER_MTOK__INPUT", "2.5")
    assert load_settings().money.fallback_price().input_usd_per_mtok == 2.5


@pytest.mark.parametrize("text", REMEDIES, ids=ascii)
def test_a_mistake_in_toml_says_how_it_is_written(text: str) -> None:
    Path("moot.toml").write_text(text, "utf-8")
    [told] = find_mistakes()
    assert told.startswith("moot.toml is not valid TOML: ")
    assert told.endswith(f"): {REMEDIES[text]}")


@pytest.mark.parametrize(
    "line",
    [
        "MOOT_DISCORD__TOKEN: tok-1",
        '$env:MOOT_DISCORD__TOKEN="tok-1"',
        "set MOOT_DISCORD__TOKEN=tok-1",
        'MOOT_DISCORD__TOKEN="tok-1',
        "MOOT_DISCORD__TOKEN",
        "MOOT-DISCORD-TOKEN=tok-1",
        "MOOT_DISCORD__TOKEN\uff1dtok-1",
        "OPENAI_API_KEY: tok-1",
    ],
)
def test_a_line_of_dotenv_that_cannot_be_read_is_named_without_its_value(line: str, tmp_path: Path) -> None:
    Path("moot.toml").write_text(MODEL, "utf-8")
    Path(".env").write_text(f"# mine\n{line}\n", "utf-8")
    told = [".env: line 2: a variable is written NAME=value, on one line."]
    assert find_mistakes() == told
    assert run_moot("models", cwd=tmp_path).stderr.splitlines() == told


@pytest.mark.parametrize(
    "text", ["", "\n", "# MOOT_DISCORD__TOKEN\n", "if true; then\n", "OTHER\n", "export A=b\n"], ids=ascii
)
def test_what_else_stands_in_dotenv_is_no_concern(text: str, tmp_path: Path) -> None:
    Path("moot.toml").write_text(MODEL, "utf-8")
    Path(".env").write_text(text, "utf-8")
    done = run_moot("models", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


TOO_FEW, TOO_MANY = "input should be greater than or equal to", "input should be less than or equal to"
NO_START = "input should be 'nothing', 'ask', 'council', 'compare' or 'debate'."
SENSELESS = {
    "[limits]\nruns = 0": f"limits.runs: {TOO_FEW} 1 (found 0).",
    "[limits]\nruns_per_channel = -1": f"limits.runs_per_channel: {TOO_FEW} 1 (found -1).",
    "[limits]\nstarts_per_person = 1000000": f"limits.starts_per_person: {TOO_MANY} 100000 (found 1000000).",
    "[limits]\nstarts_per_server = true": "limits.starts_per_server: write a whole number, such as 5.",
    "[servers.1.limits]\nseats = 1": f"servers.1.limits.seats: {TOO_FEW} 2 (found 1).",
    "[servers.1.limits]\nrounds = 0": f"servers.1.limits.rounds: {TOO_FEW} 1 (found 0).",
    "[servers.1.limits]\ncups = 3": "servers.1.limits.cups: there is no such setting.",
    "[servers.1.channel_limits.C1]\nruns = 0": f"servers.1.channel_limits.C1.runs: {TOO_FEW} 1 (found 0).",
    "[servers.1.channel_limits.general]\nruns = 1": (
        "servers.1.channel_limits: it takes channels by their ids (Copy Channel ID), and 'general' is none."
    ),
    "[panels.a]\nseats = 5": "panels.a.seats: input should be a valid list (found 5).",
    '[panels.a]\nseats = "claude"': "panels.a.seats: input should be a valid list (found 'claude').",
    '[models.b]\nlitellm = ""': "models.b.litellm: string should have at least 1 character (found '').",
    "[storage]\npath = 3": 'storage.path: is a path in quotes, "moot.db".',
    '[storage]\npath = "~/moot.db"': (
        "storage.path: “~” stands for no home here: write the whole path, such as /home/ann/moot.db."
    ),
    '[storage]\npath = "a\\u0000b"': "storage.path: a path has no character of the number 0.",
    '[discord]\ntoken = "t"\nmention_starts = "summary"': f"discord.mention_starts: {NO_START}",
    '[discord]\ntoken = "t"\ndirect_message_starts = true': f"discord.direct_message_starts: {NO_START}",
}


@pytest.mark.parametrize("text", SENSELESS, ids=ascii)
def test_a_limit_or_a_start_that_makes_no_sense_is_refused_in_a_sentence(text: str) -> None:
    Path("moot.toml").write_text(MODEL + "\n" + text, "utf-8")
    assert find_mistakes() == [f"moot.toml: {SENSELESS[text]}"]
