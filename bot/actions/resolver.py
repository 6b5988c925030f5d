"""A request checked, and resolved into the first fact of a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from random import Random

from bot.actions.paces import PaceBook
from bot.actions.panels import (
    cap_seat,
    cap_seats,
    find_seat,
    leave_out_absent,
    make_further_seat,
    read_seat,
    seat_panel,
)
from bot.actions.permissions import Person, require_may_start, require_may_write_prompts
from bot.actions.pipeline_files import drop_absent_seats, read_pipeline, seat_pipeline
from bot.actions.place_limits import find_limits
from bot.actions.request import RunRequest
from bot.actions.services import Services
from bot.domain.api_keys import blank_api_keys
from bot.domain.facts import RunStarted
from bot.domain.run import SIDES, DebateRules, Panel, Rules, Search, Seat, format_noun
from bot.domain.visibility import shuffle_seats
from bot.errors import Refused
from bot.formats import FORMATS
from bot.formats.personas import LIBRARY
from bot.formats.plan import Format
from bot.formats.web_search import PROMPTS as SEARCH_PROMPTS
from bot.models.catalogue import Model
from bot.models.own_keys import OwnKeys
from bot.settings.settings import PanelSettings
from bot.text import did_you_mean, has_signs, quote_typed


class RequestResolver:
    """Checks of requests against what is set up here.

    `searcher` searches the web; without it nobody can. `why_absent(model)` returns why a model cannot be asked now
    ("set ANTHROPIC_API_KEY"), or None. `vote_s` is how long people may vote after the end of a run, in seconds. `paces`
    knows how long seats have taken; without it nobody does. `own_keys`: what servers have given for their runs.
    """

    def __init__(
        self,
        services: Services,
        *,
        prompts: Mapping[str, str],
        vote_s: float,
        why_absent: Callable[[Model], str | None],
        random: Random,
        searcher: Seat | None = None,
        paces: PaceBook | None = None,
        own_keys: OwnKeys | None = None,
    ) -> None:
        self._services = services
        self._prompts = prompts
        self._searcher = searcher
        self._vote_s = vote_s
        self._why_absent = why_absent
        self._random = random
        self._paces = paces
        self._own_keys = own_keys

    async def resolve(self, request: RunRequest) -> RunStarted:
        """Check a request and return the start of its run. Raises Refused.

        `room_chars` is left out: the place where the run is shown decides it.
        """
        self.require_may_start(request.by, request.channels)
        form = _find_format(request.format)
        question = self._check_question(request.question, request.by)
        limits = find_limits(self._services.settings, request.by.ruled_by, request.by.channel)
        rounds = _choose_rounds(request, form, limits.rounds)
        chosen = cap_seats(await self._choose_panel(request), self._services.ceilings)
        seats = seat_panel(chosen, self._services.models)
        search = self._choose_search(request, form)
        least, most = form.SEATS
        own = await self._list_own(request.by)
        panel, absent = leave_out_absent(
            seats,
            lambda seat: None if seat.model in own else self._why_absent(self._services.models[seat.model]),
            least,
            min(most, limits.seats),
        )
        if self._paces is not None:
            panel = await self._paces.note_usual(panel, request.by.server)
        seed = self._random.getrandbits(53)  # no code of a run tells it, and JSON carries it everywhere
        if request.veil.blind:
            panel = shuffle_seats(panel, seed)
        return RunStarted(
            format=request.format,
            question=question,
            panel=panel if search == "off" else replace(panel, searcher=self._searcher),
            rules=self._make_rules(request, rounds, search, len(panel.seats)),
            seed=seed,
            prompts={name: self._prompts[name] for name in form.PROMPTS},
            by=request.by.key,
            absent=absent,
            name=request.by.name,
            server=request.by.server,
            context=blank_api_keys(request.context),  # others wrote it
            images=request.images,
            origin=request.origin,
            steps=drop_absent_seats(request.steps, panel),
            earlier=request.earlier,
            channel=request.by.channel,
            panel_name=await self._name_panel(request),
        )

    def require_may_start(self, by: Person, channels: Collection[str]) -> None:
        """Raise Refused unless the person may start a run there; in a direct message, in all servers shared."""
        for member in by.as_members():
            try:
                require_may_start(member, channels, self._services.server_settings(member.server))
            except Refused as error:
                if not by.shared:
                    raise
                raise Refused(f"The rules of the servers that we share hold here as well. {error}") from error

    async def resolve_seat(self, table: Panel, model: str, persona: str, panel: str, by: Person) -> Seat:
        """Return a seat that joins a run: one as people write it, or one of a named panel. Raises Refused."""
        written = (
            find_seat(await self._services.panels.choose_panel(panel, by.server), model) if panel else read_seat(model)
        )
        if persona and persona.lower() not in LIBRARY:
            self._services.require(require_may_write_prompts, by, "A persona in your own words")
            self._services.check_text(persona, by, "A persona")
        seat_settings = written.model_copy(update={"persona": persona}) if persona else written
        seat = make_further_seat(table, cap_seat(seat_settings, self._services.ceilings), self._services.models)
        is_own = seat.model in await self._list_own(by)
        if not is_own and (why := self._why_absent(self._services.models[seat.model])):
            raise Refused(f"{seat.name} is away: {why}.")
        return seat if self._paces is None else await self._paces.note_seat(seat, by.server)

    async def _list_own(self, by: Person) -> frozenset[str]:
        """Return the models that the person's server has a key of its own for."""
        return await self._own_keys.list_covered(by.server) if self._own_keys is not None else frozenset()

    async def resolve_pipeline(self, name: str, request: RunRequest) -> RunRequest:
        """Return the request with the steps and seats of the pipeline of that name. Raises Refused."""
        pipeline = read_pipeline(await self._services.pipelines.choose_pipeline(name, request.by.server))
        seats, steps = seat_pipeline(pipeline, await self._choose_panel(request), self._services.models)
        return replace(request, seats=seats, steps=steps, pipeline=name, personas_approved=True)

    def _make_rules(self, request: RunRequest, rounds: int, search: Search, seats: int) -> Rules:
        council = self._services.settings.council
        limits = self._services.settings.limits
        return Rules(
            rounds=rounds,
            vote_s=self._vote_s,
            mode=request.mode,
            quorum=council.answers_needed(seats),
            grace_s=council.grace_s,
            review_quorum=council.review_quorum,
            review_grace_s=council.review_grace_s,
            deadline_s=council.deadline_s,
            summarise=self._services.settings.debate.earlier_rounds == "summarise",
            debating=self._check_debate(request),
            next_s=limits.next_s,
            pause_s=limits.pause_s,
            search=search,
            search_wait_s=self._services.settings.search.wait_s,
            look_again=self._services.settings.search.look_again,
            veil=request.veil,
        )

    def _choose_search(self, request: RunRequest, form: Format) -> Search:
        """Return how the web is searched for a run; "off" for formats that have no use for it. Raises Refused."""
        if not set(SEARCH_PROMPTS) <= set(form.PROMPTS):
            return "off"
        search = self._services.settings.search.default if request.search is None else request.search
        if search != "off" and self._searcher is None:
            raise Refused("Nothing here can search the web: an operator sets search.provider or search.model.")
        return search

    def _check_question(self, text: str, by: Person) -> str:
        text, most = text.strip(), self._services.settings.limits.question_chars
        if not has_signs(text):
            raise Refused("There is no question: say what the table should talk about.")
        if len(text) > most:
            raise Refused(
                f"The question has {len(text):,} characters and may have {most:,}: shorten it, or raise "
                "limits.question_chars."
            )
        self._services.check_text(text, by, "The question")
        return text

    def _check_debate(self, request: RunRequest) -> DebateRules | None:
        positions = request.debating.positions if request.debating else ()
        if len(positions) == 1:
            raise Refused("One position makes no debate: give two or more, with semicolons.")
        if any(len(position) > self._services.settings.limits.remark_chars for position in positions):
            raise Refused(f"A position may have {self._services.settings.limits.remark_chars:,} characters.")
        if not (request.personas_approved or set(positions) <= set(SIDES)):
            self._services.require(require_may_write_prompts, request.by, "A position in your own words")
        self._services.check_text("\n".join(positions), request.by, "A position")
        return request.debating

    async def _choose_panel(self, request: RunRequest) -> PanelSettings:
        panel = await self._choose_seats(request)
        return panel.model_copy(update={"chair": request.chair, "judge": request.chair}) if request.chair else panel

    async def _name_panel(self, request: RunRequest) -> str:
        """Return the name of the panel that is asked; "" where the request names seats."""
        if request.seats is not None:
            return ""
        return request.panel or await self._services.panels.find_usual(request.by.server, request.channels)

    async def _choose_seats(self, request: RunRequest) -> PanelSettings:
        if request.seats is None:
            return await self._services.panels.choose_panel(request.panel, request.by.server, request.channels)
        written = [seat.persona for seat in request.seats.seats if seat.persona and seat.persona.lower() not in LIBRARY]
        if written and not request.personas_approved:
            self._services.require(require_may_write_prompts, request.by, "A persona in your own words")
            self._services.check_text(" ".join(written), request.by, "A persona")
        return request.seats


def _find_format(name: str) -> Format:
    if name not in FORMATS:
        raise Refused(f"There is no format {quote_typed(name)}. {did_you_mean(name, list(FORMATS), 'formats')}")
    return FORMATS[name]


def _choose_rounds(request: RunRequest, form: Format, limit: int) -> int:
    usual, most = form.ROUNDS[0], min(form.ROUNDS[1], limit)
    rounds = min(usual, most) if request.rounds is None else request.rounds
    if request.personas_approved:  # as in an earlier run, from before the limit
        rounds = min(rounds, most)
    if not 1 <= rounds <= most:
        told = "1 round" if most == 1 else f"1 to {most} rounds"
        raise Refused(f"A {format_noun(request.format)} has {told} here, not {rounds}.")
    return rounds
