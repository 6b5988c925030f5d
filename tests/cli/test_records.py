"""`moot export` and `moot import`: files of runs, from one database into another."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from bot.cli.exit import FAILED, OK, run_guarded
from bot.cli.records import MAX_IMPORT_BYTES, export_once, import_once
from bot.cli.show import show_run
from bot.domain.facts import Deleted, Interjected
from bot.errors import Misconfigured, Refused
from bot.formats import FORMATS
from bot.records.record import RunRecord, make_record, write_record
from storage import open_store
from tests.support.histories import play_history, record_play, show_growing
from tests.support.transcripts import Play, make_start

FILE, DATABASE = Path("run.json"), Path("moot.db")


async def keep_runs(records: Iterable[RunRecord]) -> None:
    """Put runs into the database of the working directory."""
    async with open_store(DATABASE, clock=time.time) as store:
        for record in records:
            await store.import_run(record)


def make_runs() -> list[RunRecord]:
    """Return a run of each format, as an installation exports it."""
    plays = {form: play_history(form, seed) for seed, form in enumerate(FORMATS)}
    return [make_record(form, play.t, show_growing(play)) for form, play in plays.items()]


async def test_a_run_comes_out_of_a_fresh_database_as_it_went_in(folder: Path) -> None:
    records = make_runs()
    await keep_runs(records)
    written = {}
    for record in records:
        assert await export_once(record.run, "json", Path(f"{record.run}.json")) == OK
        written[record.run] = Path(f"{record.run}.json").read_bytes()
        assert written[record.run].decode() == write_record(record)
    DATABASE.unlink()
    for record in records:
        assert await import_once(Path(f"{record.run}.json")) == OK
        assert await export_once(record.run, "json", FILE) == OK
        assert FILE.read_bytes() == written[record.run]


async def test_a_run_that_was_imported_is_shown_and_goes_on_nowhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play = Play(make_start("compare"))
    play.play_stage(lambda turn: f"what {turn.seat} says")
    FILE.write_text(write_record(record_play(play, "brought")), "utf-8")
    assert await import_once(FILE) == OK
    assert "moot show brought" in capsys.readouterr().out
    assert await show_run("brought") == OK
    assert "what bob says" in capsys.readouterr().out
    async with open_store(DATABASE, clock=time.time) as store:
        assert await store.unfinished_runs() == []
        assert [(row.run, row.question) for row in await store.runs()] == [("brought", "Tabs or spaces?")]


async def test_a_file_that_an_editor_has_put_a_mark_before_is_read(folder: Path) -> None:
    FILE.write_text(write_record(record_play(Play(make_start("compare")), "r")), "utf-8-sig")
    assert await import_once(FILE) == OK


async def test_a_run_that_is_there_is_not_imported_again(folder: Path) -> None:
    await keep_runs([record_play(Play(make_start("compare")), "r")])
    FILE.write_text(write_record(record_play(Play(make_start("debate")), "r")), "utf-8")
    with pytest.raises(Refused, match="Run r is here already, so nothing was changed"):
        await import_once(FILE)
    async with open_store(DATABASE, clock=time.time) as store:
        assert [row.format for row in await store.runs()] == ["compare"]


async def test_markdown_is_printed_as_it_is(folder: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    play = Play(make_start("compare"))
    play.play_stage(lambda turn: "**bold** <script>alert(1)</script> عربي")
    await keep_runs([record_play(play, "r")])
    assert await export_once("r", "md", None) == OK
    printed = capsysbinary.readouterr().out.decode()
    assert printed.startswith("# Comparison: Tabs or spaces?\n")
    assert "**bold** <script>alert(1)</script> عربي" in printed


async def test_what_cannot_be_exported_is_refused(folder: Path) -> None:
    await keep_runs([record_play(Play(make_start("compare")), "r")])
    for run, form, out, why in (
        ("nothing", "md", None, "There is no run “nothing”"),
        ("r", "pdf", None, "--format pdf: the forms are md, json, html"),
        ("r", "md", Path("no/such/folder/x.md"), "cannot be written: No such file"),
    ):
        with pytest.raises(Refused, match=why):
            await export_once(run, form, out)
    async with open_store(DATABASE, clock=time.time) as store:
        await store.append("r", [Deleted("ann")])
    with pytest.raises(Refused, match="There is no run “r”"):
        await export_once("r", "md", None)


def write_huge(path: Path) -> None:
    """Write a file of 200 MB that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(200_000_000)


def write_odd_facts(path: Path, **changes: object) -> None:
    """Write a run whose facts are each well-formed, and fit no run."""
    document = json.loads(write_record(record_play(Play(make_start("compare")).record(Interjected("p", "x")))))
    document["facts"][0]["data"] |= changes
    path.write_text(json.dumps(document), "utf-8")


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (write_huge, f"is longer than {MAX_IMPORT_BYTES // 1_000_000} MB"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is no text in UTF-8"),
        (lambda path: path.write_text("{}"), "no run that Moot has exported"),
        (lambda path: write_odd_facts(path, format="sorting"), "format “sorting” is unknown"),
        (lambda path: write_odd_facts(path, rules={"rounds": "many"}), "fact 1: RunStarted.rules.rounds: int expected"),
        (lambda path: None, "cannot be read: No such file"),
    ],
    ids=["huge", "folder", "bytes", "another document", "format", "rules", "absent"],
)
def test_a_file_that_is_no_run_is_refused_and_nothing_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], write: object, why: str
) -> None:
    assert callable(write)
    write(FILE)
    assert run_guarded(import_once(FILE)) == FAILED
    assert why in capsys.readouterr().err
    assert not DATABASE.exists()


async def test_a_card_is_a_picture_and_says_what_it_needs(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_runs(make_runs())
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    monkeypatch.delitem(sys.modules, "bot.records.card_picture", raising=False)
    with pytest.raises(Misconfigured, match=r"pip install 'moot\[cards\]'"):
        await export_once("council", "card", Path("card.png"))
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    pytest.importorskip("resvg_py", reason="the extra cards is not installed")
    assert await export_once("council", "card", Path("card.png")) == OK
    assert Path("card.png").read_bytes().startswith(b"\x89PNG")
