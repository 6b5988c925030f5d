"""Cards of a council: the reviews with what they come to, how they were counted, and the result."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from bot.domain.answer_cards import AnswerCard
from bot.domain.caveats import is_away
from bot.domain.controls import Control
from bot.domain.lane_links import link_lane, without_lane_links
from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name, failure_text
from bot.formats.common import name_of
from bot.formats.council.chair import SYNTHESIS, final_synthesis, substitute_chair_line, synthesis_turns
from bot.formats.council.later_ballots import late_answers, unreviewed_answers
from bot.formats.council.ranking import Standings, Tiers
from bot.formats.council.review_order import letter_labels
from bot.formats.council.reviews import HeldBallots, Review, first_answers, has_review_begun, ranked_answers
from bot.formats.end_card import END, first_words, quote_beginning, shorten_prose
from bot.formats.plan import Section
from bot.text import join_blocks, join_names

REVIEWS = LaneId("reviews", 1, "")
COUNTED = LaneId("counted", 1, "")  # has no message: how it was counted stands behind a button of the reviews
WORD = re.compile(r"\w+")
COUNTED_TITLE = "How it was counted"
LATE = "came after the reviews had begun"
TWO_ANSWERS = "Two answers are not ranked: each model would only judge the other's."
UNRANKED = "No answer is ranked first."
TWO_REVIEWED = "No answer is ranked first: of two, each model could only judge the other's."
NO_RANKING = "The models gave no ranking."
READ_LOOSELY = " (read from its words)"  # not from the form it was asked for; the count tells more
AGREEMENT = ((1.0, "all agreed"), (0.7, "mostly agreed"), (0.3, "partly agreed"))  # from which correlation on


def card_titles(t: Transcript) -> dict[LaneId, str]:
    chairs = {i.lane: f"Synthesis · {name_of(t, i)}, for {name_of(t, SYNTHESIS)}" for i in synthesis_turns(t)}
    return {
        **chairs,
        SYNTHESIS.lane: f"Synthesis · {name_of(t, SYNTHESIS)}",
        REVIEWS: "Reviews",
        COUNTED: COUNTED_TITLE,
        END: "Result",
    }


def council_cards(t: Transcript, held: HeldBallots) -> dict[LaneId, str]:
    """Return the card of the reviews: a line for each, or for all that say the same, and what they come to so far."""
    if not has_review_begun(t):
        return {}
    known = [r for r in (*held.first, *held.later) if r.want.turn in t.turns or r.turn]
    said: dict[str, list[str]] = {}  # what a review comes to → whose it is
    for r in known:
        said.setdefault(f"{_later_note(t, r)}: {ballot_line(t, r)}", []).append(name_of(t, r.want.turn))
    lines = [f"- **{join_names(names)}**{line}" for line, names in said.items()]
    late = [name_of(t, turn.id) for turn in unreviewed_answers(t)]
    missed = f"{join_names(late)} answered too late to be reviewed." if late else ""
    parts = ("\n".join(lines), missed, _standings_text(t, held) if _are_some_in(held) else "")
    return {REVIEWS: "\n\n".join(part for part in parts if part)}


def review_controls(t: Transcript, held: HeldBallots) -> dict[LaneId, tuple[Control, ...]]:
    """Return the buttons under the reviews: what they say in full, and how they were counted."""
    behind = full_texts(t, held)
    labels = {REVIEWS: "Full texts", COUNTED: COUNTED_TITLE}
    return {REVIEWS: tuple(Control("full_texts", labels[lane], TurnId(*lane)) for lane in behind)} if behind else {}


def full_texts(t: Transcript, held: HeldBallots) -> dict[LaneId, tuple[Section, ...]]:
    """Return the long texts behind the buttons of the reviews."""
    said = tuple(_full_review(t, r, r.turn) for r in (*held.first, *held.later) if r.turn and r.turn.spoke)
    counted = {COUNTED: _describe_count(t, held)} if _are_some_in(held) else {}
    return {**({REVIEWS: said} if said else {}), **counted}


def late_notes(t: Transcript) -> dict[LaneId, str]:
    return {turn.id.lane: LATE for turn in late_answers(t)}


def _reviewer(t: Transcript, r: Review) -> str:
    """Name a reviewer; on a later ballot with the answers that it is about: "Claude, on GPT"."""
    return f"{name_of(t, r.want.turn)}{_later_note(t, r)}"


def _later_note(t: Transcript, r: Review) -> str:
    """Say which late answers a later ballot is about."""
    late = {turn.id.seat for turn in late_answers(t)} if r.want.turn.round > 1 else ()
    names = [name_of(t, i) for i in sorted(r.want.about) if i.seat in late]
    return f", on {join_names(names)}" if names else ""


def ballot_line(t: Transcript, r: Review) -> str:
    """Return a review in a line, with names for letters: "Claude, then GPT and Gemini"."""
    if r.turn is None or r.turn.ended is None or r.ballot is None:
        return "reviewing…"
    if r.turn.ended.failure:
        failure = r.turn.ended.failure
        why = failure_text(t, failure)
        return f"{why if is_away(failure) else f'failed: {why}'}{'; asked again' if r.pending else ''}"
    if r.pending:
        return "asked once more, as no ranking could be read"
    if not r.tiers and r.turn.ended.finish in ("skipped", "stopped"):
        return r.turn.ended.finish
    if not r.tiers:
        return "gave no ranking"
    return f"{format_tiers(t, r.tiers)}{'' if r.ballot.quality == 'strict' else READ_LOOSELY}"


def format_tiers(t: Transcript, tiers: Tiers) -> str:
    return ", then ".join(join_names([display_name(t, seat) for seat in tier]) for tier in tiers)


def ranking_verdict(t: Transcript, s: Standings) -> str:
    """Say which seat is ranked first, or why none is."""
    if s.top:
        answers = {turn.id.seat: turn.id.lane for turn in ranked_answers(t)}
        tied = ", ".join(link_lane(display_name(t, seat), answers[seat]) for seat in s.order[0])
        return f"A tie: {tied}." if len(s.order[0]) > 1 else f"**Ranked first by the models:** {tied}."
    if has_review_begun(t):
        return _why_unranked(t, s)
    few = {1: "With a single answer there was nothing to rank.", 2: TWO_ANSWERS}
    return few.get(len(first_answers(t)), NO_RANKING)


def _why_unranked(t: Transcript, s: Standings) -> str:
    """Say why reviews rank no answer first: a place that a reviewer gives itself does not count."""
    return TWO_REVIEWED if s.ballots and len(ranked_answers(t)) == 2 else NO_RANKING


def full_verdict(t: Transcript, s: Standings) -> tuple[str, ...]:
    """Say how the synthesis begins, and which seat is ranked first; why none is stands below the reviews."""
    verdict = ranking_verdict(t, s)
    return _closing_words(t, s), UNRANKED if verdict == TWO_REVIEWED else verdict


def _closing_words(t: Transcript, s: Standings) -> str:
    if said := final_synthesis(t):
        return quote_beginning("Chair" if said.id == SYNTHESIS else name_of(t, said.id), said.id.lane, said.text)
    return "The chair did not speak: the answers stand for themselves."


def best_answer(t: Transcript, s: Standings) -> str:
    """Quote the beginning of the answer that is ranked first; "" where none is."""
    if s.top is None or len(s.order[0]) > 1:
        return ""
    best = next(turn for turn in ranked_answers(t) if turn.id.seat == s.top)
    return f"> {first_words(best.text)}"


def best_answers(t: Transcript, s: Standings) -> tuple[AnswerCard, ...]:
    """Return the first answer and the second as cards; none where a tie leaves open which these are."""
    if s.top is None or [len(tier) for tier in s.order[:2]] != [1, 1]:
        return ()
    (first,), (second,) = s.order[:2]
    said = (ranking_verdict(t, s), best_answer(t, s))
    return _answer_card(t, first, "ranked first", said), _answer_card(t, second, "ranked second")


def _answer_card(t: Transcript, seat: str, rank: str, paragraphs: tuple[str, ...] = ()) -> AnswerCard:
    turn = next(turn for turn in ranked_answers(t) if turn.id.seat == seat)
    return AnswerCard(turn.id.lane, display_name(t, seat), rank, shorten_prose(turn.text), paragraphs)


def lines_below_ranking(t: Transcript, s: Standings) -> str:
    """Return the lines of the end card below the seat that is ranked first: what it said, and how far all agreed."""
    return join_blocks(best_answer(t, s), agreement_line(t, s))


def agreement_line(t: Transcript, s: Standings) -> str:
    """Say how far the models agreed, and who differs most on what; "" where nothing was ranked."""
    return " ".join(line for line in (_agreement_sentence(s), _dissent_line(t, s)) if line)


def _agreement_sentence(s: Standings) -> str:
    return f"The models {_agreement(s)}." if s.top and s.agreement is not None else ""


def _dissent_line(t: Transcript, s: Standings) -> str:
    if s.dissent is None:
        return ""
    who, above, below = (display_name(t, i) for i in (s.dissent.reviewer, s.dissent.above, s.dissent.below))
    return f"{who} differs most: it puts {above} above {below}."


def _agreement(s: Standings) -> str:
    """Return how far the ballots agree in words, by their average rank correlation: chance alone brings none."""
    correlation = (s.ballots * (s.agreement or 0.0) - 1) / max(1, s.ballots - 1)
    return next((word for least, word in AGREEMENT if correlation >= least - 1e-9), "hardly agreed")


def lines_below_verdict(t: Transcript, s: Standings) -> str:
    """Return the lines of the end card below the verdict."""
    return join_blocks(lines_below_ranking(t, s), substitute_chair_line(t))


def _are_some_in(held: HeldBallots) -> bool:
    return any(not r.pending for r in held.first)


def _standings_text(t: Transcript, held: HeldBallots) -> str:
    """Say in what order the models rank the answers so far, and how far they agree; the result says who differs."""
    s, out = held.standings, sum(r.pending for r in held.first)
    so_far = f"After {len(held.first) - out} of {len(held.first)} reviews. " if out else ""
    if not s.top:
        return f"{so_far}{_why_unranked(t, s)}"
    if len(s.order) == 1:
        return f"{so_far}{without_lane_links(ranking_verdict(t, s))} {_agreement_sentence(s)}".rstrip()
    first, *others = (join_names([display_name(t, seat) for seat in tier]) for tier in s.order)
    agreed = "" if s.agreement is None else f"; they {_agreement(s)}"
    return f"{so_far}The models ranked {', then '.join((f'{first} first', *others))}{agreed}."


def _describe_count(t: Transcript, held: HeldBallots) -> tuple[Section, ...]:
    """Say how the ballots were read and counted, with the names of the methods."""
    s = held.standings
    counted = f"{s.ballots} {'ballot' if s.ballots == 1 else 'ballots'}, {s.abstentions} abstained"
    if s.incomplete:
        counted += f", {s.incomplete} incomplete"
    read = [r for r in (*held.first, *held.later) if r.tiers and r.ballot]
    ballots = "\n".join(f"- **{_reviewer(t, r)}**: {_write_ballot(t, r)}" for r in read)
    listed = (Section(ballots, "Standings", rows=_standings_rows(t, s, read)),) if read else ()
    lines = [f"{counted}; by Schulze's method, without what a reviewer says of itself."]
    if s.agreement is not None:
        lines.append(f"Agreement (Kendall's W): {s.agreement:.2f}.")
    if s.dissent is not None:
        who = display_name(t, s.dissent.reviewer)
        lines.append(f"Dissent: {who} differs from the standings on {s.dissent.distance:.0%} of the pairs it ranked.")
    if s.others:
        found = (f"{method}: {_write_tiers(t, (winners,))}" for method, winners in s.others.items())
        lines.append(f"Another method would differ: {'; '.join(found)}.")
    return (*listed, Section("\n\n".join(lines)))


def _standings_rows(t: Transcript, s: Standings, read: Sequence[Review]) -> tuple[tuple[str, ...], ...]:
    """Return the standings as a table: a seat's place in all, and on each ballot; the last row says how it was read."""
    header = ("answer", "place", *(f"by {_reviewer(t, r)}" for r in read))
    placed = ((place, seat) for place, tier in enumerate(s.order, 1) for seat in tier)
    seats = ((display_name(t, seat), str(place), *(_place_on(r, seat) for r in read)) for place, seat in placed)
    return (header, *seats, ("how it was read", "", *(_describe_reading(r) for r in read)))


def _place_on(r: Review, seat: str) -> str:
    """Return the place of an answer on a ballot, "" where it has none; one's own is marked, as it does not count."""
    place = next((str(place) for place, tier in enumerate(r.tiers, 1) if seat in tier), "")
    return f"{place} (own)" if place and seat == r.want.turn.seat else place


def _write_ballot(t: Transcript, r: Review) -> str:
    """Return a ballot in signs, with how it was read: "Claude > GPT = Gemini · strict"."""
    return f"{_write_tiers(t, r.tiers)} · {_describe_reading(r)}"


def _describe_reading(r: Review) -> str:
    assert r.ballot is not None
    return f"{r.ballot.quality}{f' ({r.ballot.note})' if r.ballot.note else ''}"


def _write_tiers(t: Transcript, tiers: Tiers) -> str:
    return " > ".join(" = ".join(display_name(t, seat) for seat in tier) for tier in tiers)


def _full_review(t: Transcript, r: Review, turn: Turn) -> Section:
    text, letters = _review_text(t, r, turn.text), letter_labels(len(turn.about))
    named = zip(letters, turn.about, strict=True)
    key = ", ".join(f"{letter} is {name_of(t, i)}" for letter, i in named) if _has_letters(text, letters) else ""
    return Section(text, _reviewer(t, r), key)


def _has_letters(text: str, letters: Sequence[str]) -> bool:
    """Return whether a review calls answers by the letters under which they were shown."""
    return bool(set(WORD.findall(text)) & set(letters))


def _review_text(t: Transcript, r: Review, text: str) -> str:
    """Return the text of a review: one that came as JSON with its ranking in names, any other as it is."""
    try:
        written: Any = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than anything meant
        return text
    ranking, review = (written.get("ranking"), written.get("review")) if isinstance(written, dict) else (None, None)
    if not isinstance(review, str) or not isinstance(ranking, list):
        return text
    ranked = format_tiers(t, r.tiers) if r.tiers else ", then ".join(map(str, ranking))
    return f"{review}\n\nRanking: {ranked}"
