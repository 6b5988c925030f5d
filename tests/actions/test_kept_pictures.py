"""Pictures of a request are kept once while a run shows them, within bounds of a person, a server and all."""

from __future__ import annotations

import base64
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.actions import pictures
from bot.actions.permissions import Person
from bot.actions.pictures import PictureKeeper
from bot.domain.facts import CaughtUp
from bot.domain.run import Image
from bot.errors import Refused
from storage import SqlStore, open_store
from tests.support.transcripts import make_start

ANN, BEN, CYD = Person("ann", "Ann", "one"), Person("ben", "Ben", "one"), Person("cyd", "Cyd", "two")


def draw(data: bytes) -> Image:
    return Image("cat.png", "image/png", base64.b64encode(data).decode())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    async with open_store(tmp_path / "moot.db", clock=itertools.count(1.0).__next__) as opened:
        yield opened


async def test_a_run_that_is_asked_again_shares_its_pictures_until_they_are_let_go(store: SqlStore) -> None:
    keeper = PictureKeeper(store)
    [kept] = first = await keeper.keep("first", ANN, [draw(b"a cat")])
    assert (kept.name, kept.data, len(kept.digest)) == ("cat.png", "", 64)
    assert await keeper.keep("again", BEN, first) == first
    assert await store.picture_bytes("ben", "one") == (5, 5, 5)
    for run in ("first", "again"):
        await store.append(run, [make_start("compare"), CaughtUp()])
    with pytest.raises(Refused, match="is no longer kept"):
        await keeper.keep("late", ANN, first)


@pytest.mark.parametrize(
    ("bound", "refused"), [("MAX_BYTES_OF_ONE", [ANN]), ("MAX_BYTES_OF_SERVER", [ANN, BEN]), ("MAX_BYTES", [ANN, CYD])]
)
async def test_pictures_are_bounded(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, bound: str, refused: list[Person]
) -> None:
    monkeypatch.setattr(pictures, bound, 9)
    keeper = PictureKeeper(store)
    await keeper.keep("r", ANN, [draw(b"a cat")])
    for person in refused:
        with pytest.raises(Refused, match=r"wait until one ends|ask again when one has ended"):
            await keeper.keep(f"of {person.key}", person, [draw(person.key.encode() * 2)])


async def test_a_picture_from_before_is_kept_as_well(store: SqlStore) -> None:
    """In facts of earlier versions the data stands in the fact; Run again of such a run moves it out."""
    old = draw(b"a cat")
    assert (await PictureKeeper(store).keep("r", ANN, [old]))[0] == replace(
        old, data="", digest=(await store.keep_picture("s", "ann", "one", b"a cat"))
    )
