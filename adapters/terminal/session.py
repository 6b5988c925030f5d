"""One run in a terminal: shown as it happens, steered by keys, stopped by Ctrl-C, and open until its person leaves."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from rich.console import Console
from rich.prompt import Confirm

from adapters.terminal.hints import describe_keys
from adapters.terminal.keys import Input, LeaveKey, LineEditor, StopKey, read_keyboard
from adapters.terminal.screen import Screen
from adapters.terminal.surface import make_pipe_surface, make_screen_surface
from adapters.terminal.typed import BY, act_on, list_extra_options
from bot.actions.actions import Actions
from bot.actions.offers import MustAgree
from bot.domain.costs import show_range
from bot.domain.transcript import Transcript
from bot.domain.visibility import absent_seats
from bot.errors import Refused, StoreFailed
from bot.ports.surface import Surface
from commands.command import Command, Here, Started, StartOptions

LOOK_S = 0.5  # between two looks at the run, for what can be typed and whether it is over
ANSWER_S = 10.0  # for so long the answer to an input stands, unless something is typed


def is_attended(console: Console) -> bool:
    """Return whether a person sits in front of the console: with a screen, and a keyboard."""
    return console.is_terminal and sys.stdin.isatty()


async def hold_session(actions: Actions, command: Command, options: StartOptions, console: Console) -> Transcript:
    """Start a run, show it to its end, and return its transcript. What may cost much is asked about first.

    Raises Refused, and CancelledError at a second Ctrl-C.
    """
    try:
        return await _show_run(actions, partial(_start_run, actions, command, options), console)
    except MustAgree as offer:
        offered = offer.run
        try:
            _require_agreement(offer, console)
        except Refused:
            await actions.cancel_offered(offered, BY)
            raise
    return await _show_run(
        actions, lambda surface: actions.start_offered(offered, BY, lambda run, question: surface), console
    )


async def resume_session(actions: Actions, run: str, console: Console) -> Transcript:
    """Go on with a run that was cut off, show it to its end, and return its transcript. Raises as `hold_session`."""
    return await _show_run(actions, partial(actions.take_up_run, run, BY), console)


def _require_agreement(offer: MustAgree, console: Console) -> None:
    """Ask the person whether a run is to begin. Raises Refused where they do not agree, or cannot be asked."""
    if not is_attended(console):
        raise Refused(f"{offer.price} Nothing was started: begin it at a keyboard, or raise money.ask_above_usd.")
    if not _confirm(f"{offer.price} Start?", console):
        raise Refused("Nothing was started, and nothing spent.")


def _confirm(question: str, console: Console) -> bool:
    """Ask a question at the keyboard; Ctrl-C and Ctrl-D say no. The event loop stands still until it is answered."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio's waits for the loop to go on
    try:
        return Confirm.ask(question, console=console, default=False)
    except (KeyboardInterrupt, EOFError):
        console.print()
        return False
    finally:
        signal.signal(signal.SIGINT, kept)


async def _start_run(actions: Actions, command: Command, options: StartOptions, surface: Surface) -> str:
    answer = await command.handle(actions, options, Here(BY, lambda run, question: surface))
    if not isinstance(answer, Started):
        raise Refused("There are no forms in a terminal: say the rest as options.")
    return answer.run


async def _show_run(actions: Actions, start: Callable[[Surface], Awaitable[str]], console: Console) -> Transcript:
    """Begin a run with `start`, show it to its end, and return its transcript."""
    with ExitStack() as stack:
        if not console.is_terminal:
            run = await start(make_pipe_surface(console))
            with suppress(OSError):  # the run goes on; that it could not be shown is said at its end
                _print_start(await actions.read_run(run, BY), console)
            session = _Session(actions, run)
        else:
            screen = Screen(console)
            run = await start(make_screen_surface(screen))
            session = _Session(actions, run, stack.enter_context(screen))
            stack.enter_context(_handle_signal(signal.SIGWINCH, screen.redraw))
            screen.number_seats([seat.key for seat in (await actions.read_run(run, BY)).started.panel.seats])
            if is_attended(console):
                stack.enter_context(session.take_keyboard(screen))
        stack.enter_context(_handle_ctrl_c(session))
        return await session.hold()


def _print_start(t: Transcript, console: Console) -> None:
    """Print what a reader of plain lines should know before the first answer comes."""
    for seat in absent_seats(t):
        console.print(f"Away: {seat}", markup=False)
    if t.started.expected and t.started.expected.high_usd:
        console.print(f"Expected to cost {show_range(t.started.expected)}.", markup=False)


class _Session:
    """A run and the person who watches it: `is_over` once nothing more is said, `leaving` once nobody stays."""

    def __init__(self, actions: Actions, run: str, screen: Screen | None = None) -> None:
        self.inputs: asyncio.Queue[Input] = asyncio.Queue()
        self.is_over = False
        self.leaving = asyncio.Event()
        self.leaving.set()  # until there is a keyboard
        self._actions = actions
        self._run = run
        self._screen = screen
        self._answer_until = 0.0  # loop time

    @contextmanager
    def take_keyboard(self, screen: Screen) -> Iterator[None]:
        """Act on what is typed, and stay until the person leaves."""
        self.leaving.clear()
        screen.shows_input = True
        editor = LineEditor(self.inputs.put_nowait, screen.move, self._show_typed)
        with read_keyboard(editor, self.leaving.set):
            yield

    async def hold(self) -> Transcript:
        """Wait until the run is over and its person has left; return its transcript."""
        helpers = [asyncio.create_task(work) for work in (self._obey_inputs(), self._look_after())]
        try:
            t = await self._actions.wait_until_finished(self._run)
            await self.leaving.wait()
            return t or await self._actions.read_run(self._run, BY)
        finally:
            for task in helpers:
                task.cancel()
            await asyncio.wait(helpers)

    async def _obey_inputs(self) -> None:
        """Act on each input; the status shows the answer or the reason of a refusal."""
        while True:
            typed = await self.inputs.get()
            if isinstance(typed, LeaveKey) and self.is_over:
                self.leaving.set()
                continue
            try:
                self._show_answer(await act_on(self._actions, self._run, typed))
            except (Refused, StoreFailed) as error:
                self._show_answer(str(error))

    async def _look_after(self) -> None:
        """Keep the status true; close the vote after the end once nobody stays, as the run ends with it."""
        while True:
            try:
                t = await self._actions.read_run(self._run, BY)
                possible = await self._actions.steering.list_possible(self._run, BY)
                if t.is_over and not self.is_over:
                    self._answer_until = 0.0  # other keys mean something from now on
                self.is_over = t.is_over
                if self.is_over and self.leaving.is_set() and "vote" in possible:
                    await self._actions.close_vote(self._run, BY)
            except (Refused, StoreFailed) as error:
                self._show_answer(str(error))
            else:
                extra = list(list_extra_options(t).values())
                keys = describe_keys(possible, len(t.started.panel.seats), extra, is_over=t.is_over)
                self._show_keys(keys)
            await asyncio.sleep(LOOK_S)

    def _show_typed(self, line: str) -> None:
        if line:
            self._answer_until = 0.0
        if self._screen:
            self._screen.set_typed(line)

    def _show_answer(self, text: str) -> None:
        self._answer_until = asyncio.get_running_loop().time() + ANSWER_S
        if self._screen:
            self._screen.set_status(text)

    def _show_keys(self, keys: str) -> None:
        if self._screen and self._screen.shows_input and asyncio.get_running_loop().time() >= self._answer_until:
            self._screen.set_status(keys)


@contextmanager
def _handle_ctrl_c(session: _Session) -> Iterator[None]:
    """Stop the run at the first Ctrl-C, or leave where it is over; cancel the task in the context at the next."""
    task = asyncio.current_task()
    assert task is not None  # a running loop runs a task
    pressed = False

    def press() -> None:
        nonlocal pressed
        if session.is_over and not session.leaving.is_set():
            session.leaving.set()
        elif pressed:
            task.cancel()
        else:
            session.inputs.put_nowait(StopKey())
        pressed = True

    with _handle_signal(signal.SIGINT, press):
        yield


@contextmanager
def _handle_signal(number: signal.Signals, act: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
