"""What the store forgets, and when."""

from __future__ import annotations

import itertools
import math

import pytest

from bot.domain.facts import CaughtUp, Deleted, Fact, Interjected
from bot.domain.run import TurnId
from bot.ports.store import last_texts
from bot.records.frames import FRAMES_KEPT
from storage import open_store
from storage.locations import Location
from storage.picture_rows import PIECE_BYTES
from storage.store import EVENTS_KEPT_S
from tests.support.kept_runs import find_words
from tests.support.stores import replay_snapshots
from tests.support.transcripts import make_start

START = make_start("compare")


def remark(text: str) -> Interjected:
    return Interjected("ann", text)


@pytest.mark.parametrize("end", [CaughtUp(), Deleted("ann")])
async def test_of_a_run_that_is_over_as_much_is_kept_as_a_replay_needs(location: Location, end: Fact) -> None:
    ada, bob = TurnId("answer", 1, "ada"), TurnId("answer", 1, "bob")
    async with open_store(location, clock=itertools.count(1.0).__next__) as store:
        for run in ("r", "other"):
            await store.append(run, [START])
            for n in range(2 * FRAMES_KEPT):
                await store.snapshot(run, ada, "word " * n)
            for text in ("It", "It depends", "No"):
                await store.snapshot(run, bob, text)
        before = set(replay_snapshots(await store.snapshots("r")))
        await store.append("r", [end])
        kept = list(replay_snapshots(await store.snapshots("r")))
        assert set(kept) <= before
        assert len([shot for shot in kept if shot[0] == ada]) == FRAMES_KEPT
        assert [text for turn, _, text in kept if turn == bob] == ["It", "It depends", "No"]
        assert last_texts(await store.snapshots("r")) == {ada: "word " * (2 * FRAMES_KEPT - 1), bob: "No"}
        assert len(await store.snapshots("other")) == 2 * FRAMES_KEPT + 2


async def test_what_nothing_needs_is_forgotten_in_time(location: Location) -> None:
    ada = TurnId("answer", 1, "ada")
    now = 0.0
    async with open_store(location, clock=lambda: now) as store:
        await store.append("r", [START], key="early")
        await store.append("r", [CaughtUp()])
        for n in range(2 * FRAMES_KEPT):  # as an earlier version has left it
            await store.snapshot("r", ada, f"It depends {n}")
        now = EVENTS_KEPT_S
        await store.append("r", [remark("hello")], key="late")
        await store.tidy()
        await store.append("r", [remark("again")], key="early")  # at the moment of its age it still counts
        now += 1.0
        await store.tidy()
        assert len(await store.snapshots("r")) == 1  # they came at the same moment
        await store.append("r", [remark("again")], key="late")
        assert len(await store.read("r")) == 3
    assert find_words(location, "early", "late") == ["late"]


@pytest.mark.parametrize("end", [CaughtUp(), Deleted("ann")])
async def test_a_picture_is_kept_once_until_the_last_run_that_shows_it_is_over(location: Location, end: Fact) -> None:
    picture = bytes(range(256)) * 2_000
    async with open_store(location, clock=itertools.count(1.0).__next__) as store:
        digests = {await store.keep_picture(run, by, "s", picture) for run, by in (("a", "ann"), ("b", "ben"))}
        [digest] = digests
        assert await store.keep_picture("c", "ann", "s", None, digest) == digest
        other = await store.keep_picture("c", "ann", "t", b"another")
        assert await store.picture_bytes("ann", "s") == (len(picture) + 7, len(picture), len(picture) + 7)
        for run in ("a", "b", "c"):
            await store.append(run, [START])
        for run in ("a", "b"):
            await store.append(run, [end])
            assert await store.picture_size(digest) == len(picture)
        pieces = [await store.picture_piece(digest, number) for number in range(math.ceil(len(picture) / PIECE_BYTES))]
        assert b"".join(piece or b"" for piece in pieces) == picture
        await store.append("c", [end])
        assert [await store.picture_size(kept) for kept in (digest, other)] == [None, None]
        assert await store.picture_piece(digest, 0) is None
        assert await store.picture_bytes("ann", "s") == (0, 0, 0)


async def test_a_picture_of_a_run_that_never_began_goes_in_time(location: Location) -> None:
    now = 0.0
    async with open_store(location, clock=lambda: now) as store:
        await store.append("open", [START])
        digests = [await store.keep_picture(run, "ann", "s", run.encode()) for run in ("never", "open")]
        now = EVENTS_KEPT_S + 1.0
        await store.tidy()
        assert [await store.picture_size(digest) for digest in digests] == [None, 4]
