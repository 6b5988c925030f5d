"""The ways in: each takes a text as people or models send it, at most as long as is allowed there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from adapters.discord.replies import render_for_discord
from adapters.slack.dialect import escape_entities
from adapters.slack.reader import SlackNames, read_typed
from adapters.slack.replies import render_for_slack
from benchmarks.hostile.bot import BY, SEATS, Bot
from bot.actions.pipeline_files import TEXT_CHARS
from bot.actions.request import RunRequest
from bot.concurrency import make_aside
from bot.domain.run import TurnId
from bot.errors import Refused
from bot.formats.ballots.ballots import MAX_BALLOT_CHARS
from bot.settings.settings import LimitSettings, PanelSettings, SeatSettings
from commands import COMMANDS, council
from commands.command import Started, Told, describe_mistakes
from commands.differences import PairOptions, show_differences
from commands.syntax import parse_options

LIMITS = LimitSettings()
OPTION_CHARS = 6_000  # the longest that either platform lets somebody type into an option


@dataclass(frozen=True, slots=True)
class Entry:
    """A way in. `chars`: the longest text that is allowed there."""

    chars: int
    take: Callable[[Bot, str], Coroutine[Any, Any, None]]


async def _question(bot: Bot, text: str) -> None:
    with suppress(Refused):  # of white space there is no question
        await bot.play(RunRequest("council", text, BY))


async def _options(bot: Bot, text: str) -> None:
    for command in COMMANDS:
        for name, field in command.options.model_fields.items():
            if field.annotation is not str or name == "question":
                continue
            required = {key: "Why?" for key, other in command.options.model_fields.items() if other.is_required()}
            try:
                options = command.options.model_validate({**required, name: text})
                answer = await command.handle(bot.actions, options, bot.here())
            except Refused as error:
                await _tell(str(error))
            except ValidationError as error:
                await _tell(describe_mistakes(error))
            else:
                if isinstance(answer, Started):
                    await bot.actions.wait_until_finished(answer.run)
                elif isinstance(answer, Told):
                    await _tell(answer.text)


async def _tell(text: str) -> None:
    """Draw an answer to one person as Discord and Slack do."""
    await make_aside(render_for_discord.__wrapped__, text)
    for page in await make_aside(render_for_slack, text):
        escape_entities(page)


async def _typed(bot: Bot, text: str) -> None:
    with suppress(Refused):  # some of it looks like a mistyped option
        parse_options(council.COMMAND, read_typed(text, SlackNames()), {command.path: command for command in COMMANDS})


async def _remark(bot: Bot, text: str) -> None:
    run = await bot.start_slow()
    with suppress(Refused):
        await bot.actions.add_remark(run, text, BY)
    await bot.end(run)


async def _persona(bot: Bot, text: str) -> None:
    seats = [SeatSettings(model=seat, persona=text) for seat in SEATS]
    with suppress(Refused):  # what looks like a key is no persona
        await bot.play(RunRequest("debate", "Why?", BY, seats=PanelSettings(seats=seats)))


async def _pipeline(bot: Bot, text: str) -> None:
    try:
        await bot.actions.books.save_pipeline("hostile", text, BY)
    except Refused as error:
        await _tell(str(error))


async def _panel(bot: Bot, text: str) -> None:
    try:
        await bot.play(RunRequest("compare", "Why?", BY, panel=text))
    except Refused as error:
        await _tell(str(error))


async def _ballot(bot: Bot, text: str) -> None:
    await bot.play(RunRequest("council", "Why?", BY), dict.fromkeys(SEATS, text))


async def _verdict(bot: Bot, text: str) -> None:
    await bot.play(RunRequest("debate", "Why?", BY), {"judge": text})


async def _answer(bot: Bot, text: str) -> None:
    await bot.play(RunRequest("compare", "Why?", BY), {SEATS[0]: text})


async def _differences(bot: Bot, text: str) -> None:
    run = await bot.play(RunRequest("compare", "Why?", BY), {SEATS[0]: text, SEATS[1]: text[::-1]})
    try:
        told = await show_differences(bot.actions, run, TurnId("answer", 1, SEATS[0]), PairOptions(), bot.here())
    except Refused as error:  # white space is no answer
        await _tell(str(error))
    else:
        await _tell(told.text)


async def _search(bot: Bot, text: str) -> None:
    await bot.play(RunRequest("compare", "Why?", BY, search="on"), {"searcher": text})


async def _name(bot: Bot, text: str) -> None:
    await bot.play(RunRequest("council", "Why?", replace(BY, name=text)))


ENTRIES: Mapping[str, Entry] = {
    "question": Entry(LIMITS.question_chars, _question),
    "options": Entry(OPTION_CHARS, _options),
    "typed command": Entry(OPTION_CHARS, _typed),
    "remark": Entry(LIMITS.remark_chars, _remark),
    "persona": Entry(OPTION_CHARS, _persona),
    "pipeline": Entry(TEXT_CHARS, _pipeline),
    "panel": Entry(OPTION_CHARS, _panel),
    "ballot": Entry(MAX_BALLOT_CHARS, _ballot),
    "verdict": Entry(LIMITS.answer_chars, _verdict),
    "answer": Entry(LIMITS.answer_chars, _answer),
    "differences": Entry(LIMITS.answer_chars, _differences),
    "search results": Entry(LIMITS.answer_chars, _search),
    "name": Entry(80, _name),
}
