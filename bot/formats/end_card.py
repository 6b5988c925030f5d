"""The end card: what it says of the result, the votes, and the time and cost of a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from bot.domain import visibility
from bot.domain.caveats import is_away
from bot.domain.costs import total_cost
from bot.domain.lane_links import link_lane, without_lane_links
from bot.domain.run import LaneId
from bot.domain.transcript import Transcript
from bot.formats import guessing, pauses
from bot.formats.common import COMPLETE_FINISHES, failure_reason, is_voting_open, last_votes, name_of, prose_of
from bot.formats.plan import Plan
from bot.formats.vote_options import vote_names
from bot.text import cut_at_word, join_names, plain_line

END = LaneId("end", 1, "")
QUOTE_CHARS = 70  # of somebody's words on the card: they stand in full in the thread
HIDDEN = "What was said is still hidden: Reveal shows it."
SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+")


def plan_if_stopped(
    t: Transcript, now: float, titles: Mapping[LaneId, str], cards: Mapping[LaneId, str], said: Sequence[str] = ()
) -> Plan | None:
    """Return the plan of a run that people have stopped, or paused for good; None where it goes on.

    `said`: the result in lines, where one was there already.
    """
    why = pauses.cut_short_reason(t, now)
    return plan_end(t, now, "stopped", (*said, why), titles=titles, cards=cards) if why else None


def plan_end(
    t: Transcript,
    now: float,
    outcome: str,
    verdict: Sequence[str],
    *,
    dissent: str = "",
    headline: str = "",
    reason: str = "",
    titles: Mapping[LaneId, str] | None = None,
    cards: Mapping[LaneId, str] | None = None,
) -> Plan:
    """Return the plan of a run that has come to its end: its end card names missing seats, then the verdict in lines.

    `headline`: the result of people's votes, before the verdict and hidden as long as counts are. `reason`: why the run
    ended when it did.
    """
    # hidden counts are for those who can still vote; a run that lets nobody vote afterwards shows them at once
    hide = t.started.rules.vote_s > 0 and is_voting_open(t, now)
    shown = [line for line in ("" if hide else headline, *verdict) if line]
    count = "" if hide else votes_line(t)
    lines = (missing_line(t), *shown, reason, dissent, count, visibility.reveal_key(t), guessing.guess_results(t))
    card = "\n\n".join(line for line in lines if line)
    return Plan(
        stage="stopped" if outcome == "stopped" else "finished",
        outcome=outcome,
        verdict=without_lane_links(" · ".join(shown)),
        titles=titles or {},
        cards={**(cards or {}), END: card},
    )


def end_text(t: Transcript, plan: Plan) -> str:
    """Return what the end card says: the result, or that it is still hidden, and what the run took and cost."""
    return f"{HIDDEN if plan.hidden_lanes else plan.cards[END]}\n\n{describe_spending(t)}"


def missing_line(t: Transcript) -> str:
    """Say which seats were not heard to their end, and why; "" when all were.

    What else is known of a seat that is away stands below its turn.
    """
    said = {i.lane for i, turn in t.turns.items() if turn.ended and turn.ended.finish in COMPLETE_FINISHES}
    cut = [turn for i, turn in t.turns.items() if turn.ended and i.lane not in said]
    failed: dict[tuple[str, str], dict[str, None]] = {}  # stage and reason → the names, each once
    for turn in cut:
        is_known_away = turn.ended is not None and is_away(turn.ended.failure) and not visibility.names_hidden(t)
        known = ("", "") if is_known_away else (turn.id.stage, failure_reason(t, turn))
        failed.setdefault(known, {})[name_of(t, turn.id)] = None
    verb = "was" if len(t.started.absent) == 1 else "were"
    left_out = [f"{join_names(absent)} {verb} left out."] if (absent := visibility.absent_seats(t)) else []
    return " ".join([*left_out, *(_describe_missing(list(names), *why) for why, names in failed.items())])


def _describe_missing(names: Sequence[str], stage: str, reason: str) -> str:
    """Say what seats did not finish, and why; or that they are away, where there is no stage."""
    if not stage:
        return f"{join_names(names)} {'is' if len(names) == 1 else 'are'} not available."
    why = "" if reason == "stopped" else f" ({reason})"  # that the run was stopped is said beside
    return f"{join_names(names)} did not finish {'its' if len(names) == 1 else 'their'} {stage}{why}."


def votes_line(t: Transcript) -> str:
    """Return the counts of people's votes, most first."""
    known, given_away = vote_names(t), visibility.self_identified(t)
    count = Counter(last_votes(t).values())
    listed = (
        f"{known.get(seat, seat)} {n}{' (not blind: the answer tells whose it is)' if seat in given_away else ''}"
        for seat, n in count.most_common()
    )
    return f"Votes: {', '.join(listed)}." if count else ""


def describe_spending(t: Transcript) -> str:
    """Return time, tokens and money of a run in one line; its time alone while nobody may know who is who.

    Of a run that was stopped, the sums may be those of one seat.
    """
    took = f"{(t.finished_at if t.is_over else t.at) - t.entries[0].at:.1f} s"
    if visibility.names_hidden(t):
        return took
    tokens = sum(turn.ended.usage.output for turn in t.turns.values() if turn.ended)
    return f"{took} · {tokens} tokens · {total_cost(t)}"


def quote_beginning(name: str, lane: LaneId, text: str) -> str:
    """Return who says what, with a link to where all of it stands: the name in bold, and the text's beginning."""
    return f"**{link_lane(name, lane)}:** {shorten_prose(text)}"


def shorten_prose(text: str) -> str:
    """Return a text's beginning without Markdown: whole sentences as far as there is room, or the first words.

    An omission is marked.
    """
    said = _strip_marks(text)
    kept = ""
    for part in SENTENCE.split(said):
        if len(kept) + len(part) + 1 > QUOTE_CHARS:
            break
        kept = f"{kept} {part}".strip()
    return f"{kept}{' …' if len(kept) < len(said) else ''}" if kept else first_words(text)


def first_words(text: str) -> str:
    """Return the first words of a text without Markdown, as many as there is room for; an omission is marked."""
    said = _strip_marks(text)
    if len(said) <= QUOTE_CHARS:
        return said
    return f"{cut_at_word(said, QUOTE_CHARS)} …"


def _strip_marks(text: str) -> str:
    return plain_line(prose_of(text))
