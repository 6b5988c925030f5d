"""A turn while it speaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.domain.facts import ThinkingSeen, TurnEnded
from bot.domain.run import Failure, Finish, Seat, Timings, TurnId, Usage
from bot.domain.spending import Payer
from bot.domain.transcript import Transcript
from bot.formats.plan import Plan, Want
from bot.live.lanes import Lane
from bot.models.deltas import Delta
from bot.models.prices import cost_usd

CHARS_A_TOKEN = 4  # of English; it only counts for the last few words of a turn that was cut off


@dataclass(slots=True)
class Draft:
    """The text, usage and times of a running turn, so that a cancelled turn keeps them.

    While it is `hidden` its text is kept here, and its lane only shows its length.
    """

    want: Want
    seat: Seat
    lane: Lane | None  # None: no lane shows it
    began: float  # loop time
    hidden: bool
    parts: list[str] = field(default_factory=list)
    chars: int = 0
    first_at: float | None = None
    usage: Usage = field(default_factory=Usage)
    uncounted: int = 0  # characters of text and thinking that have come since `usage`
    cost_usd: float | None = None  # as the provider reports it; None: it is computed from the usage
    finish: Finish = "done"
    thinks: bool = False  # it does, and has said nothing yet
    decided_finish: Finish | None = None  # decided once: by its own end, or because the plan no longer wants it

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def add_delta(self, delta: Delta) -> None:
        if delta.restarts:
            self._withdraw_text()
        self.thinks = not (self.chars or delta.text) and (self.thinks or bool(delta.thinking))
        if delta.text:
            self.parts.append(delta.text)
            self.chars += len(delta.text)
            self.first_at = self.first_at or delta.at
            if self.lane and not self.hidden:
                self.lane.add(delta.text)
        self.usage = delta.usage or self.usage
        self.uncounted = 0 if delta.usage else self.uncounted + len(delta.text) + len(delta.thinking)
        self.cost_usd = self.cost_usd if delta.cost_usd is None else delta.cost_usd
        self.finish = delta.ending or self.finish

    def _withdraw_text(self) -> None:
        """Take back the text so far: it was thinking."""
        self.parts.clear()
        self.chars, self.first_at = 0, None
        if self.lane and not self.hidden:
            self.lane.withdraw()

    def reveal(self) -> None:
        """Show the text so far, and from now on each delta as it comes."""
        if self.hidden and self.lane:
            self.hidden = False
            self.lane.add(self.text)

    def progress(self, name: str) -> str:
        """Return the line in place of hidden text; "" where it is shown, or there is none."""
        hidden = self.hidden and self.chars
        return f"{name} is writing: {self.chars:,} characters so far, not shown yet." if hidden else ""

    def end(self, now: float, wall_s: float, finish: Finish, failure: Failure | None = None) -> TurnEnded:
        """Return the end of the turn at a loop time, which is that wall time: some prices change with the hour."""
        timings = Timings(now - self.began, self.first_at - self.began if self.first_at is not None else None)
        usage = self.usage_so_far()
        cost = cost_usd(usage, self.seat.price, wall_s) if self.cost_usd is None else self.cost_usd
        return TurnEnded(self.want.turn, finish, self.text, usage, cost, timings, failure)

    def usage_so_far(self) -> Usage:
        """Return the usage with what has come since it was counted: a live count comes every few words."""
        if self.usage.source != "estimated":
            return self.usage
        return replace(self.usage, output=self.usage.output + round(self.uncounted / CHARS_A_TOKEN))


def find_payer(run: str, t: Transcript, turn: TurnId, plan: Plan) -> Payer:
    """Return who pays for a turn. What comes before the outcome leaves its share to the seat that will say it."""
    start = t.started
    is_outcome = turn.stage in plan.outcome_stages
    closing = [seat for seat in start.panel.everyone() if seat.key == plan.closing_seat and not is_outcome]
    return Payer(run, start.by, start.server, start.format, closing[0] if closing else None)


def list_seen_to_think(t: Transcript, running: Iterable[Draft]) -> list[ThinkingSeen]:
    """Return what is to be noted of running turns that think, where nobody knew that their seats do.

    It is noted before the plan is acted on that would no longer wait for them, or would in vain.
    """
    turns = [draft.want.turn for draft in running if draft.thinks and not draft.seat.thinks]
    return [ThinkingSeen(turn) for turn in turns if turn in t.turns and not t.turns[turn].thinks]
