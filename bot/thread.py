"""A run as people read it: its messages in order, derived from its facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.formats.common import seat_of
from bot.formats.plan import Format, Plan
from bot.live.board import footer, mark
from bot.ports import Kind
from bot.transcript import Entry, Lane, Transcript, fold


@dataclass(frozen=True, slots=True)
class Post:
    """One lane of the thread. `text` None: it is being written."""

    lane: Lane
    kind: Kind
    title: str
    text: str | None
    footer: str = ""
    placeholder: str = ""


def posts(t: Transcript, plan: Plan) -> list[Post]:
    """What stands in the thread now: turns in the order of their starts, then the cards."""
    found: dict[Lane, Post] = {}
    for turn in t.turns.values():
        if turn.id.stage in plan.hidden:
            continue
        seat, lane = seat_of(t, turn.id), turn.id.lane
        title = f"{mark(t, seat.key)} {plan.titles.get(lane, seat.name)}"
        text, note = (turn.ended.text, footer(turn.ended, seat.price)) if turn.ended else (None, "")
        found[lane] = Post(lane, "turn", title, text, note, f"{seat.name} is thinking…")
    cards = [Post(lane, "card", plan.titles.get(lane, ""), text) for lane, text in plan.cards.items()]
    return [*found.values(), *cards]


def replay(entries: Iterable[Entry], form: Format) -> list[Post]:
    """The whole thread of a stored run, each message where it first appeared, as it read last."""
    t = Transcript()
    thread: dict[Lane, Post] = {}
    for entry in entries:
        t = fold(t, entry)
        thread.update((post.lane, post) for post in posts(t, form.plan(t, t.at)))
    return list(thread.values())
