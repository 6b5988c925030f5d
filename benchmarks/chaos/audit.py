"""The audit of what the bot leaves behind: only platforms, the models' calls and the database are looked at."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.chaos.models import KEY, TAG, Call
from benchmarks.chaos.places import Place, Post
from benchmarks.chaos.runs import SKIPPED_SO, VOTED, Asked
from benchmarks.report import Bar
from bot.domain.facts import SkipAsked, TurnEnded
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, Turn, fold_all
from bot.ports.store import PostedPage
from storage import open_store
from storage.locations import Location
from storage.store import SqlStore

SHOWN = 20  # broken promises that are printed whole
PAGE_CHARS = 1_000  # every message holds as many
HEARD_WITHIN_S = 2.0  # until a skip has an effect at the latest, in a process that owns the run
SLACK_S = 0.5  # between a wall time of the bot's and one of ours
KILL_PROMISES = (
    "runs started = finished",
    "runs as people know them",
    "votes counted once",
    "skips counted once",
    "messages once",
    "final texts",
    "billed",
    "nothing left",
)
FAULT_PROMISES = ("runs started = finished", "messages once", "final texts", "nothing left")
_COUNTS = re.compile(r"Votes: (.+?)\.(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Found:
    """A broken promise: its name, and what broke it."""

    promise: str
    what: str


@dataclass
class Ledger:
    """The database as it stands: the transcript and the posted pages of each run."""

    runs: dict[str, Transcript] = field(default_factory=dict)
    placed: dict[str, list[PostedPage]] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)  # runs whose end is not shown yet

    def is_finished(self, now: float) -> bool:
        """Return whether every run has ended and is shown, and the vote after it is over."""
        votes_end = (t.finished_at + t.started.rules.vote_s for t in self.runs.values())
        return not self.behind and all(t.finished for t in self.runs.values()) and now > max(votes_end, default=0.0)


async def read_ledger(store: SqlStore) -> Ledger:
    ledger = Ledger()
    for row in await store.runs(limit=100_000):
        ledger.runs[row.run] = fold_all(Transcript(), await store.read(row.run))
        ledger.placed[row.run] = [placed for placed in await store.posted_pages(row.run) if placed.ref]
    ledger.behind = await store.unfinished_runs()
    return ledger


async def read_running_ledger(location: Location) -> Ledger:
    """Read the ledger while the bot writes the database."""
    async with open_store(location, clock=time.time, read_only=True) as store:
        return await read_ledger(store)


class Skip(NamedTuple):
    """A skip that is stored: its turn, how that ended, "" where it did not, and how long after (seconds)."""

    turn: TurnId
    finish: str
    waited_s: float


def list_skips(t: Transcript) -> list[Skip]:
    """Return the skips of a run."""
    ends = {e.fact.turn: (e.fact.finish, e.at) for e in t.entries if isinstance(e.fact, TurnEnded)}
    skips = []
    for entry in t.entries:
        if isinstance(entry.fact, SkipAsked):
            finish, at = ends.get(entry.fact.turn, ("", entry.at))
            skips.append(Skip(entry.fact.turn, finish, at - entry.at))
    return skips


@dataclass
class Audit:
    """An audit of all promises, each of them a method.

    `kills`: the wall times between which each may have taken a run away; `usual`: format → the outcome without kills;
    `touched`: boards under which others than the bot have taken messages away.
    """

    ledger: Ledger
    places: Sequence[Place]
    calls: Sequence[Call]
    asked: Sequence[Asked]
    kills: Sequence[tuple[float, float]] = ()
    usual: Mapping[str, str] = field(default_factory=dict)
    touched: Set[str] = frozenset()

    def check_after_kills(self) -> list[Found]:
        return [
            *_list_broken("runs started = finished", self._check_ends()),
            *_list_broken("runs as people know them", self._check_known_runs()),
            *_list_broken("votes counted once", self._check_votes()),
            *_list_broken("skips counted once", self._check_skips()),
            *_list_broken("messages once", self._check_messages()),
            *_list_broken("final texts", self._check_texts()),
            *_list_broken("billed", self._check_calls()),
            *_list_broken("nothing left", self._check_leftovers()),
        ]

    def check_after_faults(self) -> list[Found]:
        """Check the promises that also hold under faults.

        A turn may be asked again then, and people may wait in vain where messages were taken away.
        """
        return [
            *_list_broken("runs started = finished", self._check_ends()),
            *_list_broken("messages once", self._check_messages()),
            *_list_broken("final texts", self._check_texts()),
            *_list_broken("nothing left", self._check_leftovers()),
        ]

    @property
    def usual_share(self) -> float:
        """Return the share of runs that have the outcome of their kind without kills."""
        ends = [(t.started.format, t.finished.outcome if t.finished else "") for t in self.ledger.runs.values()]
        return sum(self.usual.get(kind, "") == outcome for kind, outcome in ends) / max(1, len(ends))

    def _check_ends(self) -> Iterator[str]:
        for run, t in self.ledger.runs.items():
            if t.finished is None:
                open_ = [str(i) for i, turn in t.turns.items() if turn.ended is None]
                yield f"{run} ({t.started.format}) has no end; open: {', '.join(open_) or 'nothing'}"

    def _check_known_runs(self) -> Iterator[str]:
        """Check that each run that was seen to begin is stored once, and has one end card."""
        tags = Counter(tag for t in self.ledger.runs.values() if t.started.format != "summary" for tag in _find_tags(t))
        for asked in self.asked:
            if tags[asked.tag] > 1:
                yield f"{asked.tag} was started {tags[asked.tag]} times"
            if asked.run and asked.run not in self.ledger.runs:
                yield f"{asked.tag}: the run {asked.run} has a board and is not stored"
            if asked.run and (ends := len(self._find_end_cards(asked))) != 1:
                yield f"{asked.tag} ({asked.kind} on {asked.place.name}, {asked.run}) has {ends} end cards"

    def _check_votes(self) -> Iterator[str]:
        for asked in self.asked:
            if asked.run not in self.ledger.runs:
                continue
            t = self.ledger.runs[asked.run]
            cast = {by: seat for (by, round_), seat in t.votes.items() if round_ > 0}
            for by in {vote.by for vote in asked.votes}:
                theirs = [vote for vote in asked.votes if vote.by == by]
                told = [n for n, vote in enumerate(theirs) if vote.told.startswith(VOTED)]
                if told and cast.get(by) not in {vote.seat for vote in theirs[told[-1] :]}:
                    yield f"{asked.run}: {by} was told “{theirs[told[-1]].told}” and has {cast.get(by)}"
            lines = [line for end in self._find_end_cards(asked) for line in _COUNTS.findall(end.text)]
            counted = sum(int(n) for line in lines for n in re.findall(r" (\d+)(?:,|$)", line))
            if counted != len(cast):
                yield f"{asked.run}: {len(cast)} have voted, and the end card counts {counted}"

    def _check_skips(self) -> Iterator[str]:
        """Check that each skip whose person was told so is stored once, and that its turn did not go on to its end."""
        for asked in self.asked:
            if (t := self.ledger.runs.get(asked.run)) is None:
                continue
            skips, told = list_skips(t), sum(said.endswith(SKIPPED_SO) for said in asked.skips)
            if told > len(skips):
                yield f"{asked.run}: {told} skips were told, and {len(skips)} are stored"
            for skip in skips:
                if skip.finish == "done" and skip.waited_s > HEARD_WITHIN_S:
                    yield f"{asked.run}: {skip.turn} went on for {skip.waited_s:.2f} s after its skip, to its end"

    def _find_end_cards(self, asked: Asked) -> list[Post]:
        """Return the end cards of that run; there should be one."""
        board = asked.place.find_board(asked.tag)
        thread = asked.place.read_thread(board) if board else []
        return [post for post in thread if post.find_button("follow_up") and post.run == asked.run]

    def _list_boards(self) -> Iterator[tuple[Place, Post, list[Post]]]:
        """Yield boards with the messages of their threads, but for those that others have touched."""
        for place in self.places:
            for board in place.list_boards():
                if board.ref not in self.touched:
                    yield place, board, place.read_thread(board)

    def _check_messages(self) -> Iterator[str]:
        """Check that every message of the bot is a page of a lane, that each page stands once, and none is missing."""
        pages = {p.ref: (run, p) for run, placed in self.ledger.placed.items() for p in placed}
        standing: set[str] = set()
        hidden: set[str] = set()  # runs under touched boards
        for place in self.places:
            hidden |= {pages[b.ref][0] for b in place.list_boards() if b.ref in self.touched and b.ref in pages}
        for place, board, thread in self._list_boards():
            for post in (board, *thread):
                standing.add(post.ref)
                if post.ref not in pages:
                    yield f"{place.name}: {post.ref} is no page of a run: {post.seat} {post.text[:80]!r}"
            heads = Counter(m[0] for post in thread if post.seat and (m := KEY.search(post.text)))
            yield from (f"{place.name}: {n} messages of one turn, {key}" for key, n in heads.items() if n > 1)
        for ref, (run, p) in pages.items():
            if ref not in standing and run not in hidden and self._has_board(run):
                yield f"{run}: {p.lane} page {p.page} stands nowhere ({ref})"

    def _has_board(self, run: str) -> bool:
        """Return whether the run has a board that nobody has touched; a summary has none of its own."""
        return not self.touched or self.ledger.runs[run].started.format != "summary"

    def _check_texts(self) -> Iterator[str]:
        """Check that the text that the models sent is stored, and is what people read."""
        sent: defaultdict[str, set[str]] = defaultdict(lambda: {""})
        for call in self.calls:
            sent[call.key].add(call.text)
        posts = {post.ref: post for _, _, thread in self._list_boards() for post in thread}
        for run, t in self.ledger.runs.items():
            for turn in t.turns.values():
                if turn.ended is None:
                    continue
                said, known = turn.ended.text, sent[_find_key(turn)]
                if said not in known if turn.ended.finish == "done" else not any(s.startswith(said) for s in known):
                    yield f"{run} {turn.id} ({turn.ended.finish}): {said[:60]!r} is stored, and was not sent so"
            last = {turn.id.lane: turn for turn in t.turns.values()}
            for p in self.ledger.placed[run]:
                if p.lane in last and p.ref in posts and not _has_text(posts[p.ref], last[p.lane].text):
                    yield f"{run} {p.lane} reads {posts[p.ref].text[:60]!r} in the end"

    def _check_calls(self) -> Iterator[str]:
        """Check that a turn is asked at most once, and once more for each kill that fell while it was open."""
        asked: defaultdict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            asked[call.key].append(call)
        taken: set[str] = set()
        silent: Counter[tuple[str, str]] = Counter()  # by question and model: turns that left no text
        for run, t in self.ledger.runs.items():
            ends = {e.fact.turn: e.at for e in t.entries if isinstance(e.fact, TurnEnded)}
            for turn in t.turns.values():
                key = _find_key(turn)
                taken.add(key)
                end = ends.get(turn.id, float("inf"))
                since = turn.started.at - SLACK_S
                fell = sum(first <= end + SLACK_S and since <= last for first, last in self.kills)
                if key and len(asked[key]) > 1 + fell:
                    calls = ", ".join(f"{call.at:.2f} to {call.ended_at or 0.0:.2f}" for call in asked[key])
                    yield f"{run} {turn.id} was asked {calls}, with {fell} kills {turn.started.at:.2f} to {end:.2f}"
                if not key:
                    silent.update((tag, _find_model(t, turn)) for tag in _find_tags(t))
        strange = Counter(
            (call.tag, call.model) for call in {c.key: c for c in self.calls if c.key not in taken}.values()
        )
        for (tag, model), n in strange.items():
            if n > silent[tag, model]:
                yield f"{tag}: {model} was asked {n} questions that belong to no turn"

    def _check_leftovers(self) -> Iterator[str]:
        for run, t in self.ledger.runs.items():
            if open_ := [str(i) for i, turn in t.turns.items() if turn.ended is None and t.finished]:
                yield f"{run} is over, and open: {', '.join(open_)}"
        yield from (f"{run}: its end is not shown" for run in self.ledger.behind)
        if running := sum(call.ended_at is None for call in self.calls):
            yield f"{running} answers are still being sent"


def make_promise_bars(scene: str, promises: Sequence[str], found: Sequence[Found]) -> list[Bar]:
    """Return a bar for each promise: how often it was broken."""
    broken = Counter(f.promise for f in found)
    return [Bar(f"{scene}: {promise}", broken[promise], 0, "broken") for promise in promises]


def print_broken(found: Sequence[Found]) -> None:
    """Print broken promises, the first ones whole."""
    for broken in found[:SHOWN]:
        print(f"{broken.promise}: {broken.what}")


def _list_broken(promise: str, broken: Iterable[str]) -> list[Found]:
    return [Found(promise, what) for what in broken]


def _has_text(post: Post, text: str) -> bool:
    """Return whether people read this text, or as much of it as one message takes."""
    return " ".join(text[:PAGE_CHARS].split()) in " ".join(post.text.split())


def _find_tags(t: Transcript) -> list[str]:
    return TAG.findall(t.started.question)[:1]


def _find_key(turn: Turn) -> str:
    found = KEY.search(turn.ended.text) if turn.ended else None
    return found[0] if found else ""


def _find_model(t: Transcript, turn: Turn) -> str:
    return next(seat.model for seat in t.started.panel.everyone() if seat.key == turn.id.seat)
