"""`moot demo`: a scripted run that plays anywhere, and says what it is."""

from __future__ import annotations

from pathlib import Path

from bot.cli.replay import DEMO, DEMO_NOTE
from bot.domain.transcript import Transcript, fold_all
from bot.records.record import read_record
from tests.support.command_line import NO_KEYS, open_terminal, run_moot
from tests.support.paths import ROOT
from tests.support.pictures.scripts import ANSWERS, QUESTION, SYNTHESIS
from tests.support.terminal_picture import draw_terminal


def test_in_a_pipe_it_plays_plain_lines_without_settings_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "moot.toml").write_text("half writ")
    ended = run_moot("demo", "--speed", "1000", cwd=tmp_path, **NO_KEYS, HOME=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert DEMO_NOTE in ended.stdout
    assert "\x1b" not in ended.stdout
    for text in (QUESTION, *ANSWERS.values(), SYNTHESIS):
        assert text in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["moot.toml"]


async def test_on_a_screen_it_says_all_along_that_it_is_scripted() -> None:
    async with open_terminal("demo", "--speed", "5", columns=40) as terminal:
        await terminal.wait_for("\x1b[?1049h", "\x1b[2mScripted", "Engineer", "\x1b[?1049l")
        assert await terminal.wait_for_end() == 0


async def test_the_picture_in_the_readme_is_how_it_looks() -> None:
    drawn = (ROOT / "docs" / "council.svg").read_text("utf-8")
    assert drawn == await draw_terminal(), "run `python -m tests.support.terminal_picture`"


def test_nobody_says_anything_in_it_but_what_was_written_for_it() -> None:
    t = fold_all(Transcript(), read_record(DEMO.read_text("utf-8")).entries)
    said = {turn.id.seat: " ".join(turn.text.split()) for turn in t.turns.values() if turn.id.stage != "review"}
    assert said == {seat: " ".join(text.split()) for seat, text in {**ANSWERS, "chair": SYNTHESIS}.items()}
