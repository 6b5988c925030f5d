"""The actions that people take on runs and servers.

Each action returns the sentence that its person is told, or raises Refused with one. It is stored as a fact before it
acts: the process that conducts the run may be another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from bot.actions.access import RunAccess, find_latest_ask
from bot.actions.allowance import Allowance
from bot.actions.books import BookActions
from bot.actions.estimates import RunEstimates
from bot.actions.keeping import KeepingActions
from bot.actions.leaderboards import LeaderboardReader
from bot.actions.offers import CANCEL, CANCELLED, Offers, make_run_id
from bot.actions.outcomes import OutcomeActions
from bot.actions.own_keys import OwnKeyActions
from bot.actions.permissions import Person, count_missing_voices
from bot.actions.personal import PersonalActions, PersonStore
from bot.actions.pictures import PictureKeeper
from bot.actions.pricing import RunPricing
from bot.actions.quota import RefusalCount, RunQuota, check_room_for_remark
from bot.actions.records import RecordReader
from bot.actions.request import RunRequest
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.actions.steering import SteeringActions
from bot.concurrency import make_aside
from bot.domain.controls import Control
from bot.domain.facts import (
    Fact,
    Guessed,
    Interjected,
    Removed,
    RetryAsked,
    Revealed,
    SkipAsked,
    SkipWished,
    Stopped,
    ViewAttached,
    VoteCast,
    VoteClosed,
    VoteWithdrawn,
)
from bot.domain.run import LaneId, Origin, TurnId
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name, names_hidden
from bot.engine.runs import Runs
from bot.engine.thread import BALLOT, SUMMARISE, Post, controls_behind, replay_thread
from bot.errors import MaybeStored, Refused, StoreFailed
from bot.formats import FORMATS, guessing
from bot.formats.common import are_remarks_heard, name_of
from bot.formats.plan import Section, join_sections
from bot.formats.vote_options import EXTRA_VOTE_OPTIONS, ROUND_BEFORE, vote_choices
from bot.ports.offers import OfferingStore
from bot.ports.process import Clock
from bot.ports.store import EVERY_RUN, PictureStore, RunFilter, RunRow
from bot.ports.surface import CanSee, OpenSurface, Surface
from bot.text import count_word, has_signs, quote_typed

MAX_VIEWS = 10  # places in which one run is shown


class Actions:
    """Everything that people may do. Commands also use its `services` and the actions that it has by name."""

    def __init__(
        self,
        services: Services,
        resolver: RequestResolver,
        *,
        store: OfferingStore,
        supervisor: Runs,
        clock: Clock,
        pictures: PictureStore | None = None,
        allowance: Allowance | None = None,
        own_keys: OwnKeyActions | None = None,
        people: PersonStore | None = None,
    ) -> None:
        """Take what actions need.

        Without `pictures`, those of a question stay in the facts; without an `allowance` nothing limits what runs cost;
        without `own_keys` servers can give none; without `people` nothing is kept of them.
        """
        self.services = services
        self._resolver = resolver
        self._store = store
        self._supervisor = supervisor
        self._clock = clock
        self._access = RunAccess(store, supervisor, clock)
        self.books = BookActions(services)
        of_runs = self._access.record, supervisor.transcript, supervisor.resume_unfinished
        self.personal = PersonalActions(people, *of_runs, clock) if people else None
        self.deletions = self.personal.deletions if self.personal else None
        self.keeping = KeepingActions(services, self._access, store, self.deletions)
        self.outcomes = OutcomeActions(services, self._access, clock)
        self.records = RecordReader(services, self._access, store, clock)
        self.leaderboards = LeaderboardReader(services, self._access, store, clock)
        self._pictures = PictureKeeper(pictures) if pictures is not None else None
        self.allowance = allowance
        self.own_keys = own_keys
        counted = supervisor.unfinished_starts, supervisor.paused_starts, supervisor.begun_elsewhere
        self._quota = RunQuota(lambda: services.settings, clock, *counted)
        self._offers = Offers(services.settings.money, store)
        models, watch = services.list_models, partial(supervisor.watch, "")  # there is no run yet
        estimates = RunEstimates(store, models, watch)
        self.pricing = RunPricing(resolver, estimates, self._offers, self._quota, allowance, models, watch)
        self.refusals = RefusalCount(clock)
        self._starting = asyncio.Lock()
        self.steering = SteeringActions(services, resolver, self._access, supervisor, self._quota)

    async def start_run(self, request: RunRequest, open_surface: OpenSurface, *, agreed_usd: float = 0.0) -> str:
        """Begin a run and show it; return its id. Raises Refused, and MustAgree where its person must agree first.

        `agreed_usd`: what they have agreed to already.
        """
        if self._supervisor.leaving:
            raise Refused("Moot is restarting: ask again in a minute.")
        await self._supervisor.refresh()
        # The quota comes first: most requests of a flood are refused, and a refusal must cost next to nothing.
        with self._quota.reserve(request.by):
            await self._take_turn()
            started, expected = await self.pricing.price(request)
            await self._offers.require_agreement(request, expected, agreed_usd)
            await self._take_turn()
            run = make_run_id()
            surface = open_surface(run, started.title)
            started = replace(started, rules=replace(started.rules, room_chars=surface.room_chars))
            if self._pictures is not None:
                started = replace(started, images=await self._pictures.keep(run, request.by, started.images))
            facts: list[Fact] = [started, *([ViewAttached(surface.address)] if surface.address else [])]
            await self._supervisor.begin(run, FORMATS[started.format], [surface], facts)
        if request.pipeline:
            with suppress(StoreFailed):  # the run has begun, and so nobody may hear that nothing is stored
                await self.services.pipelines.add_use(request.pipeline, request.by.server)
        return run

    async def _take_turn(self) -> None:
        """Wait for an iteration of the loop in which no other run starts, so that a flood blocks nobody else."""
        async with self._starting:
            await asyncio.sleep(0)

    async def start_offered(self, offered: str, by: Person, open_surface: OpenSurface, format: str = "") -> str:
        """Begin the run that was offered, in the format chosen, if any; return and raise as `start_run` does."""
        offer = await self._offers.take(offered, by, format)
        request, agreed_usd = offer.choose(format)
        try:
            return await self.start_run(request, open_surface, agreed_usd=agreed_usd)
        except MaybeStored:  # it must not begin twice
            raise
        except (Refused, StoreFailed):
            with suppress(StoreFailed):  # why it did not begin is what its person should hear
                await self._offers.put_back(offered, offer)
            raise

    async def cancel_offered(self, offered: str, by: Person) -> str:
        """Forget a run that its person was asked about."""
        await self._offers.take(offered, by, action=CANCEL.action)
        return CANCELLED

    async def run_pipeline(self, name: str, request: RunRequest, open_surface: OpenSurface) -> str:
        """Begin a run of the pipeline of that name; return its id. Raises as `start_run` does."""
        return await self.start_run(await self._resolver.resolve_pipeline(name, request), open_surface)

    async def watch_run(self, run: str, by: Person, open_surface: OpenSurface) -> str:
        """Show a run in one more place, from now on."""
        t = await self._access.get_open_run(run, by)
        if self._supervisor.transcript(run) is None:
            raise Refused("That run goes on in another process, so it cannot be shown here now.")
        if len(t.views) >= MAX_VIEWS:
            raise Refused(f"It is shown in {MAX_VIEWS} places already: follow it in one of them.")
        surface = open_surface(run, t.started.title)
        if ViewAttached(surface.address) in t.views:
            raise Refused("It is shown here already.")
        await self._store.append(run, [ViewAttached(surface.address)])
        if self._supervisor.transcript(run) is None:
            raise Refused("This run has just come to its end.")
        self._supervisor.attach(run, surface)
        return f"Showing {quote_typed(t.started.question, 80)} here."

    async def take_up_run(self, run: str, by: Person, surface: Surface) -> str:
        """Go on with a run that an earlier process has left open, and show it; return its id. Raises Refused."""
        t = await self._access.get_open_run(run, by)
        await self._supervisor.begin(run, FORMATS[t.started.format], [surface])
        return run

    async def read_run(self, run: str, by: Person) -> Transcript:
        """Return what has happened so far. Raises Refused where the person can see no such run."""
        return await self._access.get_run(run, by)

    async def require_may_steer(self, run: str, by: Person, what: str) -> None:
        """Raise Refused unless the person steers the run alone; `what` begins the refusal."""
        await self._access.require_may_steer(by, await self._access.get_writable_run(run, by), what)

    async def list_behind(self, run: str, action: str, by: Person, channels: Sequence[str]) -> list[Control]:
        """Return the buttons behind one of the end card that the person may press there. Raises Refused."""
        get_run = self._access.get_votable_run if action == BALLOT.action else self._access.get_run
        t = await get_run(run, by)
        found = await self._access.keep_allowed(controls_behind(t, self._access.make_plan(t), action), t, by)
        try:
            self._resolver.require_may_start(by, channels)
        except Refused:
            return [control for control in found if control is not SUMMARISE]
        return found

    async def wait_until_finished(self, run: str) -> Transcript | None:
        """Wait until the run is over and all of it is shown; return None when another process conducts it."""
        begun = await self._supervisor.wait_until_begun(run)
        return await self._supervisor.wait_until_finished(run) if begun else None

    async def list_runs(self, by: Person, limit: int, can_see: CanSee, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
        """Return the newest runs that the person can see, newest first."""
        return await self._access.list_runs(by, limit, can_see, wanted)

    async def list_running(self, by: Person, can_see: CanSee) -> list[tuple[str, Transcript]]:
        """Return the runs that go on here and that the person can see."""
        return await self._access.list_running(by, can_see)

    async def read_thread(self, run: str, by: Person) -> list[Post]:
        """Return the posts of a run's thread as they read now, with the server's listed words blanked."""
        t, masked = await self.read_run(run, by), self.services.words.of(*by.ruled_by).censor
        with self._supervisor.watch(run):
            found = replay_thread(t.entries, FORMATS[t.started.format], self._clock())
        return [
            post if post.text is None else replace(post, text=await make_aside(masked, post.text)) for post in found
        ]

    async def read_lane(self, run: str, lane: LaneId, by: Person) -> tuple[str, str]:
        """Return a lane's title and its whole text; for a card with full texts, those. Raises Refused."""
        title, sections = await self.read_sections(run, lane, by)
        return title, join_sections(sections)

    async def read_sections(self, run: str, lane: LaneId, by: Person) -> tuple[str, list[Section]]:
        """Return what `read_lane` does, in its parts. Raises Refused."""
        title, sections = await self._access.read_sections(run, lane, by)
        censor = self.services.words.of(*by.ruled_by).censor
        return title, [replace(section, text=await make_aside(censor, section.text)) for section in sections]

    async def skip_seat(self, run: str, seat: str, by: Person) -> str:
        """Skip the turn that a seat is speaking now."""
        turns = (await self._access.get_open_run(run, by)).turns.values()
        speaking = next((turn.id for turn in turns if turn.id.seat == seat and not turn.ended), None)
        if speaking is None:
            raise Refused("That seat is not speaking, so there is nothing to skip.")
        return await self.skip_turn(run, speaking, by)

    async def skip_turn(self, run: str, turn: TurnId, by: Person) -> str:
        """Skip a turn; for most people, record a wish that counts once enough others have it as well."""
        t = await self._access.get_open_run(run, by)
        turn = find_latest_ask(t, turn)
        known = t.turns.get(turn)
        if known is None or known.ended is not None:
            raise self._access.refuse_late("That turn is not running, so there is nothing to skip.", run)
        if not await self._access.may_steer(by, t):
            await self._access.record(run, SkipWished(turn, by.key))
            t = await self._access.get_open_run(run, by)  # after the wish is stored, so that no wish is lost
            missing = count_missing_voices(t, turn)
            if missing > 0:
                presses = "press skips" if missing == 1 else "presses skip"
                return f"Noted. {count_word(missing).capitalize()} more {presses} {name_of(t, turn)}."
        await self._access.record(run, SkipAsked(turn, by.key))
        return f"{name_of(t, turn)} is skipped."

    async def retry_turn(self, run: str, turn: TurnId, by: Person) -> str:
        """Ask a seat again whose turn has failed."""
        t = await self._access.get_open_run(run, by)
        await self._access.require_may_steer(by, t, "Retry")
        turn = find_latest_ask(t, turn)
        known = t.turns.get(turn)
        if known is None or known.ended is None or known.ended.finish != "failed":
            raise Refused("That turn has not failed, so there is nothing to ask again.")
        if t.is_skipped(turn):
            raise Refused(f"{name_of(t, turn)} has left the table.")
        await self._access.record(run, RetryAsked(turn, by.key))
        return f"{name_of(t, turn)} is asked again."

    async def cast_vote(self, run: str, seat: str, by: Person, round_: int | None = None) -> str:
        """Vote for a seat, in the latest round where `round_` is None. A later vote in the round replaces it."""
        t = await self._access.get_votable_run(run, by)
        name = vote_choices(t).get(seat)
        if name is None:
            raise Refused("That seat is not at this table.")
        if round_ == ROUND_BEFORE and not self._access.make_plan(t).voting_before:
            raise Refused("Everyone has spoken, so it is too late to vote from before; vote again at the end.")
        if round_ is None:
            round_ = max((i.round for i in t.turns if i.seat == seat), default=1)
        before = t.votes.get((by.key, round_))
        await self._access.record(run, VoteCast(by.key, round_, seat))
        vote = f"“{name}”" if seat in EXTRA_VOTE_OPTIONS else f"{name}'s"
        return f"Your vote is {vote}." if before in (None, seat) else f"Your vote is now {vote}."

    async def withdraw_vote(self, run: str, seat: str, by: Person, round_: int) -> str:
        """Take a person's vote away if it is for that seat."""
        t = await self._access.get_votable_run(run, by)
        if t.votes.get((by.key, round_)) != seat:
            raise Refused("Your vote is not that seat's.")
        await self._access.record(run, VoteWithdrawn(by.key, round_))
        return "Your vote is taken away."

    async def close_vote(self, run: str, by: Person) -> str:
        """Close the vote at the end of a run."""
        t = await self._access.get_votable_run(run, by)
        await self._access.require_may_steer(by, t, "Closing the vote")
        await self._access.record(run, VoteClosed(by.key))
        return "The vote is closed."

    async def reveal_answers(self, run: str, by: Person) -> str:
        """Show all that is hidden, and whatever is said from now on."""
        t = await self._access.get_writable_run(run, by)
        await self._access.require_may_steer(by, t, "Reveal")
        if (
            t.revealed
            or t.started.rules.veil.reveal == "live"
            or (t.is_over and not self._access.make_plan(t).hidden_lanes)
        ):
            names = " Who is who is told once the vote is closed." if names_hidden(t) else ""
            raise Refused(f"Nothing that is said here is hidden.{names}")
        await self._access.record(run, Revealed(by.key))
        return "Revealed: everything that is said here is shown from now on."

    async def list_guesses(self, run: str, speaker: str, by: Person) -> list[str]:
        """Return the names that a speaker may turn out to have. Raises Refused where nobody guesses."""
        t = await self.read_run(run, by)
        if not guessing.is_guessing(t) or not names_hidden(t):
            raise Refused("There is nothing to guess here any more." if t.named else "Nobody guesses in this run.")
        if speaker not in {s.key for s in t.started.panel.seats}:
            raise Refused("That speaker is not at this table.")
        return guessing.guessable_names(t)

    async def guess_speaker(self, run: str, speaker: str, guess: str, by: Person) -> str:
        """Record a person's guess of a speaker's name; a later guess replaces it."""
        await self._access.get_writable_run(run, by)
        names = {name.casefold(): name for name in await self.list_guesses(run, speaker, by)}
        known = names.get(guess.strip().casefold())
        if known is None:
            raise Refused(f"Nobody of that name is at this table: {', '.join(names.values())}.")
        await self._access.record(run, Guessed(by.key, speaker, known, by.name))
        return f"You guess that {display_name(await self.read_run(run, by), speaker)} is {known}."

    async def add_remark(
        self, run: str, text: str, by: Person, origin: Origin | None = None, *, in_thread: bool = False
    ) -> str:
        """Pass a remark on to every seat, from its next turn on.

        A remark with an `origin` was sent here from elsewhere, and may be as long as a question. `in_thread`: it is a
        message in the run's thread.
        """
        t = await self._access.get_open_run(run, by)
        text = text.strip()
        if not has_signs(text):
            raise Refused("There is nothing to pass on: write something first.")
        limits = self.services.settings.limits
        most = limits.question_chars if origin else limits.remark_chars
        if len(text) > most:
            raise Refused(f"A remark may have {most:,} characters; this has {len(text):,}.")
        check_room_for_remark(t, text, by)
        self.services.check_text(text, by, "The remark")
        await self._access.record(run, Interjected(by.key, text, by.name, origin, has_line=not in_thread))
        if not are_remarks_heard(t):
            return "Kept with the run. No model reads it: each speaks only once here."
        return "Told the models; they read it in their next turn."

    async def stop_run(self, run: str, by: Person) -> str:
        """End a run, keeping what was said."""
        t = await self._access.get_open_run(run, by)
        await self._access.require_may_steer(by, t, "Stop")
        await self._access.record(run, Stopped(by.key))
        return "Stopped; what was said is kept."

    async def remove_turn(self, run: str, turn: TurnId, by: Person) -> str:
        """Blank a turn for people and for later turns. Only moderators may."""
        t = await self._access.get_writable_run(run, by)
        await self._access.require_moderator(by, t, "Remove")
        known = [i for i in t.turns if i.lane == turn.lane]
        if not known or t.turns[known[-1]].ended is None:
            raise Refused("That turn is not over yet; skip it first.")
        await self._access.record(run, Removed(turn, by.key))
        return f"Removed what {name_of(t, turn)} said."

    async def erase_deleted(self, runs: Sequence[str]) -> None:
        """Let the texts of runs go that were deleted, once nothing is written to them any more."""
        for run in runs:
            await self.wait_until_finished(run)
        await self._store.erase_runs(runs)

    async def stop_runs_of(self, server: str) -> None:
        """Stop all runs of a server that the bot has left, so that nobody pays for what nobody sees."""
        for run in self._supervisor.runs_of_server(server):
            await self._access.record(run, Stopped("the server left"))

    def note_on_board(self, run: str, text: str) -> None:
        """Show one sentence on the board of a run."""
        self._supervisor.note(run, text)
