"""Log lines of a real run: each names its run, turn, seat and platform, and none holds a key or a text."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bot.cli.logs import configure_logs
from bot.settings.operations import LogSettings
from tests.servers.model_server import answer, error
from tests.support.discord_bot import StartMoot, make_endless
from tests.support.discord_bot import start_moot as start_moot
from tests.support.paths import ROOT
from tests.support.planted import PLANTED

QUESTION, ANSWER, REMARK = "Which planted question is this?", "A planted answer.", "A planted remark."


@pytest.fixture
def talkative() -> None:
    """Log everything, one JSON object a line."""
    configure_logs(LogSettings(level="debug", json_lines=True))


@pytest.mark.usefixtures("talkative")
async def test_lines_name_their_run_and_hold_no_text(start_moot: StartMoot, capsys: pytest.CaptureFixture[str]) -> None:
    moot = await start_moot()
    moot.script_model("claude", make_endless(ANSWER))
    moot.script_model("gpt", error(400, f"no answer to “{QUESTION}”, with {PLANTED}"))
    moot.script_model("gemini", answer(ANSWER))
    board = await moot.ask(question=QUESTION)
    thread = await moot.find_thread(board)
    await moot.find_turn(thread, ANSWER)
    await moot.call_command(moot.ada, "moot say", where=thread, text=REMARK)
    await moot.call_command(moot.ada, "moot stop", where=thread)
    await moot.find_end_card(thread)
    [row] = await moot.store.runs()

    written = capsys.readouterr().err
    lines = [json.loads(line) for line in written.splitlines()]
    [failed] = [line for line in lines if line["event"] == "turn failed"]
    assert (failed["run"], failed["turn"], failed["seat"]) == (row.run, "answer/1/gpt", "gpt")
    assert (failed["platform"], failed["kind"], failed["level"]) == ("discord", "other", "info")
    for planted in (QUESTION, ANSWER, REMARK, PLANTED):
        assert planted not in written


@pytest.mark.parametrize("json_lines", [True, False])
def test_warnings_of_libraries_have_the_same_form(json_lines: bool) -> None:
    code = (
        "import logging, sys\n"
        "from bot.cli.logs import configure_logs\n"
        "from bot.settings.operations import LogSettings\n"
        f"configure_logs(LogSettings(json_lines={json_lines}))\n"
        "logging.getLogger('some.library').info('not told')\n"
        "logging.getLogger('some.library').warning('it is %s\\x1b[2J', 'late')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    [line] = ended.stderr.splitlines()
    assert ended.stdout == ""
    if json_lines:
        told = json.loads(line)
        assert (told["event"], told["logger"], told["level"]) == ("it is late\x1b[2J", "some.library", "warning")
    else:
        assert "it is late" in line
        assert "some.library" in line
    assert "\x1b" not in line
