"""What a run begins with: a wish, checked, and resolved into the run's first fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from bot.actions.panels import find_seat, one_more, present, read_seat, seat_panel
from bot.actions.permissions import Person, check_panels, check_start
from bot.actions.pipelines import attended, read_pipeline, seated
from bot.actions.request import RunRequest
from bot.actions.services import Services
from bot.domain.facts import RunStarted
from bot.domain.run import DebateRules, Panel, Rules, Search, Seat
from bot.domain.visibility import shuffle_seats
from bot.errors import Refused
from bot.formats import FORMATS
from bot.formats.personas import LIBRARY
from bot.formats.plan import Format
from bot.formats.web_search import PROMPTS as SEARCH_PROMPTS
from bot.models.catalogue import Model
from bot.settings import PanelSettings
from bot.text import did_you_mean


class RequestResolver:
    """`searcher`: who searches the web; None: nobody can. `why_absent(model)` tells why a model cannot be asked now
    ("set ANTHROPIC_API_KEY"), or None. `vote_s`: how long people may vote after the end."""

    def __init__(
        self,
        services: Services,
        *,
        prompts: Mapping[str, str],
        vote_s: float,
        why_absent: Callable[[Model], str | None],
        random: Random,
        searcher: Seat | None = None,
    ) -> None:
        self._services = services
        self._settings = services.settings
        self._prompts = prompts
        self._searcher = searcher
        self._vote_s = vote_s
        self._why_absent = why_absent
        self._random = random

    async def resolve(self, wish: RunRequest) -> RunStarted:
        """Without what the place where it is shown decides. Raises Refused."""
        check_start(wish.by, wish.channels, self._settings.server_settings(wish.by.server))
        form = _form(wish.format)
        question = self._question(wish.question, wish.by)
        rounds = _rounds(wish, form)
        seats = seat_panel(await self._panel(wish), self._services.models)
        search = self._search(wish, form)
        panel, absent = present(seats, lambda seat: self._why_absent(self._services.models[seat.model]), *form.SEATS)
        seed = self._random.getrandbits(32)
        if wish.veil.blind:
            panel = shuffle_seats(panel, seed)
        return RunStarted(
            format=wish.format,
            question=question,
            panel=panel if search == "off" else replace(panel, searcher=self._searcher),
            rules=self._rules(wish, rounds, search, len(panel.seats)),
            seed=seed,
            prompts={name: self._prompts[name] for name in form.PROMPTS},
            by=wish.by.key,
            absent=absent,
            name=wish.by.name,
            server=wish.by.server,
            context=wish.context,
            images=wish.images,
            origin=wish.origin,
            steps=attended(wish.steps, panel),
            earlier=wish.earlier,
        )

    async def resolve_seat(self, table: Panel, model: str, persona: str, panel: str, by: Person) -> Seat:
        """A seat that joins a table: a model as people write it, or with a `panel` that seat there. Raises Refused."""
        written = find_seat(await self._services.panels.choose(panel, by.server), model) if panel else read_seat(model)
        if persona and persona.lower() not in LIBRARY:
            check_panels(by, self._settings.server_settings(by.server), "A persona in your own words")
            self._services.words.check(persona, by.server, "A persona")
        wished = written.model_copy(update={"persona": persona}) if persona else written
        seat = one_more(table, wished, self._services.models)
        if why := self._why_absent(self._services.models[seat.model]):
            raise Refused(f"{seat.name} is away: {why}.")
        return seat

    async def pipeline(self, name: str, wish: RunRequest) -> RunRequest:
        """The same with the steps of the pipeline of that name, and its seats. Raises Refused."""
        pipeline = read_pipeline(await self._services.pipelines.choose(name, wish.by.server))
        seats, steps = seated(pipeline, await self._panel(wish), self._services.models)
        return replace(wish, seats=seats, steps=steps, seated=True)

    def _rules(self, wish: RunRequest, rounds: int, search: Search, seats: int) -> Rules:
        council = self._settings.council
        limits = self._settings.limits
        return Rules(
            rounds=rounds,
            vote_s=self._vote_s,
            mode=wish.mode,
            quorum=council.answers_needed(seats),
            grace_s=council.grace_s,
            debating=self._debating(wish),
            next_s=limits.next_s,
            pause_s=limits.pause_s,
            search=search,
            search_wait_s=self._settings.search.wait_s,
            look_again=self._settings.search.look_again,
            veil=wish.veil,
        )

    def _search(self, wish: RunRequest, form: Format) -> Search:
        """Formats that have no use for a search are not searched for."""
        if not set(SEARCH_PROMPTS) <= set(form.PROMPTS):
            return "off"
        search = self._settings.search.default if wish.search is None else wish.search
        if search != "off" and self._searcher is None:
            raise Refused("Nothing here can search the web: an operator sets search.provider or search.model.")
        return search

    def _question(self, text: str, by: Person) -> str:
        text, most = text.strip(), self._settings.limits.question_chars
        if not text:
            raise Refused("There is no question: say what the table should talk about.")
        if len(text) > most:
            raise Refused(
                f"The question has {len(text):,} characters and may have {most:,}: shorten it, or raise "
                "limits.question_chars."
            )
        self._services.words.check(text, by.server, "The question")
        return text

    def _debating(self, wish: RunRequest) -> DebateRules | None:
        positions = wish.debating.positions if wish.debating else ()
        if len(positions) == 1:
            raise Refused("One position makes no debate: give two or more, with semicolons.")
        if any(len(position) > self._settings.limits.remark_chars for position in positions):
            raise Refused(f"A position may have {self._settings.limits.remark_chars:,} characters.")
        self._services.words.check("\n".join(positions), wish.by.server, "A position")
        return wish.debating

    async def _panel(self, wish: RunRequest) -> PanelSettings:
        panel = await self._seats(wish)
        return panel.model_copy(update={"chair": wish.chair, "judge": wish.chair}) if wish.chair else panel

    async def _seats(self, wish: RunRequest) -> PanelSettings:
        if wish.seats is None:
            return await self._services.panels.choose(wish.panel, wish.by.server, wish.channels)
        written = [seat.persona for seat in wish.seats.seats if seat.persona and seat.persona.lower() not in LIBRARY]
        if written and not wish.seated:
            check_panels(wish.by, self._settings.server_settings(wish.by.server), "A persona in your own words")
            self._services.words.check(" ".join(written), wish.by.server, "A persona")
        return wish.seats


def _form(name: str) -> Format:
    if name not in FORMATS:
        raise Refused(f"There is no format “{name}”. {did_you_mean(name, list(FORMATS), 'formats')}")
    return FORMATS[name]


def _rounds(wish: RunRequest, form: Format) -> int:
    usual, most = form.ROUNDS
    rounds = usual if wish.rounds is None else wish.rounds
    if not 1 <= rounds <= most:
        raise Refused(f"A {wish.format} has {'1 round' if most == 1 else f'1 to {most} rounds'}, not {rounds}.")
    return rounds
