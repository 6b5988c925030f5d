"""A turn while it speaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from statistics import median

from bot.domain.caveats import describe_stand_in
from bot.domain.costs import Spent
from bot.domain.facts import ThinkingSeen, TurnEnded
from bot.domain.run import Failure, Finish, Seat, StandIn, Timings, TurnId, Usage, WindowCut
from bot.domain.spending import Payer
from bot.domain.transcript import Transcript
from bot.engine.thread import thinking_line
from bot.formats.plan import Plan, Want
from bot.live.lanes import Lane
from bot.models.deltas import THINKING, Delta
from bot.models.prices import cost_usd

CHARS_A_TOKEN = 4  # of English; it only counts for the last few words of a turn that was cut off
QUIET_S = 5.0  # seconds of thinking about which nothing more is said
STEP_S = 10.0  # between two lines on it in a seat's message: each is an edit, and they draw on the budgets of texts


@dataclass(slots=True)
class Draft:
    """The text, usage and times of a running turn, so that a cancelled turn keeps them.

    While it is `hidden` its text is kept here, and its lane only shows its length. `began` (loop time): it was started,
    or litellm was loaded. `quiet_since`: it began, or last gave a reason why it waits. `told`: the latest line on its
    thinking, and the step of time that it is of.
    """

    want: Want
    seat: Seat
    lane: Lane | None  # None: no lane shows it
    began: float
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
    stand_in: StandIn | None = None
    cut: WindowCut | None = None
    notice: str = THINKING  # what the board says of it; "": that it speaks
    quiet_since: float = 0.0
    told: tuple[int, str] = (0, "")

    def __post_init__(self) -> None:
        self.quiet_since = self.began

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def model(self) -> str:
        """The key of the model that is asked."""
        return self.stand_in.model if self.stand_in else self.seat.model

    def add_delta(self, delta: Delta) -> None:
        if delta.switch:
            self.stand_in, self.cut = delta.switch.stand_in, None
            self.usage, self.uncounted, self.cost_usd = Usage(), 0, None  # those of a model that has said nothing
        self.cut = delta.cut or self.cut
        if delta.restarts:
            self._withdraw_text()
        self.notice = self._choose_notice(delta)
        if delta.loaded:
            self.began = delta.at
        if delta.loaded or delta.notice or delta.switch:
            self.quiet_since = delta.at
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

    def _choose_notice(self, delta: Delta) -> str:
        if delta.notice or not (delta.text or delta.thinking or delta.switch):
            return delta.notice or self.notice
        if delta.thinking and not delta.text:
            return THINKING
        return describe_stand_in(self.seat.name, self.stand_in) if self.stand_in else ""

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

    def describe(self, now: float) -> str:
        """Say why nothing comes yet; of thinking how long, how much as far as it is seen, and how long is usual."""
        seconds = now - self.quiet_since
        if self.notice != THINKING or seconds < QUIET_S:
            return self.notice
        tokens = round(self.usage.thinking + self.uncounted / CHARS_A_TOKEN, -2)
        facts = [THINKING, *([f"{tokens:,.0f} tokens"] if tokens else []), f"{seconds:.0f} s"]
        usual_s = () if self.stand_in else self.seat.usual_s
        return ", ".join(facts) + (f" (usually about {median(usual_s):.0f} s)" if usual_s else "")

    def progress(self, name: str, now: float, *, is_blind: bool) -> str:
        """Return the line in place of text: how much is hidden, or why nothing comes yet; "" where text is shown.

        `is_blind`: nobody may know who is who, as a notice or a time may tell.
        """
        if self.chars:
            return f"{name} is writing: {self.chars:,} characters so far, not shown yet." if self.hidden else ""
        if not is_blind and self.notice not in (THINKING, ""):
            return self.notice
        step = int((now - self.quiet_since) // STEP_S)
        if is_blind or not self.notice or step == 0:
            return thinking_line(name)
        if step != self.told[0]:
            self.told = (step, f"{name} is {self.describe(now)}…")
        return self.told[1]

    def end(self, now: float, wall_s: float, finish: Finish, failure: Failure | None = None) -> TurnEnded:
        """Return the end of the turn at a loop time, which is that wall time: some prices change with the hour."""
        timings = Timings(now - self.began, self.first_at - self.began if self.first_at is not None else None)
        usage, cost = self.usage_so_far(), self.spent_so_far(wall_s).usd
        return TurnEnded(self.want.turn, finish, self.text, usage, cost, timings, failure, self.stand_in, self.cut)

    def spent_so_far(self, wall_s: float) -> Spent:
        """Return what the turn has used at that wall time."""
        usage = self.usage_so_far()
        price = self.stand_in.price if self.stand_in else self.seat.price
        return Spent(usage.output, cost_usd(usage, price, wall_s) if self.cost_usd is None else self.cost_usd)

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
