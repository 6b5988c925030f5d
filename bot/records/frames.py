"""What lanes showed over time: the frames that a replay needs, and no more of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from bot.domain.run import TurnId
from bot.ports.store import Snapshot, last_texts

FRAMES_KEPT = 32  # of a turn, so that a replay of it still grows by small steps, at the size of its text


def thin_snapshots(snapshots: Iterable[Snapshot], most: int = FRAMES_KEPT) -> list[Snapshot]:
    """Return at most so many snapshots of each turn, evenly in time, the last one among them.

    Each tells its text by the one before it, as all snapshots do. Turns that have no more come back as they are. The
    order is that of the turns' first snapshots.
    """
    by_turn: dict[TurnId, list[Snapshot]] = {}
    for snapshot in snapshots:
        by_turn.setdefault(snapshot.turn, []).append(snapshot)
    return [kept for shots in by_turn.values() for kept in (shots if len(shots) <= most else _thin_turn(shots, most))]


def _thin_turn(shots: Sequence[Snapshot], most: int) -> Iterator[Snapshot]:
    begin, span = shots[0].at, (shots[-1].at - shots[0].at) or 1.0

    def slot(shot: Snapshot) -> int:
        return min(most - 1, int((shot.at - begin) / span * most))

    return (_merge_steps(tuple(steps)) for _, steps in groupby(shots, slot))


def _merge_steps(steps: Sequence[Snapshot]) -> Snapshot:
    """Return one snapshot that does what these do one after the other."""
    kept = min(step.kept for step in steps)
    since = max(i for i, step in enumerate(steps) if step.kept == kept)  # of those before, nothing else is left
    rest = [replace(step, kept=step.kept - kept) for step in steps[since:]]
    return replace(steps[-1], kept=kept, text=last_texts(rest)[steps[-1].turn])
