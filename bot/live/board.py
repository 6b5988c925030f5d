"""The progress card of a run and the footers of its turns: progress, times and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import assert_never

from bot.domain.costs import show_cost, show_range, total_cost
from bot.domain.facts import TurnEnded
from bot.domain.run import SEARCH_STAGES, Price, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name, names_hidden, redact_failure, reveal_key
from bot.text import as_text

Notices = dict[TurnId, str]  # the reason why a running turn says nothing yet

LONG = 3.0  # a turn takes long after this multiple of its stage's median
MARKS = ("🟦", "🟩", "🟧", "🟪", "🟨", "🟥", "🟫", "⬜", "⬛", "🔷", "🔶", "🔺")  # one per seat, by place in the panel
BAR_CELLS = 12
SENT_REMARKS = 3  # the newest remarks whose origin is shown
QUESTION_CHARS = 2_000  # so much of the question stands on the board


@dataclass(frozen=True, slots=True)
class BoardLine:
    """The state of one turn: of the current stage, or still open from another."""

    name: str
    mark: str
    state: str


@dataclass(frozen=True, slots=True)
class Board:
    """The progress card as data. Times in seconds; `rest_s` is None while nobody can say."""

    question: str
    origin: str  # who asked whom, and in which form
    verdict: str  # "" until the end
    key: str  # who was who in a blind run; "" as long as nobody may know
    stage: str
    done: int
    total: int
    elapsed_s: float
    lines: tuple[BoardLine, ...]
    fastest: str
    rest_s: float | None
    expected: str  # what it may cost, as told before it began; "" where that is free or unknown
    spent: str  # tokens and cost; "" while nobody may know who is who, as each answer adds its own
    board_lines: tuple[str, ...]  # lines on what people have done to its course
    warnings: tuple[str, ...]


def build_board(
    t: Transcript,
    stage: str,
    total: int,
    notices: Mapping[TurnId, str],
    now: float,
    warnings: Sequence[str] = (),
    verdict: str = "",
    board_lines: Sequence[str] = (),
) -> Board:
    """Build the card at wall time `now`."""
    ended = [turn for turn in t.turns.values() if turn.ended]
    current = _current_stage(t)
    latest = [turn for turn in t.turns.values() if turn.id[:2] == current]
    listed = [turn for turn in t.turns.values() if turn.id[:2] == current or not turn.ended]
    took = _list_durations(t, current)
    quickest = min(
        (turn for turn in latest if turn.ended and turn.ended.finish == "done"),
        key=lambda turn: turn.ended.timings.total_s if turn.ended else 0.0,
        default=None,
    )
    start = t.started
    panel = ", ".join(display_name(t, seat.key) for seat in t.panel.seats)
    open_for = [now - turn.started.at for turn in latest if not turn.ended]
    return Board(
        question=start.question,
        origin=" · ".join(
            [f"{start.format} of {panel}", f"asked by {as_text(start.name or start.by)}", *_list_origins(t)]
        ),
        verdict=verdict,
        key=reveal_key(t),
        stage=stage,
        done=len(ended),
        total=max(total, len(t.turns)),
        elapsed_s=(t.finished_at if t.is_over else now) - t.entries[0].at,
        lines=tuple(_build_line(t, turn, notices, now, apart=len(listed) > len(latest)) for turn in listed),
        fastest=display_name(t, quickest.id.seat) if quickest and len(took) > 1 and not names_hidden(t) else "",
        rest_s=max(0.0, median(took) - min(open_for)) if took and open_for else None,
        expected=f"expected {show_range(start.expected)}" if start.expected and start.expected.high_usd else "",
        spent="" if names_hidden(t) else f"{_count_tokens(ended)} tokens · {total_cost(t)}",
        board_lines=tuple(board_lines),
        warnings=tuple(warnings),
    )


def _count_tokens(turns: Sequence[Turn]) -> int:
    return sum(turn.ended.usage.output for turn in turns if turn.ended)


def _list_origins(t: Transcript) -> list[str]:
    """Return the origins of the texts that were sent here."""
    begun = [f"from {as_text(str(t.started.origin))}"] if t.started.origin else []
    later = [
        f"sent in by {as_text(remark.who)}: {as_text(str(remark.origin))}" for remark in t.remarks if remark.origin
    ]
    return [*begun, *later[-SENT_REMARKS:]]


def render_board(card: Board) -> str:
    """Write the card as Markdown: the question, the progress, and at the end the verdict."""
    spent = " · ".join(part for part in (f"{card.elapsed_s:.0f} s", card.spent) if part)
    beside = spent if card.verdict else card.expected
    parts = [_quote(card.question), f"{card.origin} · {beside}" if beside else card.origin]
    if card.verdict:
        parts += [f"**Verdict:** {card.verdict}", card.key]
    else:
        filled = round(BAR_CELLS * card.done / card.total) if card.total else 0
        bar = "▰" * filled + "▱" * (BAR_CELLS - filled)
        rest = f" · about {card.rest_s:.0f} s to go" if card.rest_s is not None else ""
        parts.append(f"{bar} {card.done}/{card.total} · {card.stage} · {spent}{rest}")
        parts.append("\n".join(f"- {line.mark} {line.name}: {line.state}" for line in card.lines))
    if card.fastest and not card.verdict:
        parts.append(f"Fastest: {card.fastest}")
    parts += card.board_lines
    return "\n\n".join(p for p in (*parts, *(f"⚠ {w}" for w in card.warnings)) if p)


def _quote(question: str) -> str:
    cut = question if len(question) <= QUESTION_CHARS else f"{question[:QUESTION_CHARS].rstrip()} …"
    return "\n".join(f"> {line}" for line in cut.splitlines())


def build_footer(ended: TurnEnded, price: Price | None, *, hidden: bool = False) -> str:
    """Return what a turn took and cost, and how it ended unless it ended by itself.

    `hidden`: nobody may know whose it is, and time, length and price would tell models apart.
    """
    if hidden:
        return _describe_finish(ended)
    facts = [f"{ended.timings.total_s:.1f} s", _describe_tokens(ended), show_cost(ended.cost_usd, price)]
    return " · ".join(p for p in (_describe_finish(ended), *facts) if p)


def seat_mark(t: Transcript, seat: str) -> str:
    keys = [s.key for s in t.started.panel.seats]
    return MARKS[keys.index(seat) % len(MARKS)] if seat in keys else "🔔"


def _current_stage(t: Transcript) -> tuple[str, int]:
    """Return stage and round of the turn that started last; turns that run beside a stage do not count."""
    return next(((i.stage, i.round) for i in reversed(tuple(t.turns)) if i.stage not in SEARCH_STAGES), ("", 0))


def _list_durations(t: Transcript, stage: tuple[str, int]) -> list[float]:
    """Return the seconds of the turns of a stage and round that ended by themselves."""
    ends = (turn.ended for turn in t.turns.values() if turn.id[:2] == stage)
    return [end.timings.total_s for end in ends if end and end.finish == "done"]


def _build_line(t: Transcript, turn: Turn, notices: Mapping[TurnId, str], now: float, *, apart: bool) -> BoardLine:
    """Build a turn's line. `apart`: turns of several stages are listed, so each names its stage."""
    took = _list_durations(t, turn.id[:2])
    if turn.ended:
        finish = _describe_finish(redact_failure(t, turn.ended)) or "done"
        state = finish if names_hidden(t) else f"{finish} · {turn.ended.timings.total_s:.1f} s"  # a time may tell too
    elif turn.id in notices:
        state = "at work" if names_hidden(t) else notices[turn.id]  # a notice may tell whose model it is
    elif took and now - turn.started.at > LONG * median(took):
        state = "is taking long; it can be skipped"
    else:
        state = "speaking"
    name = display_name(t, turn.id.seat)
    return BoardLine(f"{name} ({turn.id.stage})" if apart else name, seat_mark(t, turn.id.seat), state)


def _describe_tokens(ended: TurnEnded) -> str:
    match ended.usage.source:
        case "none":
            return ""
        case "reported":
            return f"{ended.usage.output} tokens"
        case "estimated":
            return f"about {ended.usage.output} tokens"
        case _ as never:
            assert_never(never)


def _describe_finish(ended: TurnEnded) -> str:
    match ended.finish:
        case "done":
            return ""
        case "length":
            return "cut at its length limit"
        case "repeated":
            return "stopped: it repeated itself"
        case "skipped":
            return "skipped"
        case "stopped":
            return "stopped"
        case "cut":
            return "cut off by a restart"
        case "failed":
            return f"failed: {ended.failure.text}" if ended.failure else "failed"
        case _ as never:
            assert_never(never)
