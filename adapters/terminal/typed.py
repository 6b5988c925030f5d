"""What an input does to the run that is shown: the action behind each key and line."""

from __future__ import annotations

from typing import assert_never

from pydantic import ValidationError

from adapters.terminal.hints import list_slash_commands
from adapters.terminal.keys import (
    CommandLine,
    GuessLine,
    Input,
    LeaveKey,
    RemarkLine,
    RevealKey,
    RoundVoteKey,
    SkipKey,
    StopKey,
    VoteKey,
)
from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.domain.transcript import Transcript
from bot.errors import Refused
from bot.formats.vote_options import EXTRA_VOTE_OPTIONS, ROUND_BEFORE, vote_choices
from bot.text import clean_text, quote_typed
from commands.command import Here, Told, open_no_surface
from commands.steer import COMMANDS as STEERING

BY = Person("you", "you", moderator=True)  # a terminal has one person


async def act_on(actions: Actions, run: str, typed: Input) -> str:
    """Act on one input and return what its person is told. Raises Refused."""
    match typed:
        case SkipKey(number):
            return await actions.skip_seat(run, _pick_seat(await actions.read_run(run, BY), number), BY)
        case VoteKey(number, is_early):
            option = _pick_option(await actions.read_run(run, BY), number)
            return await actions.cast_vote(run, option, BY, ROUND_BEFORE if is_early else None)
        case RoundVoteKey(wish):  # counted at once, as nobody else votes here
            noted = await actions.steering.vote_on_next_round(run, 0, wish, BY)
            return f"{noted} {await actions.steering.close_round_vote(run, BY, 0)}"
        case GuessLine(number, name):
            return await actions.guess_speaker(run, _pick_seat(await actions.read_run(run, BY), number), name, BY)
        case RemarkLine(text):
            return await actions.add_remark(run, clean_text(text), BY)
        case RevealKey():
            return await actions.reveal_answers(run, BY)
        case StopKey():
            return await actions.stop_run(run, BY)
        case LeaveKey():
            raise Refused("It still goes on: s stops it, and q then leaves.")
        case CommandLine(text):
            return await _run_command(actions, run, text)
        case _ as never:
            assert_never(never)


def list_extra_options(t: Transcript) -> dict[str, str]:
    """Return what can be voted for beside the seats, with its names; it is numbered behind them."""
    return {key: name for key, name in vote_choices(t).items() if key in EXTRA_VOTE_OPTIONS}


async def _run_command(actions: Actions, run: str, text: str) -> str:
    """Run a command of `commands.steer`; the text behind its name is its first option."""
    word, _, rest = text.partition(" ")
    command = next((c for c in STEERING if c.path[-1] == word.lower()), None)
    if command is None:
        known = ", ".join(list_slash_commands(await actions.steering.list_possible(run, BY)))
        raise Refused(f"There is no {quote_typed('/' + word)} here{f', but {known}' if known else ''}.")
    first = next(iter(command.options.model_fields))
    try:
        options = command.options.model_validate({first: rest.strip()} if rest.strip() else {})
    except ValidationError as error:
        raise Refused(f"Write the {first} behind it: /{word} …") from error
    answer = await command.handle(actions, options, Here(BY, open_no_surface, run=run))
    return answer.text if isinstance(answer, Told) else ""


def _pick_seat(t: Transcript, number: int) -> str:
    """Return the key of the seat with that number, counted from 1 in panel order. Raises Refused."""
    seats = t.started.panel.seats
    if not 1 <= number <= len(seats):
        raise Refused(f"The seats here are 1 to {len(seats)}.")
    return seats[number - 1].key


def _pick_option(t: Transcript, number: int) -> str:
    """Return what is voted for: a seat, or behind the seats one of the extra options. Raises Refused."""
    extra = dict(enumerate(list_extra_options(t), len(t.started.panel.seats) + 1))
    return extra[number] if number in extra else _pick_seat(t, number)
