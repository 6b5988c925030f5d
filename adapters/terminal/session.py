"""One run in a terminal: shown as it happens, steered by keys, stopped by Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import assert_never

from pydantic import ValidationError
from rich.console import Console
from rich.prompt import Confirm

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
from bot.actions.offers import MustAgree
from bot.actions.permissions import Person
from bot.domain.costs import show_range
from bot.domain.transcript import Transcript
from bot.domain.visibility import absent_seats
from bot.errors import Refused, StoreFailed
from bot.ports import Surface
from bot.text import clean_text, quote_typed
from commands.command import Command, Here, Started, StartOptions, Told, open_no_surface
from commands.steer import COMMANDS as STEERING

BY = Person("you", "you", moderator=True)  # a terminal has one person


async def hold_session(actions: Actions, command: Command, options: StartOptions, console: Console) -> Transcript:
    """Start a run, show it to its end, and return its transcript. What may cost much is asked about first.

    Raises Refused, and CancelledError at a second Ctrl-C.
    """
    try:
        return await _show_run(actions, partial(_start_run, actions, command, options), console)
    except MustAgree as offer:
        _require_agreement(offer, console)
        offered = offer.run
    return await _show_run(
        actions, lambda surface: actions.start_offered(offered, BY, lambda run, question: surface), console
    )


def _require_agreement(offer: MustAgree, console: Console) -> None:
    """Ask the person whether a run is to begin. Raises Refused where they do not agree, or cannot be asked."""
    if not (console.is_terminal and sys.stdin.isatty()):
        raise Refused(f"{offer.price} Nothing was started: begin it at a keyboard, or raise money.ask_above_usd.")
    if not Confirm.ask(f"{offer.price} Start?", console=console, default=False):
        raise Refused("Nothing was started, and nothing spent.")


async def _show_run(actions: Actions, start: Callable[[Surface], Awaitable[str]], console: Console) -> Transcript:
    """Begin a run with `start`, show it to its end, and return its transcript."""
    inputs: asyncio.Queue[Input] = asyncio.Queue()
    with ExitStack() as stack:
        if console.is_terminal:
            screen = stack.enter_context(Screen(console))
            run = await start(make_screen_surface(screen))
            hint = _make_hint(await actions.read_run(run, BY))
            set_line = screen.set_line
        else:
            run = await start(make_pipe_surface(console))
            with suppress(OSError):  # the run goes on; that it could not be shown is said at its end
                t = await actions.read_run(run, BY)
                for seat in absent_seats(t):
                    console.print(f"Away: {seat}", markup=False)
                if t.started.expected and t.started.expected.high_usd:
                    console.print(f"Expected to cost {show_range(t.started.expected)}.", markup=False)
            hint, set_line = "", _ignore_line
        if console.is_terminal and sys.stdin.isatty():
            editor = LineEditor(inputs.put_nowait, lambda line: set_line(line or hint))
            stack.enter_context(read_keyboard(editor))
            set_line(hint)
        stack.enter_context(_handle_ctrl_c(lambda: inputs.put_nowait(StopKey())))
        steering = asyncio.create_task(_obey_inputs(actions, run, inputs, set_line))
        try:
            return await actions.wait_until_finished(run) or await actions.read_run(run, BY)
        finally:
            steering.cancel()
            await asyncio.wait([steering])


async def _start_run(actions: Actions, command: Command, options: StartOptions, surface: Surface) -> str:
    answer = await command.handle(actions, options, Here(BY, lambda run, question: surface))
    if not isinstance(answer, Started):
        raise Refused("There are no forms in a terminal: say the rest as options.")
    return answer.run


async def _obey_inputs(
    actions: Actions, run: str, inputs: asyncio.Queue[Input], set_line: Callable[[str], None]
) -> None:
    """Act on each input; the line at the bottom shows the answer or the reason of a refusal."""
    while True:
        typed = await inputs.get()
        try:
            if text := await _act_on(actions, run, typed):
                set_line(text)
        except (Refused, StoreFailed) as error:
            set_line(str(error))


async def _act_on(actions: Actions, run: str, typed: Input) -> str:
    """Act on one input and return an answer; "" where its effect is seen anyway."""
    match typed:
        case SkipKey(number):
            seat = _find_seat(await actions.read_run(run, BY), number)
            await actions.skip_seat(run, seat, BY)
        case VoteKey(number):
            await actions.cast_vote(run, _find_seat(await actions.read_run(run, BY), number), BY)
        case RemarkLine(text):
            await actions.add_remark(run, clean_text(text), BY)
        case GuessLine(number, name):
            await actions.guess_speaker(run, _find_seat(await actions.read_run(run, BY), number), name, BY)
        case RevealKey():
            await actions.reveal_answers(run, BY)
        case StopKey():
            await actions.stop_run(run, BY)
        case CommandLine(text):
            return await _run_command(actions, run, text)
        case _ as never:
            assert_never(never)
    return ""


async def _run_command(actions: Actions, run: str, text: str) -> str:
    """Run a command of `commands.steer`; the text behind its name is its first option."""
    word, _, rest = text.partition(" ")
    command = next((c for c in STEERING if c.path[-1] == word.lower()), None)
    if command is None:
        known = ", ".join(f"/{c.path[-1]}" for c in STEERING)
        raise Refused(f"There is no {quote_typed('/' + word)} here, but {known}.")
    first = next(iter(command.options.model_fields))
    try:
        options = command.options.model_validate({first: rest.strip()} if rest.strip() else {})
    except ValidationError as error:
        raise Refused(f"Write the {first} behind it: /{word} …") from error
    answer = await command.handle(actions, options, Here(BY, open_no_surface, run=run))
    return answer.text if isinstance(answer, Told) else ""


def _find_seat(t: Transcript, number: int) -> str:
    """Return the key of the seat with that number, counted from 1 in panel order. Raises Refused."""
    seats = t.started.panel.seats
    if not 1 <= number <= len(seats):
        raise Refused(f"The seats here are 1 to {len(seats)}.")
    return seats[number - 1].key


def _make_hint(t: Transcript) -> str:
    most = len(t.started.panel.seats)
    visibility = t.started.rules.veil
    guess = f"g1–g{most} and a name guess · " if visibility.guess else ""
    reveal = "" if visibility.reveal == "live" else "r reveal · "
    return f"1–{most} skip · v1–v{most} vote · {guess}{reveal}s stop · /pause, /object … · text, Enter: a remark"


def _ignore_line(line: str) -> None:
    """Ignore the line at the bottom, which a pipe does not have."""


@contextmanager
def _handle_ctrl_c(first: Callable[[], None]) -> Iterator[None]:
    """Call `first` at the first Ctrl-C; cancel the task in the context at the second."""
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
