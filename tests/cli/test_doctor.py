"""`moot doctor`: models on the wire, a real database, settings, the clock; each fault comes with what to do."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import socket
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import Check, Finding, check_clock, run_checks
from bot.models import doctor as model_doctor
from bot.models import embedded, local
from bot.settings.settings import DeadlineSettings
from storage import doctor as storage_doctor
from storage import open_store, sqlite
from tests.servers.model_server import ModelServer, Reply, answer, chunk, error, model_list, sse
from tests.support.command_line import run_moot
from tests.support.doctor import ask_doctor
from tests.support.model_panel import SEATS, tell_every_seat, tell_seat, write_settings
from tests.support.operators_port import find_free_port
from tests.support.paths import ROOT
from tests.support.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("folder")


async def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("yes"))
        report = await ask_doctor(capsys)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is left behind"
    assert report.status == 0
    assert {f["state"] for f in report.findings.values()} == {"ok"}
    assert list(report.findings) == ["settings", "database", *(f"model {seat}" for seat in SEATS)]
    assert all(report.findings[f"model {seat}"]["latency_s"] >= 0 for seat in SEATS)
    assert all(seen.body["max_tokens"] <= 64 for seen in server.log if seen.body)


@pytest.mark.parametrize(
    ("reply", "state", "says"),
    [
        (error(401, "no"), "broken", "key"),
        (error(402, "no"), "broken", "credit"),
        (error(404, "no"), "broken", "no such model"),
        (error(500, "no"), "broken", "had an error"),
        (error(429, "no"), "warning", "too many requests"),
        (Reply(sse(chunk("ye")), then="reset"), "warning", "broke off"),
        (answer("", finish="length"), "warning", "max_tokens = 1,200"),
        (error(400, "maximum context length is 9 tokens"), "broken", "window"),
        (error(400, "blocked by our content filter"), "warning", "content filter"),
        (error(418, "no"), "broken", "answered with an error"),
        (Reply(then="hang"), "warning", "not finished"),
    ],
    ids=[
        "key",
        "billing",
        "not_found",
        "unreachable",
        "rate_limit",
        "broken_off",
        "thinking",
        "window",
        "refused",
        "other",
        "stalled",
    ],
)
async def test_what_each_answer_of_a_model_means(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, reply: Reply, state: str, says: str
) -> None:
    if reply.then == "hang":
        monkeypatch.setattr(model_doctor, "DEADLINES", DeadlineSettings(total_timeout_s=0.2))
    async with ModelServer() as server:
        write_settings(server)
        tell_seat(server, "ada", reply)
        for seat in ("bob", "cyd"):
            tell_seat(server, seat, answer("yes"))
        report = await ask_doctor(capsys)
    found = report.findings["model ada"]
    assert (found["state"], report.status) == (state, int(state == "broken"))
    assert says in found["meaning"]
    assert bool(found["remedy"]) == (state != "ok")


async def test_a_model_that_no_panel_names_is_no_more_than_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer() as server:
        write_settings(server)
        spare = '[models.spare]\nlitellm = "openai/x"\napi_key = "env:NOBODY_SET_THIS"\n'
        Path("moot.toml").write_text(Path("moot.toml").read_text() + spare)
        tell_every_seat(server, answer("yes"))
        report = await ask_doctor(capsys)
    assert (report.findings["model spare"]["state"], report.status) == ("warning", 0)
    assert "NOBODY_SET_THIS" in report.findings["model spare"]["remedy"]


async def test_without_spending_lists_are_asked_for_alone(capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer() as server:
        write_settings(server)
        server.tell(model_list("ada-2026-01-01"), path="/ada/models")
        server.tell(model_list("else"), path="/bob/models")
        server.tell(error(401), path="/cyd/models")
        report = await ask_doctor(capsys, spend=False)
        assert {seen.path for seen in server.log} == {f"/{seat}/models" for seat in SEATS}
    assert [report.findings[f"model {seat}"]["state"] for seat in SEATS] == ["ok", "warning", "broken"]
    assert report.status == 1


async def test_a_model_that_may_think_as_long_as_it_likes_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer() as server:
        write_settings(server)
        text = Path("moot.toml").read_text("utf-8")
        Path("moot.toml").write_text(text.replace('name = "Ada"', 'name = "Ada"\nmax_tokens = 0'))
        tell_every_seat(server, answer("", finish="length"))
        report = await ask_doctor(capsys)
    assert report.findings["model ada"]["state"] == "ok"
    assert "max_tokens" in report.findings["model bob"]["remedy"]


async def test_a_provider_that_shows_no_list_and_one_that_is_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    async with ModelServer() as server:
        write_settings(server)
        more = '[models.hosted]\nlitellm = "openai/x"\n[models.own]\nlitellm = "hosted_vllm/x"\n'
        Path("moot.toml").write_text(Path("moot.toml").read_text() + more + 'api_base = "http://127.0.0.1:9"\n')
        found = (await ask_doctor(capsys, spend=False)).findings
    assert (found["model ada"]["state"], "`moot doctor`" in found["model ada"]["remedy"]) == ("warning", True)
    assert "provider's status page" in found["model hosted"]["remedy"]
    assert "Start the server at http://127.0.0.1:9" in found["model own"]["remedy"]


async def test_a_fault_of_our_own_is_not_blamed_on_a_provider(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import litellm

    async def fail(**_: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(litellm, "acompletion", fail)
    async with ModelServer() as server:
        write_settings(server)
        found = (await ask_doctor(capsys)).findings["model ada"]
    assert (found["state"], "report it" in found["remedy"]) == ("broken", True)


async def test_without_any_model_it_says_what_helps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "is_installed", lambda: False)
    monkeypatch.setattr(local, "PORTS", ())
    report = await ask_doctor(capsys, spend=False)
    assert report.status == 1
    assert "start Ollama" in report.findings["models"]["remedy"]


SEARCHES = {  # settings of [search] → state of the finding, and what it says
    'model = "nobody"': ("broken", "there is no model “nobody”"),
    'model = "ada"': ("broken", "no search of its own"),
    'provider = "tavily"\napi_key = "env:NOBODY_SET_THIS"': ("warning", "NOBODY_SET_THIS"),
    'provider = "searxng"\napi_base = "http://127.0.0.1:9"': ("warning", "runs go on without it"),
}


@pytest.mark.parametrize("search", SEARCHES)
async def test_a_search_that_cannot_be_made(capsys: pytest.CaptureFixture[str], search: str) -> None:
    async with ModelServer() as server:
        write_settings(server)
        Path("moot.toml").write_text(f"{Path('moot.toml').read_text()}[search]\n{search}\n")
        tell_every_seat(server, answer("yes"))
        found = (await ask_doctor(capsys)).findings["search"]
    state, says = SEARCHES[search]
    assert found["state"] == state
    assert says in found["meaning"] + found["remedy"]


async def test_a_key_is_never_printed(capsys: pytest.CaptureFixture[str]) -> None:
    async with ModelServer() as server:
        Path("moot.toml").write_text(
            f'[models.a]\nlitellm = "openai/a"\napi_key = "hush-hush-4711"\napi_base = "{server.url}/v1"\n'
            '[panels.default]\nseats = ["a"]\n'
        )
        server.tell(error(401, "Incorrect API key provided: hush-hush-4711"))
        report = await ask_doctor(capsys)
    assert report.findings["model a"]["state"] == "broken"
    assert "hush" not in report.text


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_all_wrong_settings_are_reported(tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "moot.toml").write_text('a = 1\n[models.x]\nlitelm = "y"\n')
    ended = run_moot("doctor", *flags, cwd=tmp_path, COLUMNS="200")
    assert (ended.returncode, ended.stderr) == (1, "")
    for line in ("a: there is no such setting", "models.x.litellm: is missing", "models.x.litelm: there is no such"):
        assert line in ended.stdout
    if flags:
        assert json.loads(ended.stdout)["ok"] is False


@pytest.mark.parametrize("columns", [30, 100])
def test_every_width_reads_whole(tmp_path: Path, columns: int) -> None:
    (tmp_path / "moot.toml").write_text(f"nonsense = 1\n{'z' * 90} = 1\n")
    printed = run_moot("doctor", cwd=tmp_path, COLUMNS=str(columns)).stdout
    assert printed.count("z") == 90
    assert max(map(len, printed.splitlines())) <= columns
    letters = "".join(c for c in printed if c.isalpha())
    assert "nonsense" in letters
    assert "broken" in letters


async def check_database(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the doctor's finding about the database."""
    Path("moot.toml").write_text('[models.a]\nlitellm = "hosted_vllm/a"\napi_base = "http://127.0.0.1:1"\n')
    return (await ask_doctor(capsys, spend=False)).findings["database"]


async def test_a_database_is_made_and_then_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert "made" in (await check_database(capsys))["meaning"]
    assert "can be read" in (await check_database(capsys))["meaning"]


async def test_a_database_that_a_bot_holds_is_a_warning_with_its_pid(capsys: pytest.CaptureFixture[str]) -> None:
    async with open_store(Path("moot.db"), clock=time.time):
        found = await check_database(capsys)
    assert found["state"] == "warning"
    assert "pid" in found["meaning"]
    assert "MOOT_STORAGE__PATH" in found["remedy"]


async def test_a_database_that_cannot_be_written_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await check_database(capsys)
    # whoever runs the tests may be root
    monkeypatch.setattr(sqlite, "_has_right", lambda path, right: right == os.R_OK)
    found = await check_database(capsys)
    assert (found["state"], "rights" in found["remedy"]) == ("broken", True)


async def test_a_disk_that_is_nearly_full_is_warned_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_doctor, "_LEAST_ROOM_MB", 10**12)
    await check_database(capsys)
    found = (await ask_doctor(capsys, spend=False)).findings["disk"]
    assert (found["state"], "Make room" in found["remedy"]) == ("warning", True)


async def check_port(capsys: pytest.CaptureFixture[str], port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    """Check the operators' port alone, beside one model that is not there."""
    model = '[models.a]\nlitellm = "hosted_vllm/a"\napi_base = "http://127.0.0.1:1"\n'
    Path("moot.toml").write_text(f'{model}[metrics]\nport = {port}\nhost = "{host}"\n')
    return (await ask_doctor(capsys, spend=False)).findings["metrics"]


async def test_the_operators_port_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert (await check_port(capsys, find_free_port()))["state"] == "ok"
    open_to_all = await check_port(capsys, find_free_port(), "0.0.0.0")
    assert (open_to_all["state"], "collector" in open_to_all["remedy"]) == ("warning", True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it does not listen, so nothing is waited for
        held = await check_port(capsys, taken.getsockname()[1])
    assert (held["state"], "another metrics.port" in held["remedy"]) == ("broken", True)


async def test_what_is_no_database_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    Path("moot.db").write_bytes(b"no database at all" * 100)
    assert (await check_database(capsys))["state"] == "broken"


def test_checks_run_four_at_a_time_and_a_fault_of_one_is_its_own_finding() -> None:
    running = most = 0

    async def good() -> list[Finding]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return [Finding("good", "ok", "")]

    async def faulty() -> list[Finding]:
        raise ValueError("secret")

    async def endless() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    checks = [Check("faulty", faulty), *[Check("good", good)] * 9, Check("endless", endless)]
    found = run_virtual(run_checks(checks))
    assert [f.what for f in found] == ["faulty", *["good"] * 9, "endless"]
    assert "ValueError" in found[0].meaning
    assert "secret" not in found[0].meaning
    assert "no answer" in found[-1].meaning
    assert most == 4


@pytest.mark.parametrize(
    ("ahead_s", "state", "says"),
    [
        (29, "ok", ""),
        (31, "broken", "31 s ahead"),
        (-40, "broken", "40 s behind"),
        (7_201, "broken", "2 hours ahead"),
        (-900_000, "broken", "10 days behind"),
    ],
)
def test_the_clock_may_be_off_by_30_seconds(ahead_s: float, state: str, says: str) -> None:
    [found] = check_clock(formatdate(1_000_000, usegmt=True), 1_000_000 + ahead_s)
    assert found.state == state
    assert says in found.meaning


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_without_a_date_nothing_is_said_of_the_clock(date: str | None) -> None:
    assert check_clock(date, 1.0) == []


DOCTORS = ("bot/doctor.py", "bot/cli/doctor.py", "bot/prompts.py", "bot/models/key_files.py", "storage/doctor.py")


@pytest.mark.parametrize("path", [*DOCTORS, *(str(p.relative_to(ROOT)) for p in ROOT.glob("[ab]*/*/doctor.py"))])
def test_each_failure_says_what_to_do(path: str) -> None:
    """A finding that is no more than broken leaves its reader alone."""
    calls = [node for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if isinstance(node, ast.Call)]
    findings = [call for call in calls if getattr(call.func, "id", "") in ("Finding", "_finding")]
    assert findings
    failures = [call for call in findings if {"warning", "broken"} & {getattr(a, "value", "") for a in call.args}]
    assert [ast.unparse(call) for call in failures if len(call.args) < 4] == []
