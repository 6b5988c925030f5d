"""A run as people read it: its messages in order and the buttons under them, derived from its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.domain.answer_cards import AnswerCard
from bot.domain.caveats import is_away, list_caveats
from bot.domain.controls import Control, SeatRef
from bot.domain.facts import Mark
from bot.domain.lane_links import without_lane_links
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import SET_ASIDE, Entry, Transcript, Turn, fold_all, in_rows
from bot.domain.visibility import display_name, names_hidden, redact_failure, reveal_header
from bot.formats.common import asks_of, seat_of
from bot.formats.end_card import END, end_text
from bot.formats.plan import Format, Plan
from bot.formats.remarks import forgotten_cards, remarks_without_line
from bot.formats.vote_options import EXTRA_VOTE_OPTIONS, vote_choices
from bot.live.board import build_footer
from bot.ports.surface import Kind

LATER = LaneId("outcome", 1, "")
REMOVED = "*Removed by a moderator.*"
PAUSE, RESUME = Control("pause", "Pause"), Control("resume", "Resume")
SUMMARISE = Control("summarise", "Summarise")
WHILE_IT_RUNS = (Control("stop", "Stop"), PAUSE, Control("say", "Say something"), SUMMARISE)
REVEAL = Control("reveal", "Reveal")  # offered as long as something is hidden
BALLOT, REST = Control("ballot", "👍 Vote for…"), Control("more", "More…")
AFTERWARDS = (Control("follow_up", "Follow up"), Control("run_again", "Run again"), REST)
CLOSE = Control("close", "Close the vote")
ARCHIVE, RESTORE = Control("archive", "Archive"), Control("restore", "Unarchive")  # the one or the other
CARD = Control("card", "Picture")  # of what is over, with nothing left to hide
KEPT = (
    *(Control("outcome", "What became of it"), Control("name", "Name"), ARCHIVE, RESTORE),
    *(CARD, Control("export", "Export"), Control("delete", "Delete")),
)
MARKS: Mapping[Mark, Control] = {
    "done": Control("did_it", "We did it"),
    "right": Control("was_right", "It was right"),
    "wrong": Control("was_wrong", "It was wrong"),
    "undecided": Control("undecided", "Undecided"),
}
ASK_LATER = Control("ask_later", "Ask me in 30 days")
LATER_QUESTION = "What became of this? Whoever started it asked to be reminded; it is asked this once."
BESIDE_SEATS = tuple(map(SeatRef, EXTRA_VOTE_OPTIONS))
MOST_IN_ROW = 3  # seats whose votes stand on the end card itself: a phone shows no more names in a row


@dataclass(frozen=True, slots=True)
class Post:
    """One lane of the thread.

    `text` None: it is being written. `to`: who is told; `face`: a picture's address. `is_outcome`: it says what came of
    the run. `answers`: those that the end card tells of.
    """

    lane: LaneId
    kind: Kind
    title: str
    text: str | None
    footer: str = ""
    placeholder: str = ""
    controls: tuple[Control, ...] = ()
    to: str = ""
    face: str = ""
    is_outcome: bool = False
    answers: tuple[AnswerCard, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Return whether it is a card that has come to nothing, and so has no message."""
        return self.kind == "card" and not self.text


def running_controls(t: Transcript) -> tuple[Control, ...]:
    """Return the buttons under the board of a run that goes on."""
    return tuple(RESUME if control is PAUSE and t.steering.paused else control for control in WHILE_IT_RUNS)


def plan_set_aside(t: Transcript) -> Plan:
    """Return the plan of a run that was set aside: nothing is wanted, and what was hidden stays hidden."""
    veiled = t.started.rules.veil.reveal != "live" and not t.revealed
    hidden = frozenset(i.lane for i in t.turns) if veiled else frozenset()
    return Plan(stage=SET_ASIDE, hidden_lanes=hidden, cards=forgotten_cards(t))


def current_plan(t: Transcript, form: Format, now: float) -> Plan:
    """Return the plan at wall time `now`. A run that was set aside is never planned: that may be what broke it."""
    return plan_set_aside(t) if t.set_aside else form.plan(t, max(t.at, now))


def ahead(t: Transcript, plan: Plan) -> tuple[float, int]:
    """Return the stages that are still to begin, as far as the plan says, and the seats of each.

    They are stages of turns with a message of their own.
    """
    begun = sum(turn.stage not in plan.unstreamed_stages for turn in t.turns)
    seats = max(1, len(t.panel.seats))
    return max(0, plan.total - plan.total_unstreamed - begun) / seats, seats


def thread_posts(t: Transcript, plan: Plan, turns: Iterable[Turn] | None = None) -> list[Post]:
    """Return the posts of the thread now: turns in the order of their starts, then the cards.

    `turns`: those among them that are wanted; None: all of the run.
    """
    wanted = t.turns.values() if turns is None else turns
    found = {post.lane: post for turn in wanted for post in turn_posts(t, turn, plan)}
    cards = [
        _end_post(t, plan) if lane == END else _card_post(plan, lane, text)
        for lane, text in plan.cards.items()
        if lane != END or t.finished  # an end is stored before it is shown
        if lane not in plan.withheld_cards or not plan.hidden_lanes
    ]
    later = [Post(LATER, "card", "", LATER_QUESTION, controls=tuple(MARKS.values()))] if t.asked else []
    return [*found.values(), *(_mark_outcome(card, plan) for card in cards), *later]


def turn_posts(t: Transcript, turn: Turn, plan: Plan) -> list[Post]:
    """Return the post of one turn; none where it has no message of its own."""
    streamed = turn.id.stage not in plan.unstreamed_stages
    return [_mark_outcome(_turn_post(t, turn, plan), plan)] if streamed else []


def _mark_outcome(post: Post, plan: Plan) -> Post:
    return replace(post, is_outcome=True) if post.lane.stage in plan.outcome_stages else post


def lane_posts(t: Transcript, plan: Plan) -> list[Post]:
    """Return the posts that have a message of their own.

    Where a turn stands on the board, that one is all; a remark that stands there as a message has no other.
    """
    if plan.board_turn is not None:
        return []
    left_out = remarks_without_line(t)
    return [post for post in thread_posts(t, plan) if post.lane not in left_out]


def board_text(t: Transcript, plan: Plan, written: Mapping[TurnId, str]) -> str:
    """Return what the turn says that stands on the board, "" where none does. `written`: by turns that go on."""
    asks = asks_of(t, plan.board_turn) if plan.board_turn and not plan.hidden_lanes else []
    said = [turn for i in asks if (turn := t.turns.get(i))]
    if said and said[-1].removed:
        return REMOVED
    return next((text for turn in reversed(said) if (text := written.get(turn.id) or turn.text)), "")


def board_controls(t: Transcript, plan: Plan) -> tuple[Control, ...]:
    """Return the buttons under the board."""
    return (*((REVEAL,) if plan.hidden_lanes else ()), *(() if t.is_over else running_controls(t)))


def board_verdict(t: Transcript, plan: Plan) -> str:
    """Return the verdict on the board at the end; "" before, or while anything is hidden."""
    if not t.finished or plan.hidden_lanes:
        return ""
    return f"{plan.verdict} Vote in the thread." if plan.voting and plan.verdict else plan.verdict


def thinking_line(name: str) -> str:
    """Return what stands in place of a turn's text until it comes."""
    return f"{name} is thinking…"


def _turn_post(t: Transcript, turn: Turn, plan: Plan) -> Post:
    seat, name = seat_of(t, turn.id), display_name(t, turn.id.seat)
    title = plan.titles.get(turn.id.lane, name)
    face = "" if names_hidden(t) else seat.avatar_url
    if turn.ended is None:
        skip = (Control("skip", "Skip", turn.id),)
        return Post(turn.id.lane, "turn", title, None, placeholder=thinking_line(name), controls=skip, face=face)
    if turn.removed:
        return Post(turn.id.lane, "turn", title, f"{reveal_header(t, seat.key)}{REMOVED}", face=face)
    failed = turn.ended.finish == "failed" and not is_away(turn.ended.failure) and not t.is_over and t.stopped is None
    retry = (Control("retry", "Retry", turn.id),) if failed else ()
    if turn.id.lane in plan.hidden_lanes and turn.spoke:
        length = "" if names_hidden(t) else f"{len(turn.ended.text):,} characters, "
        done = f"{name} is done: {length}not shown yet."
        return Post(turn.id.lane, "turn", title, None, placeholder=done, controls=retry, face=face)
    price = turn.ended.stand_in.price if turn.ended.stand_in else seat.price
    facts = build_footer(redact_failure(t, turn.ended), price, hidden=names_hidden(t))
    notes = (plan.footers.get(turn.id.lane, ""), *list_caveats(t, turn.ended), facts)
    note = " · ".join(n for n in notes if n)
    text = f"{reveal_header(t, seat.key)}{turn.ended.text}"
    controls = (*retry, *plan.controls.get(turn.id.lane, ()))
    return Post(turn.id.lane, "turn", title, text, note, controls=controls, face=face)


def _card_post(plan: Plan, lane: LaneId, text: str) -> Post:
    return Post(lane, "card", plan.titles.get(lane, ""), text, controls=plan.controls.get(lane, ()))


def _end_post(t: Transcript, plan: Plan) -> Post:
    """Return the one card that tells people: the result, its time and cost, and what they can do next."""
    first = (REVEAL,) if plan.hidden_lanes else _ballot_row(t) if plan.voting else ()
    best = () if plan.hidden_lanes else plan.best
    return Post(END, "end", "Result", end_text(t, plan), controls=(*first, *AFTERWARDS), to=t.started.by, answers=best)


def controls_behind(t: Transcript, plan: Plan, action: str) -> tuple[Control, ...]:
    """Return the buttons that stand behind one of the end card: `BALLOT` has the votes, `REST` all that is rarer."""
    ballot = _list_ballot(t) if plan.voting and not plan.hidden_lanes else ()
    if action == BALLOT.action:
        return ballot
    row = _ballot_row(t)
    rest = tuple(control for control in ballot if control not in row) if BALLOT not in row else ()
    own = () if plan.hidden_lanes else plan.controls.get(END, ())
    left_out = [ARCHIVE if t.archived else RESTORE, *([CARD] if plan.voting or plan.hidden_lanes else [])]
    kept = [control for control in KEPT if control not in left_out]
    heard = (SUMMARISE,) if any(turn.spoke for turn in t.turns.values()) else ()
    return (*rest, *((CLOSE,) if plan.voting else ()), *own, *heard, *kept)


def _ballot_row(t: Transcript) -> tuple[Control, ...]:
    """Return the votes that stand on the end card: those for the seats, or one button before all."""
    seats = [control for control in _list_ballot(t) if control.about not in BESIDE_SEATS]
    return tuple(seats) if len(seats) <= MOST_IN_ROW else (BALLOT,)


def _list_ballot(t: Transcript) -> tuple[Control, ...]:
    return tuple(Control("vote", f"👍 {name}", SeatRef(key)) for key, name in vote_choices(t).items())


def replay_thread(entries: Iterable[Entry], form: Format, now: float) -> list[Post]:
    """Return the whole thread of a stored run, each message where it first appeared, as it reads at wall time `now`."""
    entries = tuple(entries)
    t = fold_all(Transcript(), entries)
    if t.set_aside:
        return thread_posts(t, plan_set_aside(t))
    t = Transcript()
    thread: dict[LaneId, Post] = {}
    for row in in_rows(entries):
        t = fold_all(t, row)
        thread.update((post.lane, post) for post in thread_posts(t, form.plan(t, t.at)))
    thread.update((post.lane, post) for post in thread_posts(t, form.plan(t, max(t.at, now))))
    return [without_links(post) for post in thread.values() if not post.is_nothing]


def without_links(post: Post) -> Post:
    """Return a post for readers that have no messages to go to."""
    return replace(post, text=without_lane_links(post.text)) if post.kind == "end" and post.text else post
