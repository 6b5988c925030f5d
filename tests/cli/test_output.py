"""What commands print: clean of control characters, in any encoding, and a failure where nothing could be printed."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.cli.console import CleanConsole
from bot.cli.exit import NOT_SHOWN, OK, UNUSABLE
from bot.cli.tables import render_catalogue, render_costs, render_runs
from bot.models.catalogue import Model
from bot.models.listing import list_configured
from bot.ports.spending import CostRow
from bot.ports.store import RunRow
from tests.servers.model_server import ModelServer, answer
from tests.support.command_line import run_moot
from tests.support.model_panel import tell_every_seat, write_settings
from tests.support.paths import ROOT

ODD = (
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\x9b31m",
    "\x9d8;;",
    "\x07",
    "\x08",
    "\r",
    "\x00",
    "\u202e",
    "\u2066",
    "\ud800",
    "\x7f",
)


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_no_way_to_print_lets_a_control_character_through(odd: str) -> None:
    out = io.StringIO()
    console = CleanConsole(file=out, width=200)
    text = f"a{odd}b"
    table = Table("h")
    table.add_row(Text(text))
    for printed in (
        text,
        Text(text),
        Markdown(f"{text} [{text}](http://x/{odd})"),
        Panel(Text(text), title=text),
        table,
    ):
        console.print(printed, markup=False)
    assert not any(char in out.getvalue() for char in odd if not char.isprintable())


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "utf-8", "shift-jis"])
async def test_answers_are_printed_in_any_encoding(encoding: str, folder: Path) -> None:
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("Tabs → 模型 “quoted”."))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "try", "Tabs?", "--format", "compare"),
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert (process.returncode, err) == (OK, b"")
    assert out.count(b"Tabs ") == 3


@pytest.mark.parametrize("args", [["try", "--help"], ["--help"], ["show"], ["nonsense"]], ids=" ".join)
def test_help_and_mistakes_are_printed_in_any_encoding(args: list[str], folder: Path) -> None:
    ended = run_moot(*args, cwd=folder, PYTHONIOENCODING="ascii")
    assert ended.returncode == (OK if "--help" in args else UNUSABLE)
    assert "Traceback" not in ended.stderr
    assert ended.stdout or ended.stderr


HARM = "\x1b[31m\u202e"
MISTAKES = {
    ("show",): "Missing argument 'run'. `python -m bot show --help` says what there is.\n",
    ("nonsense",): "No such command 'nonsense'. `python -m bot --help` says what there is.\n",
    ("models", "--nope"): "No such option: --nope. `python -m bot models --help` says what there is.\n",
    ("try", "--nope"): "No such option: --nope (Possible options: --mode, --next, --panel). `python -m bot try",
    ("runs", "--page", "9" * 20): "Invalid value for '--page': Input should be less than or equal to 1000000. `",
    ("db", "move", "http://x"): "This is no place for a store: write postgresql://",
    ("show", "a", "b"): "Got unexpected extra argument(s) (b). `python -m bot show --help` says what there is.\n",
    ("manifest", "slack", "--url", HARM): "--url: an address is written whole, such as https://127.0.0.1:8000.\n",
    (f"no{HARM}",): "No such command",
    ("doctor", f"--{HARM}"): "No such option",
    ("try", "Tea?", "--format", HARM): "There is no format",
    ("show", HARM): "There is no",
    ("db", "backup", f"/nowhere/{HARM}"): "There is no store",
}


@pytest.mark.parametrize("typed", MISTAKES, ids=lambda typed: ascii(" ".join(typed)))
def test_a_mistake_is_said_in_one_line_without_what_could_harm_the_screen(typed: tuple[str, ...], folder: Path) -> None:
    ended = run_moot(*typed, cwd=folder)
    assert ended.returncode != OK
    assert ended.stderr.startswith(MISTAKES[typed])
    assert not set("\x1b\u202e") & set(ended.stderr + ended.stdout)
    assert ended.stderr.count("\n") == 1


OUTPUTS = ["a full disk", "a closed file", "a reader who has left"]


async def run_into(output: str, *args: str) -> tuple[int, str]:
    """Run a command whose output takes nothing; return its status and what it says of that."""
    read, write = os.pipe()
    os.close(read)
    with open("/dev/full" if output == "a full disk" else write, "wb") as out:  # noqa: ASYNC230  # answers at once
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *args),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=None if output == "a closed file" else out,
            stderr=subprocess.PIPE,
            preexec_fn=(lambda: os.close(1)) if output == "a closed file" else None,
        )
        _, err = await process.communicate()
    if output == "a full disk":
        os.close(write)
    assert process.returncode is not None
    return process.returncode, err.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("output", OUTPUTS)
async def test_a_run_that_could_not_be_shown_has_a_status_of_its_own(output: str, folder: Path) -> None:
    async with ModelServer() as server:
        write_settings(server)
        tell_every_seat(server, answer("Tabs."))
        status, err = await run_into(output, "try", "Tabs?", "--format", "compare")
    assert status == NOT_SHOWN
    why = {"a full disk": "No space left on device", "a closed file": "it is closed"}
    told = why.get(output, "whoever read it has left")
    assert err.strip() == f"The run is kept (`moot runs`), but the output cannot be written: {told}."
    [row] = [line for line in run_moot("runs", cwd=folder).stdout.splitlines() if "Tabs?" in line]
    assert "compared" in row


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("args", [["models"], ["manifest", "slack"], ["doctor", "--json", "--no-spend"]], ids=" ".join)
async def test_what_could_not_be_printed_has_that_status_too(args: list[str], output: str, folder: Path) -> None:
    status, err = await run_into(output, *args)
    assert status == NOT_SHOWN
    assert err == ("" if output == OUTPUTS[2] else err)
    assert "Traceback" not in err


def test_what_looks_like_an_emoji_is_printed_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    CleanConsole().print("map:key:value :rocket:", markup=False)
    assert capsys.readouterr().out == "map:key:value :rocket:\n"


def test_a_name_in_the_catalogue_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    model = Model("a", "anthropic/claude-opus-4-1-20250805", "A", "anthropic")
    CleanConsole(width=80).print(render_catalogue(list_configured([model], {})))
    assert "…" not in capsys.readouterr().out


def test_whom_costs_name_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    person = "slack:T0123456789:U0123456789 (slack:T0123456789:U0123456789)"
    CleanConsole(width=80).print(render_costs("person", [CostRow(person, 1_234.5, 1_000, 12.5, 1_000.0)]))
    assert "…" not in capsys.readouterr().out


def test_a_list_of_runs_can_be_used_at_40_columns() -> None:
    out = io.StringIO()
    row = RunRow("j7sadzqa", 0.0, "council", "Should we rewrite " + "all of it " * 30, "synthesised")
    CleanConsole(file=out, width=40).print(render_runs([row]))
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "j7sadzqa",
        "  started: 1970-01-01 00:00",
        "  format: council",
        "  name or question: Should we rewrite a…",
        "  outcome: synthesised",
    ]


def test_costs_can_be_read_at_40_columns() -> None:
    out = io.StringIO()
    console = CleanConsole(file=out, width=40)
    console.print(render_costs("model", [CostRow("gpt", 0.5, 3, 2.0)]), render_costs("day", []))
    assert "gpt\n  cost: $0.500\n  calls: 3\n" in "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    assert "day: none" in out.getvalue()
