"""The plan and the questions of a run, asked of its format without long texts holding the event loop."""

from __future__ import annotations

from functools import partial

from bot.concurrency import SHORT, run_in_thread
from bot.domain.asks import Ask
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.engine.thread import current_plan
from bot.formats.plan import Format, Plan
from bot.ports.process import Clock, Watch


class Planner:
    """Asks a format for the plan of one run, and for what its seats are asked.

    Formats remember what they have read in a text, such as a ballot. So with a long text that is new the plan is made
    in a thread first, and thrown away: the one that counts, made in the loop right after, takes no time.
    """

    def __init__(self, form: Format, clock: Clock, watch: Watch) -> None:
        """Take the run's format. `watch` bounds the time in the thread."""
        self._form = form
        self._clock = clock
        self._watch = watch
        self._read: set[TurnId] = set()  # turns with long texts

    async def make_plan(self, t: Transcript) -> Plan:
        """Return the plan of now. Raises what the format raises, and TookTooLong."""
        make = partial(current_plan, t, self._form, self._clock())
        long = {i for i, turn in t.turns.items() if turn.ended and len(turn.text) > SHORT}
        if not long <= self._read:
            await run_in_thread(self._watch, make)
            self._read = long
        return make()

    def ask(self, t: Transcript, turn: TurnId) -> Ask:
        """Return what a turn's seat is asked."""
        return self._form.ask(t, turn)
