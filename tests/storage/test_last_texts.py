"""Snapshots become the text that was shown last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.run import TurnId
from bot.ports.store import Snapshot, last_texts
from tests.support.stores import replay_snapshots

TURNS = st.sampled_from([TurnId("answer", 1, "ada"), TurnId("answer", 1, "bob")])
SNAPSHOTS = st.builds(Snapshot, TURNS, st.just(0.0), st.integers(0, 8), st.text("abc", max_size=5))


@given(st.lists(SNAPSHOTS, max_size=12))
def test_the_last_text_is_the_one_that_all_snapshots_come_to(snapshots: list[Snapshot]) -> None:
    assert last_texts(snapshots) == {turn: text for turn, _, text in replay_snapshots(snapshots)}
