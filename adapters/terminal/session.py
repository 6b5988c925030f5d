"""One run in a terminal: shown as it happens, steered by keys, stopped by Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import assert_never

from pydantic import ValidationError
from rich.console import Console

from adapters.terminal.keys import (
    CommandLine,
    GuessLine,
    Input,
    LineEditor,
    RemarkLine,
    RevealKey,
    SkipKey,
    StopKey,
    VoteKey,
    read_keyboard,
)
from adapters.terminal.screen import Screen
from adapters.terminal.surface import make_pipe_surface, make_screen_surface
from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.domain.transcript import Transcript
from bot.domain.visibility import absent_seats
from bot.errors import Refused, StoreFailed
from bot.ports import Surface
from commands.command import Command, Here, Started, StartOptions, Told
from commands.steer import COMMANDS as STEERING

BY = Person("you", "you", moderator=True)  # a terminal has one person


async def hold_session(actions: Actions, command: Command, options: StartOptions, console: Console) -> Transcript:
    """Start the run, show it to its end, and give its transcript. Raises Refused; cancelled by a second Ctrl-C."""
    keys: asyncio.Queue[Input] = asyncio.Queue()
    with ExitStack() as stack:
        if console.is_terminal:
            screen = stack.enter_context(Screen(console))
            run = await _start_run(actions, command, options, make_screen_surface(screen))
            hint = _make_hint(await actions.transcript(run, BY))
            say = screen.set_line
        else:
            run = await _start_run(actions, command, options, make_pipe_surface(console))
            for seat in absent_seats(await actions.transcript(run, BY)):
                console.print(f"Away: {seat}", markup=False)
            hint, say = "", _ignore
        if console.is_terminal and sys.stdin.isatty():
            typing = LineEditor(keys.put_nowait, lambda line: say(line or hint))
            stack.enter_context(read_keyboard(typing))
            say(hint)
        stack.enter_context(_handle_ctrl_c(lambda: keys.put_nowait(StopKey())))
        steering = asyncio.create_task(_obey_inputs(actions, run, keys, say))
        try:
            return await actions.finished(run) or await actions.transcript(run, BY)
        finally:
            steering.cancel()
            await asyncio.wait([steering])


async def _start_run(actions: Actions, command: Command, options: StartOptions, surface: Surface) -> str:
    answer = await command.handle(actions, options, Here(BY, lambda run, question: surface))
    if not isinstance(answer, Started):
        raise Refused("There are no forms in a terminal: say the rest as options.")
    return answer.run


async def _obey_inputs(actions: Actions, run: str, keys: asyncio.Queue[Input], say: Callable[[str], None]) -> None:
    """Do what each key asks; what is refused is said in the line at the bottom."""
    while True:
        key = await keys.get()
        try:
            if told := await _act_on(actions, run, key):
                say(told)
        except (Refused, StoreFailed) as error:
            say(str(error))


async def _act_on(actions: Actions, run: str, key: Input) -> str:
    """What is told of it; "" where what comes of it is seen anyway."""
    match key:
        case SkipKey(number):
            seat = _find_seat(await actions.transcript(run, BY), number)
            await actions.skip_seat(run, seat, BY)
        case VoteKey(number):
            await actions.vote(run, _find_seat(await actions.transcript(run, BY), number), BY)
        case RemarkLine(text):
            await actions.say(run, text, BY)
        case GuessLine(number, name):
            await actions.guess(run, _find_seat(await actions.transcript(run, BY), number), name, BY)
        case RevealKey():
            await actions.reveal(run, BY)
        case StopKey():
            await actions.stop(run, BY)
        case CommandLine(text):
            return await _run_command(actions, run, text)
        case _ as never:
            assert_never(never)
    return ""


async def _run_command(actions: Actions, run: str, text: str) -> str:
    """Do what a command of `commands.steer` says; what stands behind its name is its first option."""
    word, _, rest = text.partition(" ")
    command = next((c for c in STEERING if c.path[-1] == word.lower()), None)
    if command is None:
        raise Refused(f"There is no /{word} here, but {', '.join(f'/{c.path[-1]}' for c in STEERING)}.")
    first = next(iter(command.options.model_fields))
    try:
        options = command.options.model_validate({first: rest.strip()} if rest.strip() else {})
    except ValidationError as error:
        raise Refused(f"Write the {first} behind it: /{word} …") from error
    answer = await command.handle(actions, options, Here(BY, _refuse_surface, run=run))
    return answer.text if isinstance(answer, Told) else ""


def _refuse_surface(run: str, question: str) -> Surface:
    raise AssertionError("steering starts no run")


def _find_seat(t: Transcript, number: int) -> str:
    """The key of the seat with that number, counted from 1 in panel order."""
    seats = t.started.panel.seats
    if not 1 <= number <= len(seats):
        raise Refused(f"The seats here are 1 to {len(seats)}.")
    return seats[number - 1].key


def _make_hint(t: Transcript) -> str:
    most = len(t.started.panel.seats)
    veil = t.started.rules.veil
    guess = f"g1–g{most} and a name guess · " if veil.guess else ""
    reveal = "" if veil.reveal == "live" else "r reveal · "
    return f"1–{most} skip · v1–v{most} vote · {guess}{reveal}s stop · /pause, /object … · text, Enter: a remark"


def _ignore(line: str) -> None:
    """A pipe has no line at the bottom."""


@contextmanager
def _handle_ctrl_c(first: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C calls `first`; the second cancels the task that is inside."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # a running loop runs a task
    pressed = False

    def press() -> None:
        nonlocal pressed
        if pressed:
            task.cancel()
        pressed = True
        first()

    loop.add_signal_handler(signal.SIGINT, press)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
