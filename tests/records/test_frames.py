"""Snapshots are thinned to what a replay needs, and tell the same texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.run import TurnId
from bot.ports.store import Snapshot, last_texts
from bot.records.frames import thin_snapshots
from storage.batch import common_length
from tests.support.stores import replay_snapshots

ADA, BOB = TurnId("answer", 1, "ada"), TurnId("answer", 1, "bob")
SHOWN = st.tuples(st.floats(0, 9), st.sampled_from([ADA, BOB]), st.text("ab", max_size=6))


def make_snapshots(shown: list[tuple[float, TurnId, str]]) -> list[Snapshot]:
    """Return the snapshots that a store keeps of what was shown, in order of time."""
    texts: dict[TurnId, str] = {}
    shots: list[Snapshot] = []
    for at, turn, text in sorted(shown):
        kept = common_length(texts.get(turn, ""), text)
        shots.append(Snapshot(turn, at, kept, text[kept:]))
        texts[turn] = text
    return shots


@given(st.lists(SHOWN, max_size=30), st.integers(1, 6))
def test_what_is_kept_reads_as_it_read_then_and_the_end_is_kept(
    shown: list[tuple[float, TurnId, str]], most: int
) -> None:
    shots = make_snapshots(shown)
    thinned = thin_snapshots(shots, most)
    read = set(replay_snapshots(shots))
    assert set(replay_snapshots(thinned)) <= read
    assert last_texts(thinned) == last_texts(shots)
    for turn in (ADA, BOB):
        before, after = ([s for s in some if s.turn == turn] for some in (shots, thinned))
        assert after == before if len(before) <= most else 0 < len(after) <= most


def test_frames_are_spread_evenly_in_time() -> None:
    shots = [Snapshot(ADA, float(n), n, "x") for n in range(100)]
    assert [s.at for s in thin_snapshots(shots, 4)] == [24.0, 49.0, 74.0, 99.0]
