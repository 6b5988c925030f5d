"""What a process leaves beside its database when it dies, and the next one finds."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.errors import Misconfigured
from storage.note import SIZE, open_crash_report, open_note

RUNS = ["8ze9zra4", "5njzfhkr"]


def test_the_runs_and_the_report_are_found_once(tmp_path: Path) -> None:
    database = tmp_path / "moot.db"
    with open_crash_report(database) as report, open_note(database) as note:
        assert (note.found, note.report) == ([], "")
        note.write(RUNS)
        report.write("Fatal Python error: Aborted – größer".encode())
    with open_note(database) as note:
        assert (note.found, note.report) == (RUNS, "Fatal Python error: Aborted – größer")
        note.write(())
    with open_note(database) as note:
        assert (note.found, note.report) == ([], "")


def test_a_report_is_kept_while_the_next_process_begins(tmp_path: Path) -> None:
    database = tmp_path / "moot.db"
    with open_crash_report(database) as report:
        report.write(b"Fatal Python error")
    with open_crash_report(database), open_note(database) as note:
        assert note.report == "Fatal Python error"


def test_a_cut_or_strange_note_is_read(tmp_path: Path) -> None:
    (tmp_path / "moot.db.running").write_bytes(b"\xff" * (3 * SIZE))
    (tmp_path / "moot.db.crash").write_bytes(b"\xff")
    with open_note(tmp_path / "moot.db") as note:
        assert (note.found, note.report) == (["\ufffd" * SIZE], "\ufffd")


def test_both_are_for_their_owner_alone(tmp_path: Path) -> None:
    with open_crash_report(tmp_path / "moot.db"), open_note(tmp_path / "moot.db"):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()]
    assert modes == [0o600, 0o600]


@pytest.mark.parametrize("name", ["running", "crash"])
def test_no_link_is_followed(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f"moot.db.{name}").symlink_to(victim)
    with pytest.raises(Misconfigured, match="cannot be written"), open_note(tmp_path / "moot.db"):
        pass
    assert victim.read_text() == "mine"
