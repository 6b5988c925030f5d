"""`moot export` and `moot import`: a run as a file, and back."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.cli.files import read_bounded, write_out
from bot.domain.codec import Unreadable
from bot.domain.transcript import Transcript, fold_all
from bot.engine.thread import replay_thread
from bot.errors import Misconfigured, Refused
from bot.formats import FORMATS
from bot.records.card import draw_card
from bot.records.markdown_file import render_markdown
from bot.records.page import render_page
from bot.records.record import RunRecord, make_record, read_record, write_record
from storage import SqlStore, open_store
from storage.batch import AlreadyStored

MAX_IMPORT_BYTES = 64_000_000


async def export_once(run: str, form: str, out: Path | None) -> int:
    """Write a run as a file, to `out` or else to standard output. Raises Refused."""
    if form not in _FORMS:
        raise Refused(f"--format {form}: the forms are {', '.join(_FORMS)}.")
    if form == "card" and out is None and sys.stdout.isatty():
        raise Refused("The card is a picture: name a file for it by -o card.png.")
    async with open_store(load_configuration().storage.location, clock=time.time, read_only=True) as store:
        t = await read_stored_run(store, run)
        record = make_record(run, t, await store.snapshots(run))
    write_out(await asyncio.to_thread(_FORMS[form], t, record), out, f"Run {run}")
    return OK


async def import_once(path: Path) -> int:
    """Store the run of an exported JSON file. Raises Refused where the file holds none, or the run is there."""
    record = read_showable(path, read_record, "imported")
    async with open_store(load_configuration().storage.location, clock=time.time) as store:
        try:
            await store.import_run(record)
        except AlreadyStored as error:
            raise Refused(f"Run {record.run} is here already, so nothing was changed.") from error
    print_plain(f"Imported run {record.run}: `moot show {record.run}` prints it.")
    return OK


async def read_stored_run(store: SqlStore, run: str) -> Transcript:
    """Return what has happened in a run. Raises Refused where there is no such run, or it was deleted."""
    t = fold_all(Transcript(), await store.read(run))
    if t.start is None or t.deleted:
        raise Refused(f"There is no run “{run}”. `moot runs` lists them.")
    return t


def _read_text(path: Path) -> str:
    """Read a file of bounded length that Moot has written. Raises Refused."""
    try:
        return read_bounded(path, MAX_IMPORT_BYTES, ", which no run is").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is no text in UTF-8, so Moot has not written it.") from error


def read_showable(path: Path, read: Callable[[str], RunRecord], purpose: str) -> RunRecord:
    """Read a record from a file, and try to show it. `purpose`: "imported". Raises Refused."""
    try:
        record = read(_read_text(path))
        _require_showable(record)
    except Unreadable as error:
        raise Refused(f"{path} cannot be {purpose}: {error}.") from error
    return record


def _require_showable(record: RunRecord) -> None:
    """Raise Unreadable where the facts of a record cannot have come about in a run: nobody could read it."""
    t = fold_all(Transcript(), record.entries)
    if t.started.format not in FORMATS:
        raise Unreadable(f"its format “{t.started.format}” is unknown here")
    try:
        replay_thread(record.entries, FORMATS[t.started.format], time.time())
    except Exception as error:  # whatever breaks on it would break wherever it is shown
        raise Unreadable(f"its facts do not fit together ({type(error).__name__})") from error


def _show_markdown(t: Transcript, record: RunRecord) -> str:
    return render_markdown(t, replay_thread(t.entries, FORMATS[t.started.format], time.time()))


def _draw_card(t: Transcript, record: RunRecord) -> bytes:
    """Draw a run as a picture. Raises Refused, and Misconfigured where what draws it is not installed."""
    try:
        from bot.records.card_picture import to_png  # an extra, which may not be there
    except ImportError as error:
        raise Misconfigured("The card needs a library that is not installed: pip install 'moot[cards]'.") from error
    return to_png(draw_card(t, record.run, time.time()))


_FORMS: dict[str, Callable[[Transcript, RunRecord], str | bytes]] = {
    "md": _show_markdown,
    "json": lambda t, record: write_record(record),
    "html": lambda t, record: render_page(record, time.time()),
    "card": _draw_card,
}
