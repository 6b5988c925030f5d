"""A run as it came to be: every text that its thread showed, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from bot.domain.facts import Claimed, Fact, ThinkingSeen, TurnEnded, TurnStarted, ViewAttached
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry, Transcript, fold_all, in_rows
from bot.engine.thread import Post, plan_set_aside, thread_posts, turn_posts, without_links
from bot.formats.plan import Format, Plan
from bot.ports.store import Snapshot

Moment = tuple[Transcript, Fact]  # a fact, and the transcript after it
UNPLANNED = (Claimed, TurnStarted, ThinkingSeen, ViewAttached)  # facts that change no card: a plan takes long
OF_TURNS = ("titles", "footers", "hidden_lanes", "unstreamed_stages", "outcome_stages")  # what a turn's post reads by


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
    moments: list[Moment] = []
    for row in in_rows(entries):
        t = fold_all(t, row)
        moments.append((t, row[0].fact))
    plans = _list_plans(moments, form)
    for n, (t, fact) in enumerate(moments):
        if n in plans:
            before, plan = plan, plans[n]
            alone = isinstance(fact, TurnEnded) and _are_alike(before, plan, OF_TURNS)
            changed = [turn for turn in t.turns.values() if turn.ended is fact] if alone else None
            yield t.at, thread_posts(t, plan, changed)
        elif isinstance(fact, TurnStarted):
            yield t.at, turn_posts(t, t.turns[fact.turn], plan)
    yield t.at, thread_posts(t, form.plan(t, max(t.at, now)))


def _list_plans(moments: Sequence[Moment], form: Format) -> dict[int, Plan]:
    """Return the plans of moments, by their place, but of those that change no card.

    Where turns end one after the other and all reads by the last plan as by the first one, it does so between as well:
    a plan takes long. What is hidden for a while is not found so, and is planned at each moment.
    """
    plans: dict[int, Plan] = {}

    def plan_between(places: Sequence[int]) -> None:
        first, last = places[0], places[-1]
        for n in {first, last} - plans.keys():
            plans[n] = form.plan(moments[n][0], moments[n][0].at)
        if len(places) > 2 and _are_alike(plans[first], plans[last], (*OF_TURNS, "cards")):
            plans.update(dict.fromkeys(places[1:-1], plans[first]))
        elif len(places) > 2:
            middle = len(places) // 2
            plan_between(places[: middle + 1])
            plan_between(places[middle:])

    planned = [n for n, (_, fact) in enumerate(moments) if not isinstance(fact, UNPLANNED)]
    for ends, group in groupby(planned, lambda n: _ends_openly(*moments[n])):
        places = list(group)
        for part in [places] if ends else [[n] for n in places]:
            plan_between(part)
    return plans


def _ends_openly(t: Transcript, fact: Fact) -> bool:
    """Return whether a turn has ended in a run in which nothing is hidden for a while."""
    return isinstance(fact, TurnEnded) and t.start is not None and t.started.rules.veil.reveal == "live"


def _are_alike(one: Plan, other: Plan, names: Iterable[str]) -> bool:
    """Return whether these fields of two plans are the same."""
    return all(getattr(one, name) == getattr(other, name) for name in names)


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
