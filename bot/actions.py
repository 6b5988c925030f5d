"""Everything people can do. What may be done, by whom and by how much, is decided here and in `bot.rights` alone.

Each action returns the sentence that its person is told, or raises Refused with one. A wish is stored as a fact
before it acts: the process that conducts the run may be another one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from bot.debating import Debating
from bot.errors import Refused, StoreFailed
from bot.facts import (
    Deleted,
    Fact,
    Interjected,
    Lane,
    Origin,
    Removed,
    RetryAsked,
    Rules,
    RunStarted,
    SkipAsked,
    SkipWished,
    Stopped,
    TurnId,
    ViewAttached,
    VoteCast,
    VoteClosed,
    VoteWithdrawn,
)
from bot.formats import FORMATS, minds
from bot.formats.choices import BESIDE, choices
from bot.formats.common import name_of, voting
from bot.formats.personas import LIBRARY
from bot.formats.plan import Format
from bot.hall import Hall
from bot.models.catalogue import Model
from bot.panels import PanelBook, near, present, seat_panel
from bot.pipelines import PipelineBook, attended, read_pipeline, seated
from bot.ports import Clock, RunRow, Show, Store
from bot.rights import Person, check_moderates, check_panels, check_start, check_steers, missing_voices, steers
from bot.room import Room
from bot.settings import CouncilSettings, LimitSettings, PanelSettings, ServerSettings
from bot.thread import Post, replay
from bot.transcript import Transcript, fold_all
from bot.wishes import Wish
from bot.words import Words

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes: people read run ids to each other


class Actions:
    """`why_absent(model)` tells why a model cannot be asked now ("set ANTHROPIC_API_KEY"), or None. `vote_s`: how
    long people may vote after the end."""

    def __init__(
        self,
        *,
        book: PanelBook,
        pipelines: PipelineBook,
        models: Mapping[str, Model],
        prompts: Mapping[str, str],
        limits: LimitSettings,
        server: Callable[[str], ServerSettings],
        vote_s: float,
        council: CouncilSettings,
        store: Store,
        hall: Hall,
        clock: Clock,
        why_absent: Callable[[Model], str | None],
        random: Random,
    ) -> None:
        self.book = book
        self.pipelines = pipelines
        self.models = models
        self._prompts = prompts
        self._limits = limits
        self._server = server
        self._vote_s = vote_s
        self._council = council
        self._store = store
        self._hall = hall
        self._clock = clock
        self._why_absent = why_absent
        self._random = random
        self._room = Room(limits, hall.going_on)
        self._words: dict[str, Words] = {}

    async def start(self, wish: Wish, show: Show) -> str:
        """Begin a run and show it; its id. Raises Refused."""
        check_start(wish.by, wish.channels, self._server(wish.by.server))
        form = self._form(wish.format)
        question = self._question(wish.question, wish.by)
        rounds = self._rounds(wish, form)
        seats = seat_panel(await self._panel(wish), self.models)
        panel, absent = present(seats, lambda seat: self._why_absent(self.models[seat.model]), *form.SEATS)
        with self._room.for_one(wish.by):
            run = "".join(secrets.choice(ALPHABET) for _ in range(8))
            surface = show(run, question)
            started = RunStarted(
                format=wish.format,
                question=question,
                panel=panel,
                rules=self._rules(wish, rounds, len(panel.seats), surface.room_chars),
                seed=self._random.getrandbits(32),
                prompts={name: self._prompts[name] for name in form.PROMPTS},
                by=wish.by.key,
                absent=absent,
                name=wish.by.name,
                server=wish.by.server,
                context=wish.context,
                images=wish.images,
                origin=wish.origin,
                steps=attended(wish.steps, panel),
            )
            await self._store.append(run, [started, *([ViewAttached(surface.address)] if surface.address else [])])
            await self._hall.begin(run, form, [surface])
        return run

    async def run_pipeline(self, name: str, wish: Wish, show: Show) -> str:
        """Begin a run of the pipeline of that name; its id. Raises Refused."""
        pipeline = read_pipeline(await self.pipelines.choose(name, wish.by.server))
        seats, steps = seated(pipeline, await self._panel(wish), self.models)
        run = await self.start(replace(wish, seats=seats, steps=steps, seated=True), show)
        await self.pipelines.count(name, wish.by.server)
        return run

    async def watch(self, run: str, by: Person, show: Show) -> str:
        """Show a run in one more place, from here on."""
        t = await self._open(run, by)
        if self._hall.transcript(run) is None:
            raise Refused("That run goes on in another process, so it cannot be shown here now.")
        surface = show(run, t.started.question)
        await self._store.append(run, [ViewAttached(surface.address)])
        self._hall.attach(run, surface)
        return f"Showing “{t.started.question[:80]}” here."

    async def transcript(self, run: str, by: Person) -> Transcript:
        """What has happened so far. Raises Refused when the person's server has no such run."""
        t = self._hall.transcript(run) or Transcript()
        try:
            t = fold_all(t, await self._store.read(run, t.seq))  # with what was stored a moment ago
        except StoreFailed:
            if t.start is None:
                raise
        if t.start is None or t.deleted or t.start.server != by.server:
            raise Refused(f"There is no run {run} here.")
        return t

    async def finished(self, run: str) -> Transcript | None:
        """Waits until the run is over and all of it is shown; None when it does not go on here."""
        return await self._hall.finished(run) if self._hall.transcript(run) else None

    async def runs(self, by: Person, limit: int) -> list[RunRow]:
        """Newest first."""
        return await self._store.runs(limit, by.server)

    async def thread(self, run: str, by: Person) -> list[Post]:
        """What stands in the thread of a run, as it read last; words of the server's list are blanked."""
        t, masked = await self.transcript(run, by), self.words(by.server).masked
        found = replay(t.entries, FORMATS[t.started.format])
        return [post if post.text is None else replace(post, text=masked(post.text)) for post in found]

    async def reads(self, run: str, lane: Lane, by: Person) -> tuple[str, str]:
        """Who says what in a lane, the text whole; of a card with a longer text behind it, that text."""
        t = await self.transcript(run, by)
        plan = FORMATS[t.started.format].plan(t, self._clock())
        if lane in plan.behind:
            return plan.titles[lane], plan.behind[lane]
        said = [turn for i, turn in t.turns.items() if i.lane == lane]
        if not said:
            raise Refused("Nothing has been said there.")
        if said[-1].removed:
            raise Refused("That was removed by a moderator.")
        text = said[-1].text or self._hall.reads(run, lane)
        return name_of(t, lane), self.words(by.server).masked(text)

    async def skip_seat(self, run: str, seat: str, by: Person) -> str:
        """Skip what that seat is saying now."""
        turns = (await self._open(run, by)).turns.values()
        speaking = next((turn.id for turn in turns if turn.id.seat == seat and not turn.ended), None)
        if speaking is None:
            raise Refused("That seat is not speaking, so there is nothing to skip.")
        return await self.skip(run, speaking, by)

    async def skip(self, run: str, turn: TurnId, by: Person) -> str:
        t = await self._open(run, by)
        turn = _newest(t, turn)
        known = t.turns.get(turn)
        if known is None or known.ended is not None:
            raise Refused("That turn is not running, so there is nothing to skip.")
        if not steers(by, t):
            await self._tell(run, SkipWished(turn, by.key))
            missing = missing_voices(
                await self._open(run, by), turn
            )  # counted once the wish is stored: nobody's is lost
            if missing > 0:
                return f"Noted: {name_of(t, turn)} is skipped once {missing} more of those present wish it."
        await self._tell(run, SkipAsked(turn, by.key))
        return f"{name_of(t, turn)} is skipped."

    async def retry(self, run: str, turn: TurnId, by: Person) -> str:
        t = await self._open(run, by)
        check_steers(by, t, "Retry")
        turn = _newest(t, turn)
        known = t.turns.get(turn)
        if known is None or known.ended is None or known.ended.finish != "failed":
            raise Refused("That turn has not failed, so there is nothing to ask again.")
        await self._tell(run, RetryAsked(turn, by.key))
        return f"{name_of(t, turn)} is asked again."

    async def vote(self, run: str, seat: str, by: Person, round_: int | None = None) -> str:
        """`round_` None: the latest."""
        t = await self._votable(run, by)
        name = choices(t).get(seat)
        if name is None:
            raise Refused("That seat is not at this table.")
        if round_ == minds.ROUND and not minds.undecided(t):
            raise Refused("Everyone has spoken, so it is too late to vote from before; vote again at the end.")
        if round_ is None:
            round_ = max((i.round for i in t.turns if i.seat == seat), default=1)
        before = t.votes.get((by.key, round_))
        await self._tell(run, VoteCast(by.key, round_, seat))
        changed = before is not None and before != seat
        vote = f"“{name}”" if seat in BESIDE else f"{name}'s"
        return f"Your vote is now {vote}." if changed else f"Your vote is {vote}."

    async def unvote(self, run: str, seat: str, by: Person, round_: int) -> str:
        """Take a vote away, where it is that seat's."""
        t = await self._votable(run, by)
        if t.votes.get((by.key, round_)) != seat:
            raise Refused("Your vote is not that seat's.")
        await self._tell(run, VoteWithdrawn(by.key, round_))
        return "Your vote is taken away."

    async def close_vote(self, run: str, by: Person) -> str:
        t = await self._votable(run, by)
        check_steers(by, t, "Closing the vote")
        await self._tell(run, VoteClosed(by.key))
        return "The vote is closed."

    async def say(self, run: str, text: str, by: Person, origin: Origin | None = None) -> str:
        """An interjection: everyone is told of it from their next turn on. With an `origin` it was sent here, and may
        be as long as a question."""
        await self._open(run, by)
        text = text.strip()
        if not text:
            raise Refused("There is nothing to pass on: write something first.")
        most = self._limits.question_chars if origin else self._limits.remark_chars
        if len(text) > most:
            raise Refused(f"A remark may have {most:,} characters; this has {len(text):,}.")
        self._check_words(text, by, "The remark")
        await self._tell(run, Interjected(by.key, text, by.name, origin))
        return "Passed on: everyone reads it from their next turn on."

    async def stop(self, run: str, by: Person) -> str:
        """End the run, keeping what is there."""
        check_steers(by, await self._open(run, by), "Stop")
        await self._tell(run, Stopped(by.key))
        return "Stopped; what was said is kept."

    async def remove(self, run: str, turn: TurnId, by: Person) -> str:
        """Blank a turn, for people and for later turns."""
        check_moderates(by, "Remove")
        t = await self.transcript(run, by)
        known = [i for i in t.turns if i.lane == turn.lane]
        if not known or t.turns[known[-1]].ended is None:
            raise Refused("That turn is not over yet; skip it first.")
        await self._tell(run, Removed(turn, by.key))
        return f"Removed what {name_of(t, turn)} said."

    async def delete(self, run: str, by: Person) -> str:
        """The run is gone for people; its messages are the platform's to delete."""
        t = await self.transcript(run, by)
        check_steers(by, t, "Delete")
        if t.finished is None:
            await self._tell(run, Stopped(by.key))
        await self._tell(run, Deleted(by.key))
        return "Deleted."

    async def save_panel(self, name: str, panel: PanelSettings, by: Person) -> str:
        check_panels(by, self._server(by.server), "Editing panels")
        seat_panel(panel, self.models)
        self._check_words(" ".join(seat.persona for seat in panel.seats), by, "A persona")
        await self.book.save(name, panel, by.server)
        return f"Panel “{name}”: {', '.join(seat.name or seat.model for seat in panel.seats)}."

    async def make_usual(self, name: str, by: Person, channel: str = "") -> str:
        check_panels(by, self._server(by.server), "Choosing the usual panel")
        await self.book.choose(name, by.server)
        await self.book.make_usual(name, by.server, channel)
        return f"“{name}” is now the usual panel {'of this channel' if channel else 'here'}."

    async def save_pipeline(self, name: str, text: str, by: Person) -> str:
        """Keep a pipeline, written as TOML, for the person's server."""
        check_panels(by, self._server(by.server), "Editing pipelines")
        pipeline = read_pipeline(text)
        seated(pipeline, await self.book.choose("", by.server), self.models)
        self._check_words(" ".join(step.prompt for step in pipeline.steps.values()), by, "A step's prompt")
        await self.pipelines.save(name, text, by.server)
        return f"Pipeline “{name}”: {', '.join(pipeline.steps)}."

    async def left(self, server: str) -> None:
        """The bot is no longer in that server: what runs for it ends, so that nobody pays for what nobody sees."""
        for run in self._hall.runs(server):
            await self._tell(run, Stopped("the server left"))

    def note(self, run: str, text: str) -> None:
        """One sentence for the board."""
        self._hall.note(run, text)

    def words(self, server: str) -> Words:
        """What must not be read in that server."""
        if server not in self._words:
            self._words[server] = Words(self._server(server).words)
        return self._words[server]

    async def _tell(self, run: str, fact: Fact) -> None:
        await self._store.append(run, [fact])
        self._hall.wake(run)

    async def _open(self, run: str, by: Person) -> Transcript:
        t = await self.transcript(run, by)
        if t.finished is not None:
            raise Refused("This run is over.")
        return t

    async def _votable(self, run: str, by: Person) -> Transcript:
        t = await self.transcript(run, by)
        if not voting(t, self._clock()):
            raise Refused("The vote is closed.")
        return t

    def _form(self, name: str) -> Format:
        if name not in FORMATS:
            raise Refused(f"There is no format “{name}”. {near(name, list(FORMATS), 'formats')}")
        return FORMATS[name]

    def _rounds(self, wish: Wish, form: Format) -> int:
        usual, most = form.ROUNDS
        rounds = usual if wish.rounds is None else wish.rounds
        if not 1 <= rounds <= most:
            raise Refused(f"A {wish.format} has {'1 round' if most == 1 else f'1 to {most} rounds'}, not {rounds}.")
        return rounds

    def _rules(self, wish: Wish, rounds: int, seats: int, room_chars: int | None) -> Rules:
        council = self._council
        quorum, debating = council.count(seats), self._debating(wish)
        return Rules(rounds, room_chars, self._vote_s, wish.mode, quorum, council.grace_s, debating)

    def _question(self, text: str, by: Person) -> str:
        text, most = text.strip(), self._limits.question_chars
        if not text:
            raise Refused("There is no question: say what the table should talk about.")
        if len(text) > most:
            raise Refused(
                f"The question has {len(text):,} characters and may have {most:,}: shorten it, or raise "
                "limits.question_chars."
            )
        self._check_words(text, by, "The question")
        return text

    def _debating(self, wish: Wish) -> Debating | None:
        positions = wish.debating.positions if wish.debating else ()
        if len(positions) == 1:
            raise Refused("One position makes no debate: give two or more, with semicolons.")
        if any(len(position) > self._limits.remark_chars for position in positions):
            raise Refused(f"A position may have {self._limits.remark_chars:,} characters.")
        self._check_words("\n".join(positions), wish.by, "A position")
        return wish.debating

    def _check_words(self, text: str, by: Person, what: str) -> None:
        if word := self.words(by.server).found(text):
            raise Refused(f"{what} has a word that is not allowed here: “{word}”.")

    async def _panel(self, wish: Wish) -> PanelSettings:
        if wish.seats is None:
            return await self.book.choose(wish.panel, wish.by.server, wish.channels)
        written = [seat.persona for seat in wish.seats.seats if seat.persona and seat.persona.lower() not in LIBRARY]
        if written and not wish.seated:
            check_panels(wish.by, self._server(wish.by.server), "A persona in your own words")
            self._check_words(" ".join(written), wish.by, "A persona")
        return wish.seats


def _newest(t: Transcript, turn: TurnId) -> TurnId:
    """The latest ask of the turn's lane."""
    return next((i for i in reversed(tuple(t.turns)) if i.lane == turn.lane), turn)
