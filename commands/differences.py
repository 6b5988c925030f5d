"""The menu Show differences: two answers of a comparison, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.domain.controls import About, Target
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name
from bot.errors import Refused
from bot.formats.common import turns_with_text
from bot.formats.differences import NamedAnswer, describe_differences
from bot.text import did_you_mean, quote_typed
from commands.command import Here, Options, Told, option

NO_COMPARISON = "That is no message of a comparison: use this on an answer in one of my threads."


class PairOptions(Options):
    first: str = option("", "whose answer; this one or the first where left out")
    second: str = option("", "beside whose; the next where left out")


async def show_differences(actions: Actions, run: str, about: About, options: PairOptions, here: Here) -> Told:
    """Show two answers beside each other; `about` may be the turn whose message was pressed. Raises Refused."""
    if not run:
        raise Refused(NO_COMPARISON)
    t = await actions.read_run(run, here.by)
    said = _find_answers(t)
    pressed = about.seat if isinstance(about, TurnId) else ""
    first = _pick_answer(options.first, said) if options.first else pressed if pressed in said else next(iter(said))
    second = _pick_answer(options.second, said) if options.second else next(key for key in said if key != first)
    if first == second:
        raise Refused(f"Those are both {said[first].name}: name two seats.")
    for seat in (first, second):
        await actions.read_lane(run, TurnId("answer", 1, seat).lane, here.by)  # refuses what is hidden
    text = await asyncio.to_thread(describe_differences, said[first], said[second])  # it may take a second
    return Told(text, ("differences.md", text))


async def list_answers(actions: Actions, target: Target, by: Person) -> Mapping[str, Sequence[str]]:
    """Return the seats whose answers can be compared. Raises Refused where there are no two."""
    if not target.run:
        raise Refused(NO_COMPARISON)
    names = [name for name, _ in _find_answers(await actions.read_run(target.run, by)).values()]
    return {"first": names, "second": names}


def _find_answers(t: Transcript) -> dict[str, NamedAnswer]:
    """Return the answers by seat, in panel order. Raises Refused for fewer than two."""
    if t.started.format != "compare":
        raise Refused("Differences are shown of the answers of a comparison: `/compare` starts one.")
    said = {
        seat.key: NamedAnswer(display_name(t, seat.key), turn.text)
        for seat in t.started.panel.seats
        for turn in turns_with_text(t, [TurnId("answer", 1, seat.key)])
    }
    if len(said) < 2:
        raise Refused("There are no two answers yet to be compared.")
    return said


def _pick_answer(word: str, said: dict[str, NamedAnswer]) -> str:
    """Return the seat of that name, key or number (from 1 among those that have answered). Raises Refused."""
    word = word.strip().casefold()
    for number, (key, (name, _)) in enumerate(said.items(), 1):
        if word in (str(number), key.casefold(), name.casefold()):
            return key
    names = [name for name, _ in said.values()]
    raise Refused(f"There is no answer of {quote_typed(word)}. {did_you_mean(word, names, 'answers')}")
