"""The watchdog: no run may hold the event loop, which is everybody's.

What a run does between two waits (its plan, its asks, the making of its messages) is pure and short. Where a bug makes
it long, two walls stand:

- A timer interrupts it after `HELD_S`. Python code, a sleep and a backtracking pattern end with `TookTooLong`, and the
  run is set aside as after any other bug. Where the machine is too busy to work on it, it has `PATIENCE` times as long;
  so it has in a thread, where Python code alone can be interrupted.
- What cannot be interrupted holds the loop on. `end_when_held` then ends the process. The note says what it
  worked on, and the next process finds it there.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import BinaryIO

from bot.concurrency import TookTooLong
from bot.ports.process import RunningNote

HELD_S = 5.0  # a plan takes milliseconds; platforms give a bot up after 3 s without an answer
PATIENCE = 6
LAST_RESORT_CPU_S = 30.0  # of the whole process; by CPU, so that a process that was paused is not ended as it wakes


class _Interrupted(BaseException):
    """The time is over. No `except Exception` in the code that holds the loop may swallow it."""


class Watchdog:
    """A bound on work that holds the event loop; a context manager, as it owns the timer's signal.

    Only the main thread has signals, and not every system has the timer: elsewhere it only writes the note.
    """

    def __init__(self, note: RunningNote, *, held_s: float = HELD_S) -> None:
        self._note = note
        self._held_s = held_s
        self._has_timer = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self._home = threading.get_ident()
        self._watching = False
        self._worked_on: dict[int, str] = {}  # thread → run
        self._noting = threading.Lock()

    def __enter__(self) -> Watchdog:
        if self._has_timer:
            self._before = signal.signal(signal.SIGALRM, self._interrupt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._has_timer:
            signal.signal(signal.SIGALRM, self._before)

    @contextmanager
    def watch(self, run: str) -> Iterator[None]:
        """Note that the run is worked on. Raises TookTooLong when that holds the loop, or a thread, for too long."""
        if threading.get_ident() != self._home:
            with self._watch_thread(run):
                yield
            return
        if self._watching:  # the outer one counts
            yield
            return
        self._write_note(run)
        self._watching = True
        self._ticks, self._cpu_s = 0, time.thread_time()
        self._set_timer(self._held_s)
        try:
            yield
        except _Interrupted:
            raise TookTooLong(f"it held the event loop for {self._ticks * self._held_s:g} s") from None
        finally:
            self._watching = False
            self._set_timer(0)
            self._write_note("")

    @contextmanager
    def _watch_thread(self, run: str) -> Iterator[None]:
        """Watch as `watch` does, in a thread beside the loop."""
        self._write_note(run)
        over = threading.Event()
        guard = threading.Thread(target=self._interrupt_thread, args=(threading.get_ident(), over), daemon=True)
        guard.start()
        try:
            try:
                yield
            finally:
                over.set()
                guard.join()
                _raise_in_thread(threading.get_ident(), None)  # what came too late
        except _Interrupted:
            raise TookTooLong(f"it held a thread for {PATIENCE * self._held_s:g} s or more") from None
        finally:
            self._write_note("")

    def _write_note(self, run: str) -> None:
        """Note what this thread works on now, "" for nothing."""
        with self._noting:
            self._worked_on.pop(threading.get_ident(), None)
            if run:
                self._worked_on[threading.get_ident()] = run
            self._note.write(dict.fromkeys(self._worked_on.values()))  # one death in it is one, however many threads

    def _interrupt_thread(self, thread: int, over: threading.Event) -> None:
        while not over.wait(PATIENCE * self._held_s):  # it holds up nobody: no hurry
            _raise_in_thread(thread, _Interrupted)

    def _set_timer(self, seconds: float) -> None:
        if self._has_timer:
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # again and again, should it be swallowed

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._watching:
            return
        self._ticks += 1
        if time.thread_time() - self._cpu_s >= self._held_s / 2 or self._ticks >= PATIENCE:
            raise _Interrupted


def _raise_in_thread(thread: int, error: type[BaseException] | None) -> None:
    """Raise an error in a thread as soon as it runs Python code again; None takes back what was not raised yet."""
    kind = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)


async def end_when_held(report: BinaryIO) -> None:
    """End the process hard once the loop has not come round for `LAST_RESORT_CPU_S`; until cancelled.

    The system does it, since whatever holds the loop may hold the interpreter; it writes where the code stood to
    `report`, as it does of any other crash.
    """
    if not hasattr(signal, "setitimer"):
        return
    faulthandler.enable(report)
    faulthandler.register(signal.SIGVTALRM, file=report, chain=True)
    try:
        while True:
            signal.setitimer(signal.ITIMER_VIRTUAL, LAST_RESORT_CPU_S)
            await asyncio.sleep(1)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        faulthandler.unregister(signal.SIGVTALRM)
        faulthandler.disable()
