"""A run as it came to be: every text that its thread showed, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from bot.domain.facts import Claimed, ThinkingSeen, TurnEnded, TurnStarted, ViewAttached
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry, Transcript, fold_all, in_rows
from bot.engine.thread import Post, plan_set_aside, thread_posts, turn_posts, without_links
from bot.formats.plan import Format, Plan
from bot.ports import Snapshot

UNPLANNED = (Claimed, TurnStarted, ThinkingSeen, ViewAttached)  # facts that change no card: a plan takes long


class Frame(NamedTuple):
    """A post as it read from the wall time `at` on; `growing`: its turn was still speaking."""

    at: float
    post: Post
    growing: bool = False


def list_frames(entries: Sequence[Entry], snapshots: Iterable[Snapshot], form: Format, now: float) -> list[Frame]:
    """Return the frames of a run in order of time; the last of each lane is how it reads at wall time `now`.

    Texts that were hidden while they grew appear when people could read them.
    """
    frames: list[Frame] = []
    latest: dict[LaneId, Post] = {}
    for at, read in _list_threads(entries, form, now):
        posts = [without_links(post) for post in read]
        said = [post for post in posts if post.lane in latest or not post.is_nothing]
        new = [post for post in said if _reading(latest.get(post.lane)) != _reading(post)]
        frames += [Frame(at, post) for post in new]
        latest.update((post.lane, post) for post in posts)
    return list(_with_growth(frames, snapshots))


def last_posts(frames: Iterable[Frame]) -> dict[LaneId, Post]:
    """Return how each lane reads at the end, in the order in which they appeared."""
    last = {frame.post.lane: frame.post for frame in frames}
    return {lane: post for lane, post in last.items() if not post.is_nothing}


def _list_threads(entries: Sequence[Entry], form: Format, now: float) -> Iterator[tuple[float, list[Post]]]:
    """Yield the posts that each fact may have changed, and all of `now`. A run that was set aside is never planned."""
    whole = fold_all(Transcript(), entries)
    if whole.set_aside:
        yield whole.at, thread_posts(whole, plan_set_aside(whole))
        return
    t, plan = Transcript(), Plan()
    for row in in_rows(entries):
        t = fold_all(t, row)
        fact = row[0].fact
        if not isinstance(fact, UNPLANNED):
            before, plan = plan, form.plan(t, t.at)
            alone = isinstance(fact, TurnEnded) and _shows_turns_alike(before, plan)
            changed = [turn for turn in t.turns.values() if turn.ended is fact] if alone else None
            yield t.at, thread_posts(t, plan, changed)
        elif isinstance(fact, TurnStarted):
            yield t.at, turn_posts(t, t.turns[fact.turn], plan)
    yield t.at, thread_posts(t, form.plan(t, max(t.at, now)))


def _shows_turns_alike(before: Plan, after: Plan) -> bool:
    """Return whether a turn that is as it was reads by one plan as by the other."""
    names = ("titles", "footers", "hidden_lanes", "unstreamed_stages", "outcome_stages")
    return all(getattr(before, name) == getattr(after, name) for name in names)


def _reading(post: Post | None) -> tuple[str | None, ...]:
    """Return what people read of a post, buttons apart."""
    return (post.title, post.text, post.footer, post.placeholder) if post else ()


def _with_growth(frames: Sequence[Frame], snapshots: Iterable[Snapshot]) -> Iterator[Frame]:
    """Yield the frames, and between them the texts of turns that grew for all to see."""
    hidden = _list_hidden(frames)
    texts: dict[TurnId, str] = {}
    latest: dict[LaneId, Post] = {}
    moments: list[Frame | Snapshot] = [*frames, *snapshots]
    for moment in sorted(moments, key=lambda moment: moment.at):
        if isinstance(moment, Frame):
            latest[moment.post.lane] = moment.post
            yield moment
            continue
        turn, lane = moment.turn, moment.turn.lane
        texts[turn] = texts.get(turn, "")[: moment.kept] + moment.text
        if lane in latest and latest[lane].text is None and lane not in hidden:
            yield Frame(moment.at, replace(latest[lane], text=texts[turn]), growing=True)


def _list_hidden(frames: Iterable[Frame]) -> set[LaneId]:
    """Return the lanes that said that they were done before they could be read."""
    placeholders: dict[LaneId, set[str]] = {}
    for _, post, _ in frames:
        if post.text is None:
            placeholders.setdefault(post.lane, set()).add(post.placeholder)
    return {lane for lane, said in placeholders.items() if len(said) > 1}
