"""The progress card of a run and the footers of its turns: progress, times and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import assert_never

from bot.domain.caveats import is_away, list_run_caveats
from bot.domain.costs import NONE_RUNNING, Spent, list_spent, show_cost, show_range, show_total, sum_usd, warn_of_cost
from bot.domain.facts import TurnEnded
from bot.domain.run import SEARCH_STAGES, Origin, Price, TurnId, format_noun
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name, names_hidden, redact_failure
from bot.text import as_text, plain_line, quote_lines, shorten_typed

LONG = 3.0  # a turn takes long after this multiple of its stage's median
BAR_CELLS = 12
SENT_REMARKS = 3  # the newest remarks whose origin is shown
QUESTION_CHARS = 300  # so much of the question stands on the board
NAMED_CHARS = 80  # and so much where it only names the run that is summed up


@dataclass(frozen=True, slots=True)
class BoardLine:
    """The state of one turn: of the current stage, or still open from another."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Board:
    """The progress card as data. Times in seconds; `rest_s` is None while nobody can say."""

    question: str
    about: str  # the message that it is about: who said it, and its first lines; "" where it is about none
    origin: str  # who asked whom, and in which form
    verdict: str  # "" until the end
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
    text: str = ""  # what a seat says, of a run whose only message it is


def build_board(
    t: Transcript,
    stage: str,
    total: int,
    notices: Mapping[TurnId, str],
    now: float,
    warnings: Sequence[str] = (),
    verdict: str = "",
    board_lines: Sequence[str] = (),
    *,
    running: Mapping[TurnId, Spent] = NONE_RUNNING,
    warn_usd: Sequence[float] = (),
    text: str = "",
) -> Board:
    """Build the card at wall time `now`.

    `running`: what turns that go on have used so far. `warn_usd`: sums that people are warned of. `text`: what stands
    on it of a seat's words.
    """
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
    hidden = names_hidden(t)
    spent = {} if hidden else list_spent(t, running)
    sums = list(spent.values())
    warned = [line for line in (*warnings, *list_run_caveats(t), warn_of_cost(sum_usd(sums), warn_usd)) if line]
    return Board(
        question=start.question,
        about=_describe_reply(start.origin),
        origin=" · ".join(
            [
                f"{format_noun(start.format)} {'by' if start.format == 'summary' else 'of'} {panel}",
                f"asked by {as_text(start.name or start.by)}",
                *_list_origins(t),
            ]
        ),
        verdict=verdict,
        stage=stage,
        done=len(ended),
        total=max(total, len(t.turns)),
        elapsed_s=(t.finished_at if t.is_over else now) - t.entries[0].at,
        lines=tuple(_build_line(t, turn, notices, spent, now, apart=len(listed) > len(latest)) for turn in listed),
        fastest=display_name(t, quickest.id.seat) if quickest and len(took) > 1 and not hidden else "",
        rest_s=_expect_rest(t, total, took, open_for),
        expected=f"expected {show_range(start.expected)}" if start.expected and start.expected.high_usd else "",
        spent="" if hidden else f"{sum(one.tokens for one in sums):,} tokens · {show_total(t, sums)}",
        board_lines=tuple(board_lines),
        warnings=tuple(warned),
        text=text,
    )


def _describe_reply(origin: Origin | None) -> str:
    """Return who said what people replied to, and its first lines."""
    if origin is None or not origin.excerpt:
        return ""
    return f"**{as_text(origin.who)}:** " + "\n".join(as_text(plain_line(line)) for line in origin.excerpt)


def _list_origins(t: Transcript) -> list[str]:
    """Return the origins of the texts that were sent here; a person's message that is quoted has none beside."""
    origin = t.started.origin
    begun = [f"from {as_text(origin.brief)}"] if origin and (origin.run or not origin.excerpt) else []
    later = [
        f"sent in by {as_text(remark.who)}: {as_text(remark.origin.brief)}" for remark in t.remarks if remark.origin
    ]
    return [*begun, *later[-SENT_REMARKS:]]


def render_board(card: Board) -> str:
    """Write the card as Markdown: the question, the progress, and at the end the verdict."""
    spent = " · ".join(part for part in (f"{card.elapsed_s:.0f} s", card.spent) if part)
    beside = spent if card.verdict else card.expected
    parts = [
        quote_lines(card.about, QUESTION_CHARS),
        quote_lines(card.question, QUESTION_CHARS),
        f"{card.origin} · {beside}" if beside else card.origin,
    ]
    if card.text:
        parts = [quote_lines(card.question, NAMED_CHARS), f"{card.origin} · {spent}", card.text]
    elif card.verdict:
        parts.append(f"**Result:** {card.verdict}")
    else:
        filled = round(BAR_CELLS * card.done / card.total) if card.total else 0
        bar = "▰" * filled + "▱" * (BAR_CELLS - filled)
        rest = f" · about {card.rest_s:.0f} s to go" if card.rest_s is not None else ""
        parts.append(f"{bar} {card.done}/{card.total} · {card.stage} · {spent}{rest}")
        parts.append("\n".join(f"- {line.name}: {line.state}" for line in card.lines))
    if card.fastest and not (card.verdict or card.text):
        parts.append(f"Fastest: {card.fastest}")
    parts += card.board_lines
    return "\n\n".join(p for p in (*parts, *(f"⚠ {w}" for w in card.warnings)) if p)


def render_brief(card: Board) -> str:
    """Write the card for a surface with little room: a line on the run, then one for each thing worth knowing.

    "": it is to be read whole, as a seat's words stand on it.
    """
    if card.text:
        return ""
    count = "" if card.verdict or not card.total else f" {card.done}/{card.total}"
    question = shorten_typed(card.question, QUESTION_CHARS)
    facts = (f"{card.stage}{count}", f"{card.elapsed_s:.0f} s", card.spent, question)
    line = " · ".join(fact for fact in facts if fact)
    return "\n".join([line, *card.board_lines, *(f"⚠ {w}" for w in card.warnings)])


def build_footer(ended: TurnEnded, price: Price | None, *, hidden: bool = False) -> str:
    """Return what a turn took and cost, and how it ended unless it ended by itself.

    `hidden`: nobody may know whose it is, and time, length and price would tell models apart.
    """
    if hidden or is_away(ended.failure):
        return _describe_finish(ended)
    facts = [f"{ended.timings.total_s:.1f} s", _describe_tokens(ended), show_cost(ended.cost_usd, price)]
    return " · ".join(p for p in (_describe_finish(ended), *facts) if p)


def _current_stage(t: Transcript) -> tuple[str, int]:
    """Return stage and round of the turn that started last; turns that run beside a stage do not count."""
    return next(((i.stage, i.round) for i in reversed(tuple(t.turns)) if i.stage not in SEARCH_STAGES), ("", 0))


def _list_durations(t: Transcript, stage: tuple[str, int]) -> list[float]:
    """Return the seconds of the turns of a stage and round that ended by themselves."""
    ends = (turn.ended for turn in t.turns.values() if turn.id[:2] == stage)
    return [end.timings.total_s for end in ends if end and end.finish == "done"]


def _expect_rest(t: Transcript, total: int, took: Sequence[float], open_for: Sequence[float]) -> float | None:
    """Return the seconds until the run is over; None as long as turns are to come that have not begun."""
    if len(t.turns) < total or not took or not open_for:
        return None
    rest_s = median(took) - min(open_for)
    return rest_s if rest_s >= 1.0 else None


def _build_line(
    t: Transcript, turn: Turn, notices: Mapping[TurnId, str], spent: Mapping[TurnId, Spent], now: float, *, apart: bool
) -> BoardLine:
    """Build a turn's line. `apart`: turns of several stages are listed, so each names its stage."""
    took = _list_durations(t, turn.id[:2])
    if turn.ended:
        finish = _describe_finish(redact_failure(t, turn.ended)) or "done"
        is_untimed = names_hidden(t) or is_away(turn.ended.failure)  # a time may tell whose it is too
        state = finish if is_untimed else f"{finish} · {turn.ended.timings.total_s:.1f} s"
    elif notices.get(turn.id):
        state = "at work" if names_hidden(t) else notices[turn.id]  # a notice may tell whose model it is
    elif took and now - turn.started.at > LONG * median(took):
        state = "is taking long; it can be skipped"
    else:
        state = "speaking" if turn.id in notices else "thinking"  # of one that has just begun nothing is known yet
    if usd := spent[turn.id].usd if turn.id in spent else None:
        state += f" · {show_cost(usd, None)}"
    name = display_name(t, turn.id.seat)
    return BoardLine(f"{name} ({turn.id.stage})" if apart else name, state)


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
            if ended.failure is None:
                return "failed"
            return ended.failure.text if is_away(ended.failure) else f"failed: {ended.failure.text}"
        case _ as never:
            assert_never(never)
